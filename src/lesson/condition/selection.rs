//! Which pods are meant. Facts have no labels, so that there is no selector: pods are named by what keeps them running,
//! or by the beginning of their names.

use std::fmt;

use serde::Deserialize;

use crate::observe::Facts;
use crate::remote::{PodStatus, Workload};

use super::story::{Unmet, known};

/// The kinds that own pods, as Kubernetes writes them.
const KINDS: [&str; 6] = ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob"];

/// `deployment/web`, `web-*` or `web`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pods(String);

impl TryFrom<String> for Pods {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = match text.split_once('/') {
            Some((kind, name)) => is_kind(kind) && !name.is_empty() && !name.contains('*'),
            None => !text.is_empty() && !text.trim_end_matches('*').contains('*'),
        };
        let refused = || {
            format!(
                "`{text}` names no pods: expected deployment/NAME or another owner, NAME* or NAME"
            )
        };
        if fits { Ok(Self(text)) } else { Err(refused()) }
    }
}

fn is_kind(word: &str) -> bool {
    KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(word))
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pods {
    pub(super) fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.0);
    }

    fn owner(&self) -> Option<(&str, &str)> {
        self.0.split_once('/')
    }

    fn names(&self, pod: &PodStatus) -> bool {
        match (self.owner(), self.0.strip_suffix('*')) {
            (Some((kind, name)), _) => pod
                .owner
                .as_ref()
                .is_some_and(|owner| owner.kind.eq_ignore_ascii_case(kind) && owner.name == name),
            (None, Some(beginning)) => pod.name.starts_with(beginning),
            (None, None) => pod.name == self.0,
        }
    }

    /// Those pods, without what is going.
    pub(super) fn staying<'f>(
        &self,
        facts: &'f Facts,
        namespace: Option<&str>,
    ) -> Result<Vec<&'f PodStatus>, Unmet> {
        let pods = self.all(facts, namespace)?;
        Ok(pods.into_iter().filter(|pod| pod.deletion_timestamp.is_none()).collect())
    }

    /// Those pods.
    pub(super) fn all<'f>(
        &self,
        facts: &'f Facts,
        namespace: Option<&str>,
    ) -> Result<Vec<&'f PodStatus>, Unmet> {
        let pods = known(facts.pods.as_ref())?.iter();
        Ok(pods.filter(|pod| is_in(&pod.namespace, namespace) && self.names(pod)).collect())
    }

    /// Whether what keeps them running was there, and is there no more.
    pub(super) fn has_lost_owner(
        &self,
        before: &Facts,
        now: &Facts,
        namespace: Option<&str>,
    ) -> bool {
        self.is_kept(before, namespace).unwrap_or(false)
            && !self.is_kept(now, namespace).unwrap_or(true)
    }

    /// Whether what keeps them running is there. Of anything else than workloads, nobody tells.
    pub(super) fn is_kept(&self, facts: &Facts, namespace: Option<&str>) -> Result<bool, Unmet> {
        match self.owner() {
            Some((kind, name)) => Ok(workload(facts, namespace, kind, name)?.is_some()),
            None => Ok(false),
        }
    }
}

pub(super) fn is_in(namespace: &str, wanted: Option<&str>) -> bool {
    namespace == wanted.unwrap_or("default")
}

pub(super) fn workload<'f>(
    facts: &'f Facts,
    namespace: Option<&str>,
    kind: &str,
    name: &str,
) -> Result<Option<&'f Workload>, Unmet> {
    let mut all = known(facts.workloads.as_ref())?.iter();
    Ok(all.find(|it| {
        is_in(&it.namespace, namespace) && it.kind.eq_ignore_ascii_case(kind) && it.name == name
    }))
}

/// The command that shows pods.
pub(super) fn command(namespace: Option<&str>) -> String {
    format!("kubectl get pods -o wide -n {}", namespace.unwrap_or("default"))
}
