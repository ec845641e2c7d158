//! `swarm.nodes` and `k8s.nodes`: how many nodes are as they should be.

use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::NodeFacts;

use super::count::Count;
use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet, known};

/// So many nodes of a swarm are so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwarmNodes {
    /// They take part.
    pub ready: Option<Count>,
    /// They do not.
    pub down: Option<Count>,
    /// They get no work, and what they had is taken away.
    pub drained: Option<Count>,
    /// They are managers that the others reach.
    pub managers: Option<Count>,
}

/// So many nodes of Kubernetes are so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KubernetesNodes {
    /// They take part.
    pub ready: Option<Count>,
    /// They do not.
    pub not_ready: Option<Count>,
    /// They get no new work.
    pub cordoned: Option<Count>,
}

/// A word, how many are wanted, and which nodes are so.
type Line = (&'static str, Option<Count>, fn(&NodeFacts) -> bool);

fn look(moment: Moment<'_>, lines: &[Line]) -> Result<Met, Unmet> {
    let nodes = known(moment.facts()?.nodes.as_ref())?;
    let mut met = Met::default();
    for (word, count, is_so) in lines {
        let Some(count) = count else { continue };
        let those: Vec<_> = nodes.iter().filter(|node| is_so(node)).collect();
        let names: Vec<_> = those.iter().map(|node| node.name.as_str()).collect();
        let unmet = |reason| {
            let unmet = Unmet::new(reason).saw("what", word).saw("number", those.len());
            Err(unmet.saw("nodes", names.join(", ")))
        };
        if count.has_too_few(those.len()) {
            return unmet(Reason::TooFewNodes);
        }
        if count.has_too_many(those.len()) {
            return unmet(Reason::TooManyNodes);
        }
        met = met.saw(word, those.len());
    }
    Ok(met)
}

fn wanted(lines: &[Line]) -> Values {
    let lines = lines.iter();
    lines.filter_map(|(word, count, _)| Some((*word, (*count)?.to_string()))).collect()
}

impl SwarmNodes {
    fn lines(&self) -> [Line; 4] {
        [
            ("ready", self.ready, |node| node.ready == Some(true)),
            ("down", self.down, |node| node.ready == Some(false)),
            ("drained", self.drained, |node| node.availability.as_deref() == Some("drain")),
            ("managers", self.managers, |node| node.reachability.as_deref() == Some("reachable")),
        ]
    }
}

impl KubernetesNodes {
    fn lines(&self) -> [Line; 3] {
        [
            ("ready", self.ready, |node| node.ready == Some(true)),
            ("not-ready", self.not_ready, |node| node.ready == Some(false)),
            ("cordoned", self.cordoned, |node| !node.is_schedulable()),
        ]
    }
}

const REASONS: &[Reason] = &[Reason::TooFewNodes, Reason::TooManyNodes];

impl Leaf for SwarmNodes {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        look(moment, &self.lines())
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        wanted(&self.lines())
    }

    fn command(&self) -> String {
        "docker node ls".to_owned()
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn fill(&mut self, _with: &mut dyn FnMut(&mut String)) {}
}

impl Leaf for KubernetesNodes {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        look(moment, &self.lines())
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        wanted(&self.lines())
    }

    fn command(&self) -> String {
        "kubectl get nodes".to_owned()
    }

    fn reasons(&self) -> &'static [Reason] {
        REASONS
    }

    fn fill(&mut self, _with: &mut dyn FnMut(&mut String)) {}
}
