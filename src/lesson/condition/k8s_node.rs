//! `k8s.node`: how one node is, beyond whether it takes part: its taints and its conditions.

use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, NodeFacts};
use crate::remote::{Extra, Extras, NodeDetails};

use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet, known, unknown};

/// A node is so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Node {
    /// Its name; if absent, any node is meant.
    pub name: Option<String>,
    /// Whether it takes part.
    pub ready: Option<bool>,
    /// Whether it gets no new work.
    pub cordoned: Option<bool>,
    /// A taint that it has.
    pub taint: Option<String>,
    /// A taint that it has not.
    pub no_taint: Option<String>,
    /// How it is in one respect: `DiskPressure` or `DiskPressure=False`.
    pub condition: Option<String>,
    /// Whether it is the node that was there when the step began, not another one of that name.
    pub same: Option<bool>,
}

fn details(node: &NodeFacts) -> Result<&NodeDetails, Unmet> {
    node.details.as_ref().ok_or_else(|| unknown("details were not asked for"))
}

impl Node {
    fn condition(&self) -> Option<(&str, &str)> {
        let text = self.condition.as_deref()?;
        Some(text.split_once('=').unwrap_or((text, "True")))
    }

    fn fits(&self, node: &NodeFacts, moment: Moment<'_>) -> Result<(), Unmet> {
        let unmet = |reason| Unmet::new(reason).saw("node", &node.name);
        match self.ready {
            Some(true) if node.ready != Some(true) => {
                let why = node.reason.as_deref().unwrap_or_default();
                return Err(unmet(Reason::NodeNotReady).saw("error", why));
            }
            Some(false) if node.ready != Some(false) => return Err(unmet(Reason::NodeReady)),
            _ => {}
        }
        match self.cordoned {
            Some(true) if node.is_schedulable() => return Err(unmet(Reason::NotCordoned)),
            Some(false) if !node.is_schedulable() => return Err(unmet(Reason::StillCordoned)),
            _ => {}
        }
        let has = |taint: &str| -> Result<bool, Unmet> {
            Ok(details(node)?.taints.iter().any(|it| it.key == taint))
        };
        if let Some(taint) = &self.taint
            && !has(taint)?
        {
            return Err(unmet(Reason::NotTainted).saw("taint", taint));
        }
        if let Some(taint) = &self.no_taint
            && has(taint)?
        {
            return Err(unmet(Reason::StillTainted).saw("taint", taint));
        }
        if let Some((kind, status)) = self.condition() {
            let found = details(node)?.conditions.iter().find(|it| it.kind == kind);
            if found.is_none_or(|it| it.status != status) {
                let seen = found.map(|it| it.status.as_str()).unwrap_or_default();
                let since = found.and_then(|it| it.since);
                let unmet = unmet(Reason::OtherNodeCondition).saw("condition", kind);
                return Err(unmet.saw("status", seen).saw("expected", status).since(since));
            }
        }
        if let Some(same) = self.same {
            let before = known(moment.story.mark().nodes.as_ref())?.iter();
            let is_same = before.clone().any(|it| it.id == node.id);
            if same && !is_same {
                return Err(unmet(Reason::AnotherNode));
            }
            if !same && is_same {
                return Err(unmet(Reason::SameNode));
            }
        }
        Ok(())
    }
}

impl Leaf for Node {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let nodes = known(moment.facts()?.nodes.as_ref())?;
        let mut meant = nodes.iter().filter(|it| self.name.as_ref().is_none_or(|n| it.name == *n));
        let absent =
            || Unmet::new(Reason::NoNode).saw("node", self.name.as_deref().unwrap_or_default());
        let mut first = None;
        let found = meant.find(|node| match self.fits(node, moment) {
            Ok(()) => true,
            Err(unmet) => {
                first.get_or_insert(unmet);
                false
            }
        });
        match found {
            Some(node) => Ok(Met::default().saw("node", &node.name)),
            None => Err(first.unwrap_or_else(absent)),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::new();
        wanted.extend(self.name.clone().map(|it| ("node", it)));
        wanted.extend(self.ready.map(|it| ("ready", it.to_string())));
        wanted.extend(self.cordoned.map(|it| ("cordoned", it.to_string())));
        wanted.extend(self.taint.clone().map(|it| ("taint", it)));
        wanted.extend(self.no_taint.clone().map(|it| ("no-taint", it)));
        wanted.extend(self.condition.clone().map(|it| ("condition", it)));
        wanted
    }

    fn command(&self) -> String {
        match &self.name {
            Some(name) => format!("kubectl describe node {name}"),
            None => "kubectl describe nodes".to_owned(),
        }
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoNode,
            Reason::NodeNotReady,
            Reason::NodeReady,
            Reason::NotCordoned,
            Reason::StillCordoned,
            Reason::NotTainted,
            Reason::StillTainted,
            Reason::OtherNodeCondition,
            Reason::AnotherNode,
            Reason::SameNode,
        ]
    }

    fn asks(&self) -> Ask {
        Ask { workloads: true, extras: Extras::of(&[Extra::Details]), ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        let texts = [&mut self.name, &mut self.taint, &mut self.no_taint];
        texts.into_iter().flatten().for_each(with);
    }
}
