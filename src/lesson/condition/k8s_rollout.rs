//! `k8s.rollout`: all pods of a deployment are of its newest version, and ready.
//!
//! Which replica set pods are of is read from their names, and what was there when the step began is remembered; replica
//! sets themselves are asked for only where a step wants to know how many are kept. What a deployment says of itself may
//! be of the moment before, so its pods are asked, too.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Facts};
use crate::remote::{Extra, Extras, PodStatus, Workload};

use super::count::Count;
use super::image::is_same;
use super::k8s_pods::{has_image, trouble};
use super::leaf::Leaf;
use super::selection::{Pods, is_in, workload};
use super::story::{Met, Moment, Unmet, known, unknown};

/// A deployment is rolled out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// Its name.
    pub deployment: String,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// How many of its pods are ready.
    pub ready: Option<Count>,
    /// An image of its pods.
    pub image: Option<String>,
    /// Which replica set its pods are of.
    #[serde(rename = "replicaset")]
    pub replica_set: Option<Which>,
    /// Which revision it is at.
    pub revision: Option<Count>,
    /// How many replica sets it has kept, those without pods included.
    #[serde(rename = "replicasets")]
    pub replica_sets: Option<Count>,
}

/// A replica set, beside that of the pods that were there when the step began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Another one.
    New,
    /// The same one, be it that others were there meanwhile.
    Former,
}

const KIND: &str = "Deployment";

impl Rollout {
    fn pods(&self) -> Option<Pods> {
        Pods::try_from(format!("{KIND}/{}", self.deployment)).ok()
    }

    /// The replica sets that pods are of: their names without the last word.
    fn replica_sets(&self, facts: &Facts) -> Result<BTreeSet<String>, Unmet> {
        let pods = self.pods().map(|pods| pods.staying(facts, self.namespace.as_deref()));
        let pods = pods.transpose()?.unwrap_or_default();
        Ok(pods
            .iter()
            .filter_map(|pod| pod.name.rsplit_once('-'))
            .map(|(set, _)| set.to_owned())
            .collect())
    }
}

impl Rollout {
    fn look_at_sets(&self, facts: &Facts, deployment: &Workload) -> Result<(), Unmet> {
        if let Some(wanted) = self.revision {
            let details = deployment.details.as_ref();
            let details = details.ok_or_else(|| unknown("details were not asked for"))?;
            let revision = details.revision.unwrap_or(0);
            if !wanted.fits(usize::try_from(revision).unwrap_or(0)) {
                return Err(Unmet::new(Reason::OtherRevision).saw("revision", revision));
            }
        }
        if let Some(wanted) = self.replica_sets {
            let all = known(facts.extras.replica_sets.as_ref())?.iter();
            let its = all.filter(|set| {
                is_in(&set.namespace, self.namespace.as_deref())
                    && set
                        .owner
                        .as_ref()
                        .is_some_and(|it| it.kind == KIND && it.name == self.deployment)
            });
            let names: Vec<_> = its.map(|set| set.name.as_str()).collect();
            if !wanted.fits(names.len()) {
                return Err(Unmet::new(Reason::OtherReplicaSets)
                    .saw("number", names.len())
                    .saw("replicasets", names.join(", ")));
            }
        }
        Ok(())
    }
}

impl Leaf for Rollout {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let (facts, namespace) = (moment.facts()?, self.namespace.as_deref());
        let find = |facts| workload(facts, namespace, KIND, &self.deployment);
        let Some(found) = find(facts)? else {
            let was_there = find(moment.before()).is_ok_and(|found| found.is_some());
            let unmet = if was_there { Unmet::lost } else { Unmet::new };
            return Err(unmet(Reason::NoWorkload).saw("workload", &self.deployment));
        };
        if let Some(image) = &self.image
            && !found.images.iter().any(|it| is_same(it, image))
        {
            return Err(Unmet::new(Reason::OtherImage).saw("image", found.images.join(", ")));
        }
        let pods = self.pods().map(|pods| pods.staying(facts, namespace));
        let pods = pods.transpose()?.unwrap_or_default();
        let ready = pods.iter().filter(|pod| pod.ready == Some(true)).count();
        let number = |number: Option<i32>| usize::try_from(number.unwrap_or(0)).unwrap_or(0);
        let asked = number(found.replicas);
        let is_newest = |pod: &&&PodStatus| found.images.iter().all(|image| has_image(pod, image));
        let newest = pods.iter().filter(is_newest).count().min(number(found.updated_replicas));
        if newest != asked
            || pods.len() != asked
            || ready != asked
            || number(found.ready_replicas) != asked
        {
            let stuck =
                pods.iter().find(|pod| pod.ready != Some(true)).and_then(|pod| trouble(pod));
            let unmet = Unmet::new(Reason::NotRolledOut)
                .saw("ready", ready)
                .saw("updated", newest)
                .saw("replicas", asked);
            return Err(match stuck {
                Some(word) => unmet.saw("error", word),
                None => unmet,
            });
        }
        if let Some(count) = self.ready {
            let unmet = |reason| Err(Unmet::new(reason).saw("ready", ready));
            if count.has_too_few(ready) {
                return unmet(Reason::TooFew);
            }
            if count.has_too_many(ready) {
                return unmet(Reason::TooMany);
            }
        }
        if let Some(which) = self.replica_set {
            let (now, then) = (self.replica_sets(facts)?, self.replica_sets(moment.story.mark())?);
            let sets = now.iter().cloned().collect::<Vec<_>>().join(", ");
            match which {
                Which::New if !now.is_disjoint(&then) => {
                    return Err(Unmet::new(Reason::SameReplicaSet).saw("replicaset", sets));
                }
                Which::Former if !now.is_subset(&then) => {
                    return Err(Unmet::new(Reason::OtherReplicaSet).saw("replicaset", sets));
                }
                _ => {}
            }
        }
        if self.revision.is_some() || self.replica_sets.is_some() {
            self.look_at_sets(facts, found)?;
        }
        Ok(Met::default().saw("ready", ready).saw("updated", newest))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("workload", self.deployment.clone())]);
        wanted.extend(self.ready.map(|count| ("ready", count.to_string())));
        wanted.extend(self.image.clone().map(|image| ("image", image)));
        let which = self.replica_set.map(|which| match which {
            Which::New => "new",
            Which::Former => "former",
        });
        wanted.extend(which.map(|which| ("replicaset", which.to_owned())));
        wanted.extend(self.revision.map(|count| ("revision", count.to_string())));
        wanted.extend(self.replica_sets.map(|count| ("replicasets", count.to_string())));
        wanted
    }

    fn command(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        format!("kubectl get deployments,replicasets,pods -n {namespace}")
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoWorkload,
            Reason::OtherImage,
            Reason::NotRolledOut,
            Reason::TooFew,
            Reason::TooMany,
            Reason::SameReplicaSet,
            Reason::OtherReplicaSet,
            Reason::OtherRevision,
            Reason::OtherReplicaSets,
        ]
    }

    fn asks(&self) -> Ask {
        let mut extras = Extras::NONE;
        if self.revision.is_some() {
            extras = extras.and(Extras::of(&[Extra::Details]));
        }
        if self.replica_sets.is_some() {
            extras = extras.and(Extras::of(&[Extra::ReplicaSets]));
        }
        Ask { workloads: true, extras, ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.deployment);
        for text in [&mut self.namespace, &mut self.image].into_iter().flatten() {
            with(text);
        }
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }

    fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }
}
