//! `k8s.restarted`: a container was started again, in the same pod; and `k8s.replaced`: other pods have come.
//!
//! A restart is one of a pod with the same uid, and so of the same name on the same node. Who asked for it (a liveness
//! probe, or a hand) only events tell: see `k8s.event`. A status that a signal leaves tells nearly as much: see `exit`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Ask;
use crate::remote::{ContainerState, PodStatus};

use super::leaf::Leaf;
use super::selection::{self, Pods};
use super::story::{Met, Moment, Unmet};

/// Containers were started again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restarted {
    /// Of which pods.
    pub pods: Pods,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// How often, in one pod: `+1`.
    #[serde(default)]
    pub count: More,
    /// What the pod must share with one that was there when the step began. If absent, a pod that has come since counts,
    /// too.
    #[serde(default)]
    pub same: Vec<Same>,
    /// With which statuses the container ended; with any, if absent. What a kubelet stops has 137 or 143, or what it
    /// chooses itself when it is told to end.
    #[serde(default)]
    pub exit: Vec<i32>,
}

/// Pods were replaced by others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// Which ones.
    pub pods: Pods,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// How many of them; all that were there, if absent.
    pub count: Option<usize>,
}

/// `+1`: one more than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct More(i32);

impl Default for More {
    fn default() -> Self {
        Self(1)
    }
}

impl TryFrom<String> for More {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_prefix('+').and_then(|number| number.parse().ok());
        let refused = || format!("`{text}` is no number of restarts: expected one like \"+1\"");
        number.filter(|number| *number > 0).map(Self).ok_or_else(refused)
    }
}

/// What two pods may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Same {
    /// They are the same pod.
    Uid,
    /// Their names.
    Name,
    /// Their nodes.
    Node,
}

impl Same {
    fn is_of(self, one: &PodStatus, other: &PodStatus) -> bool {
        match self {
            Self::Uid => one.uid == other.uid,
            Self::Name => one.name == other.name,
            Self::Node => one.node_name == other.node_name,
        }
    }
}

/// A restart.
struct Restart {
    at: Timestamp,
    uid: String,
    pod: String,
    exit: Option<i32>,
    is_same: bool,
    by: i32,
}

/// How often the containers of a pod were started again, and when and how the last one ended.
fn restarts(pod: &PodStatus) -> (i32, Option<(Option<Timestamp>, i32)>) {
    let containers = pod.containers.iter().flatten().filter(|container| !container.init);
    let count = containers.clone().map(|container| container.restart_count).sum();
    let ends = containers.filter_map(|container| match container.last_state {
        Some(ContainerState::Terminated { finished_at, exit_code, .. }) => {
            Some((finished_at, exit_code))
        }
        _ => None,
    });
    (count, ends.max_by_key(|(at, _)| *at))
}

impl Restarted {
    /// The restarts that are newer, oldest first.
    fn since(&self, moment: Moment<'_>) -> Result<Vec<Restart>, Unmet> {
        let namespace = self.namespace.as_deref();
        let mark = self.pods.all(moment.story.mark(), namespace)?;
        // A pod that has come since begins with none.
        let mut counts: BTreeMap<&str, i32> =
            mark.iter().map(|pod| (pod.uid.as_str(), restarts(pod).0)).collect();
        let mut found = Vec::new();
        for sample in moment.samples() {
            for pod in self.pods.all(&sample.facts, namespace).unwrap_or_default() {
                let (count, end) = restarts(pod);
                let before = counts.insert(&pod.uid, count).unwrap_or(0);
                if count <= before {
                    continue;
                }
                found.push(Restart {
                    at: end.and_then(|(at, _)| at).unwrap_or(sample.at),
                    uid: pod.uid.clone(),
                    pod: pod.name.clone(),
                    exit: end.map(|(_, code)| code),
                    is_same: self
                        .same
                        .iter()
                        .all(|same| mark.iter().any(|old| same.is_of(old, pod))),
                    by: count - before,
                });
            }
        }
        // Clocks of kubelets have whole seconds: what the count says is newer than the mark is so.
        found.retain(|it| it.at.as_second() >= moment.after.as_second());
        Ok(found)
    }
}

impl Leaf for Restarted {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let namespace = self.namespace.as_deref();
        let all = self.since(moment)?;
        let fits = |it: &&Restart| {
            it.is_same
                && (self.exit.is_empty() || it.exit.is_some_and(|code| self.exit.contains(&code)))
        };
        let mut counted = BTreeMap::<&str, i32>::new();
        for restart in all.iter().filter(fits) {
            let count = counted.entry(&restart.uid).or_default();
            *count += restart.by;
            if *count >= self.count.0 {
                let exit = restart.exit.map_or_else(String::new, |code| code.to_string());
                return Ok(Met::happened(restart.at)
                    .saw("pod", &restart.pod)
                    .saw("exit-code", exit));
            }
        }
        let facts = moment.facts()?;
        let now = self.pods.staying(facts, namespace)?;
        if self.pods.has_lost_owner(moment.before(), facts, namespace) {
            return Err(Unmet::lost(Reason::NoWorkload).saw("workload", &self.pods));
        }
        let before = self.pods.staying(moment.before(), namespace)?;
        let stays = |old: &&&PodStatus| now.iter().any(|pod| pod.uid == old.uid);
        let is_gone = !before.is_empty() && !before.iter().any(|old| stays(&old));
        let other = if self.same.contains(&Same::Uid) && is_gone {
            // None that was there will ever be started again.
            Unmet::lost(Reason::AnotherPod)
        } else {
            Unmet::new(Reason::AnotherPod)
        };
        if let Some(restart) = all.iter().rfind(|it| it.is_same) {
            let exit = restart.exit.map_or_else(String::new, |code| code.to_string());
            let reason = if fits(&restart) { Reason::TooFew } else { Reason::EndedByItself };
            return Err(Unmet::new(reason)
                .saw("pod", &restart.pod)
                .saw("exit-code", exit)
                .since(Some(restart.at)));
        }
        if let Some(old) = before.iter().find(|old| !stays(old)) {
            let new = now.iter().find(|pod| !before.iter().any(|old| old.uid == pod.uid));
            return Err(other
                .saw("pod", &old.name)
                .saw("new", new.map(|pod| pod.name.as_str()).unwrap_or_default()));
        }
        if now.is_empty() {
            return Err(Unmet::new(Reason::NoPods).saw("pods", &self.pods));
        }
        let count: i32 = now.iter().map(|pod| restarts(pod).0).sum();
        Err(Unmet::new(Reason::NotRestarted).saw("restarts", count))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([
            ("pods", self.pods.to_string()),
            ("count", format!("+{}", self.count.0)),
        ]);
        if !self.exit.is_empty() {
            let codes: Vec<_> = self.exit.iter().map(ToString::to_string).collect();
            wanted.insert("exit-code", codes.join(", "));
        }
        wanted
    }

    fn command(&self) -> String {
        selection::command(self.namespace.as_deref())
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NotRestarted,
            Reason::TooFew,
            Reason::AnotherPod,
            Reason::EndedByItself,
            Reason::NoPods,
            Reason::NoWorkload,
        ]
    }

    fn asks(&self) -> Ask {
        self.pods.asks()
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.pods.fill(with);
        self.namespace.iter_mut().for_each(with);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }
}

impl Leaf for Replaced {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let (facts, namespace) = (moment.facts()?, self.namespace.as_deref());
        let now = self.pods.staying(facts, namespace)?;
        if self.pods.has_lost_owner(moment.before(), facts, namespace) {
            return Err(Unmet::lost(Reason::NoWorkload).saw("workload", &self.pods));
        }
        let before = self.pods.staying(moment.before(), namespace)?;
        let wanted = self.count.unwrap_or(before.len()).max(1);
        let is_among =
            |pod: &PodStatus, those: &[&PodStatus]| those.iter().any(|it| it.uid == pod.uid);
        let gone = before.iter().filter(|old| !is_among(old, &now)).count();
        let new = now.iter().filter(|pod| !is_among(pod, &before)).count();
        let replaced = gone.min(new);
        if replaced >= wanted {
            return Ok(Met::default().saw("replaced", replaced));
        }
        let count = |pods: &[&PodStatus]| -> i32 { pods.iter().map(|pod| restarts(pod).0).sum() };
        let restarted = gone == 0 && count(&now) > count(&before);
        let reason = match (restarted, replaced) {
            (true, _) => Reason::OnlyRestarted,
            (false, 0) => Reason::NotReplaced,
            (false, _) => Reason::TooFew,
        };
        Err(Unmet::new(reason).saw("replaced", replaced))
    }

    fn is_live(&self) -> bool {
        // A new pod has another uid for good.
        false
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("replaced", self.pods.to_string())]);
        wanted.extend(self.count.map(|count| ("count", count.to_string())));
        wanted
    }

    fn command(&self) -> String {
        selection::command(self.namespace.as_deref())
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NotReplaced, Reason::OnlyRestarted, Reason::TooFew, Reason::NoWorkload]
    }

    fn asks(&self) -> Ask {
        self.pods.asks()
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.pods.fill(with);
        self.namespace.iter_mut().for_each(with);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }
}
