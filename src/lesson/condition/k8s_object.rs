//! `k8s.object`: an object is there, or not, and which one of its name it is. Of config maps and secrets also which keys
//! they have; what is in them is not known.

use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Facts};
use crate::remote::{Extra, Extras};

use super::leaf::Leaf;
use super::selection::{is_in, workload};
use super::setting::is_set;
use super::story::{Met, Moment, Unmet, known};

/// An object is there, or not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// Whether it is there.
    #[serde(default = "yes")]
    pub exists: bool,
    /// Keys that it has, among others.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Whether it is the one that was there when the step began, not another one of that name.
    #[serde(default)]
    pub same: bool,
    /// Of a pod disruption budget, how many pods have to stay.
    pub min_available: Option<String>,
    /// Of a pod disruption budget, how many may be away.
    pub max_unavailable: Option<String>,
}

fn yes() -> bool {
    true
}

/// What an object is, as Kubernetes writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Texts by their keys.
    ConfigMap,
    /// The same, secret.
    Secret,
    /// How many pods have to stay when nodes are drained.
    PodDisruptionBudget,
    /// A job.
    Job,
    /// What makes jobs.
    CronJob,
    /// What keeps pods running.
    Deployment,
    /// The same, one pod on each node.
    DaemonSet,
    /// The same, pods with names that stay.
    StatefulSet,
    /// What keeps pods of one version running.
    ReplicaSet,
    /// Containers that run together.
    Pod,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Deployment => "Deployment",
            Self::DaemonSet => "DaemonSet",
            Self::StatefulSet => "StatefulSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::Pod => "Pod",
        }
    }

    fn extras(self) -> &'static [Extra] {
        match self {
            Self::ConfigMap | Self::Secret => &[Extra::Keys],
            Self::PodDisruptionBudget => &[Extra::Budgets],
            Self::Job | Self::CronJob => &[Extra::Jobs],
            Self::ReplicaSet => &[Extra::ReplicaSets],
            Self::Deployment | Self::DaemonSet | Self::StatefulSet | Self::Pod => &[],
        }
    }
}

/// An object, as far as it is known.
#[derive(Default)]
struct Found<'f> {
    /// Workloads have none in the facts.
    uid: Option<&'f str>,
    keys: &'f [String],
    min_available: Option<&'f String>,
    max_unavailable: Option<&'f String>,
}

impl Object {
    fn find<'f>(&self, facts: &'f Facts) -> Result<Option<Found<'f>>, Unmet> {
        let namespace = self.namespace.as_deref();
        let is = |name: &str, place: &str| name == self.name && is_in(place, namespace);
        let (extras, kind) = (&facts.extras, self.kind.as_str());
        let only = |uid: &'f String| Found { uid: Some(uid), ..Found::default() };
        Ok(match self.kind {
            Kind::ConfigMap | Kind::Secret => known(extras.keys.as_ref())?
                .iter()
                .find(|it| it.kind == kind && is(&it.name, &it.namespace))
                .map(|it| Found { uid: Some(&it.uid), keys: &it.keys, ..Found::default() }),
            Kind::PodDisruptionBudget => known(extras.budgets.as_ref())?
                .iter()
                .find(|it| is(&it.name, &it.namespace))
                .map(|it| Found {
                    min_available: it.min_available.as_ref(),
                    max_unavailable: it.max_unavailable.as_ref(),
                    ..only(&it.uid)
                }),
            Kind::Job => known(extras.jobs.as_ref())?
                .iter()
                .find(|it| is(&it.name, &it.namespace))
                .map(|it| only(&it.uid)),
            Kind::CronJob => known(extras.cron_jobs.as_ref())?
                .iter()
                .find(|it| is(&it.name, &it.namespace))
                .map(|it| only(&it.uid)),
            Kind::ReplicaSet => known(extras.replica_sets.as_ref())?
                .iter()
                .find(|it| is(&it.name, &it.namespace))
                .map(|it| only(&it.uid)),
            Kind::Pod => known(facts.pods.as_ref())?
                .iter()
                .find(|it| is(&it.name, &it.namespace))
                .map(|it| only(&it.uid)),
            Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet => {
                workload(facts, namespace, kind, &self.name)?.map(|_| Found::default())
            }
        })
    }

    fn told(&self) -> String {
        format!("{}/{}", self.kind.as_str(), self.name)
    }
}

impl Leaf for Object {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let found = match (self.find(moment.facts()?)?, self.exists) {
            (None, false) => return Ok(Met::default()),
            (Some(_), false) => return Err(Unmet::new(Reason::StillThere)),
            (None, true) if self.same => {
                return Err(Unmet::lost(Reason::NoObject).saw("object", self.told()));
            }
            (None, true) => return Err(Unmet::new(Reason::NoObject).saw("object", self.told())),
            (Some(found), true) => found,
        };
        if self.same && self.find(moment.story.mark())?.is_none_or(|it| it.uid != found.uid) {
            return Err(Unmet::lost(Reason::AnotherObject).saw("object", self.told()));
        }
        if let Some(key) = self.keys.iter().find(|key| !found.keys.contains(key)) {
            return Err(Unmet::new(Reason::NoKey)
                .saw("object", self.told())
                .saw("key", key)
                .saw("keys", found.keys.join(", ")));
        }
        is_set("minAvailable", found.min_available, self.min_available.as_ref())?;
        is_set("maxUnavailable", found.max_unavailable, self.max_unavailable.as_ref())?;
        Ok(Met::default().saw("object", self.told()))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let key = if self.exists { "object" } else { "absent" };
        let mut wanted = Values::from([(key, self.told())]);
        if !self.keys.is_empty() {
            wanted.insert("keys", self.keys.join(", "));
        }
        wanted.extend(self.min_available.clone().map(|it| ("min-available", it)));
        wanted.extend(self.max_unavailable.clone().map(|it| ("max-unavailable", it)));
        wanted
    }

    fn command(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        let kind = self.kind.as_str().to_lowercase();
        // `describe` tells the keys of a secret, and not what they hold.
        format!("kubectl describe {kind} {} -n {namespace}", self.name)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoObject,
            Reason::StillThere,
            Reason::AnotherObject,
            Reason::NoKey,
            Reason::OtherSetting,
        ]
    }

    fn asks(&self) -> Ask {
        Ask { workloads: true, extras: Extras::of(self.kind.extras()), ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
        self.namespace.iter_mut().chain(&mut self.keys).for_each(with);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }
}
