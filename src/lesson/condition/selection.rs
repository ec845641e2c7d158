//! Which pods are meant: they are named by what keeps them running, by their labels, or by the beginning of their names.

use std::fmt;

use serde::Deserialize;

use crate::observe::{Ask, Facts};
use crate::remote::{Extra, Extras, PodStatus, Workload};

use super::story::{Unmet, known, unknown};

/// The kinds that own pods, as Kubernetes writes them.
const KINDS: [&str; 6] = ["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job", "CronJob"];

/// `deployment/web`, `app=web`, `web-*` or `web`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Pods(String);

impl TryFrom<String> for Pods {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = match text.split_once('/') {
            // A label may have a slash in its name.
            _ if text.contains('=') => labels(&text).is_some(),
            Some((kind, name)) => is_kind(kind) && !name.is_empty() && !name.contains('*'),
            None => !text.is_empty() && !text.trim_end_matches('*').contains('*'),
        };
        let refused = || {
            format!(
                "`{text}` names no pods: expected deployment/NAME or another owner, LABEL=VALUE, NAME* or NAME"
            )
        };
        if fits { Ok(Self(text)) } else { Err(refused()) }
    }
}

/// The labels of a selector and their values.
fn labels(text: &str) -> Option<Vec<(&str, &str)>> {
    let terms = text.split(',').map(|term| term.trim().split_once('='));
    let terms: Option<Vec<_>> = terms.collect();
    terms.filter(|terms| terms.iter().all(|(name, value)| !name.is_empty() && !value.contains('=')))
}

fn is_cron_job(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("CronJob")
}

fn is_replica_set(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("ReplicaSet")
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

    /// What has to be asked so that it can be told which ones they are.
    pub(super) fn asks(&self) -> Ask {
        let extra: &[Extra] = match (self.is_selector(), self.owner()) {
            (true, _) => &[Extra::Details],
            (_, Some((kind, _))) if is_cron_job(kind) => &[Extra::Jobs],
            (_, Some((kind, _))) if is_replica_set(kind) => &[Extra::Details],
            _ => &[],
        };
        Ask { workloads: true, extras: Extras::of(extra), ..Ask::default() }
    }

    fn is_selector(&self) -> bool {
        self.0.contains('=')
    }

    fn owner(&self) -> Option<(&str, &str)> {
        self.0.split_once('/').filter(|_| !self.is_selector())
    }

    fn names(&self, pod: &PodStatus, facts: &Facts) -> Result<bool, Unmet> {
        let details = || {
            let unknown = || unknown("details were not asked for");
            pod.details.as_ref().ok_or_else(unknown)
        };
        if self.is_selector() {
            let its = &details()?.labels;
            let mut wanted = labels(&self.0).unwrap_or_default().into_iter();
            return Ok(wanted.all(|(name, value)| its.get(name).is_some_and(|it| it == value)));
        }
        match self.owner() {
            // A deployment's pods tell of it, and not of the replica set between.
            Some((kind, name)) if is_replica_set(kind) => {
                let controller = details()?.controller.as_ref();
                Ok(controller.is_some_and(|it| is_replica_set(&it.kind) && it.name == name))
            }
            Some((kind, name)) if is_cron_job(kind) => {
                let jobs = known(facts.extras.jobs.as_ref())?;
                let job =
                    pod.owner.as_ref().filter(|owner| owner.kind == "Job").and_then(|owner| {
                        jobs.iter()
                            .find(|it| it.name == owner.name && it.namespace == pod.namespace)
                    });
                let owner = job.and_then(|job| job.owner.as_ref());
                Ok(owner.is_some_and(|owner| is_cron_job(&owner.kind) && owner.name == name))
            }
            _ => Ok(self.fits(pod)),
        }
    }

    fn fits(&self, pod: &PodStatus) -> bool {
        match (self.owner(), self.0.strip_suffix('*')) {
            (Some((kind, name)), _) => pod
                .owner
                .as_ref()
                .is_some_and(|owner| owner.kind.eq_ignore_ascii_case(kind) && owner.name == name),
            (None, Some(beginning)) => pod.name.starts_with(beginning),
            (None, None) => pod.name == self.0,
        }
    }

    /// Those pods, without what is going, and without those that ended and have others in their place: one that was evicted is
    /// listed until somebody removes it.
    pub(super) fn staying<'f>(
        &self,
        facts: &'f Facts,
        namespace: Option<&str>,
    ) -> Result<Vec<&'f PodStatus>, Unmet> {
        let pods = self.all(facts, namespace)?;
        let is_over = |pod: &PodStatus| {
            matches!(pod.phase.as_deref(), Some("Failed" | "Succeeded"))
                && pod.owner.as_ref().is_some_and(|owner| owner.kind != "Job")
        };
        let stays = |pod: &&PodStatus| pod.deletion_timestamp.is_none() && !is_over(pod);
        Ok(pods.into_iter().filter(stays).collect())
    }

    /// Those pods.
    pub(super) fn all<'f>(
        &self,
        facts: &'f Facts,
        namespace: Option<&str>,
    ) -> Result<Vec<&'f PodStatus>, Unmet> {
        let mut all = Vec::new();
        for pod in known(facts.pods.as_ref())? {
            if is_in(&pod.namespace, namespace) && self.names(pod, facts)? {
                all.push(pod);
            }
        }
        Ok(all)
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
