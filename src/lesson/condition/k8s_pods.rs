//! `k8s.pods` and `k8s.absent`: pods that are ready, and a workload or pods that are not there.
//!
//! Facts do not tell environment variables.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Ask;
use crate::remote::{ContainerState, Extra, Extras, PodDetails, PodStatus};

use super::count::Count;
use super::image::is_same;
use super::leaf::Leaf;
use super::probes::Probes;
use super::selection::{self, Pods};
use super::story::{Met, Moment, Unmet, unknown};

/// Pods are there, and ready.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PodsAre {
    /// Which ones.
    #[serde(alias = "selector")]
    pub pods: Pods,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// How many are ready.
    pub ready: Option<Count>,
    /// The image of a container of each.
    pub image: Option<String>,
    /// The node of each.
    pub node: Option<String>,
    /// How the probes of a container of each are set.
    pub probe: Option<Probes>,
    /// Whether all run the same image, whatever their tags say.
    #[serde(rename = "image-ids")]
    pub image_ids: Option<Ids>,
}

/// Whether images are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ids {
    /// All pods run the same one.
    Same,
    /// There are two or more.
    Differ,
}

/// Neither pods nor what keeps them running are there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Which ones.
    pub pods: Pods,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
}

pub(super) fn has_image(pod: &PodStatus, image: &str) -> bool {
    let containers = pod.containers.iter().flatten().filter(|container| !container.init);
    containers.into_iter().any(|container| is_same(&container.image, image))
}

/// Why a pod is not ready, in a word of its kubelet.
pub(super) fn trouble(pod: &PodStatus) -> Option<String> {
    let containers = pod.containers.iter().flatten();
    let waiting = containers.filter_map(|container| match &container.state {
        Some(ContainerState::Waiting { reason, .. }) => reason.clone(),
        _ => None,
    });
    waiting.into_iter().next().or_else(|| pod.reason.clone()).or_else(|| pod.message.clone())
}

fn details(pod: &PodStatus) -> Result<&PodDetails, Unmet> {
    pod.details.as_ref().ok_or_else(|| unknown("details were not asked for"))
}

/// Which images pods run: tags may mean another one on each node.
fn look_at_ids(pods: &[&PodStatus], wanted: Ids) -> Result<(), Unmet> {
    let mut ids = BTreeSet::new();
    for pod in pods {
        let containers = &details(pod)?.containers;
        ids.extend(containers.iter().filter_map(|container| container.image_id.as_deref()));
    }
    // The end tells them apart, and a registry ahead of it does not.
    let short = |id: &&str| id.rsplit(':').next().unwrap_or_default().chars().take(12).collect();
    let ids: BTreeSet<String> = ids.iter().map(short).collect();
    let told = ids.iter().cloned().collect::<Vec<_>>().join(", ");
    match wanted {
        Ids::Same if ids.len() > 1 => Err(Unmet::new(Reason::DifferentImages).saw("images", told)),
        Ids::Differ if ids.len() < 2 => Err(Unmet::new(Reason::SameImages).saw("images", told)),
        _ => Ok(()),
    }
}

impl Leaf for PodsAre {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let facts = moment.facts()?;
        let namespace = self.namespace.as_deref();
        let pods = self.pods.staying(facts, namespace)?;
        if self.pods.has_lost_owner(moment.before(), facts, namespace) {
            return Err(Unmet::lost(Reason::NoWorkload).saw("workload", &self.pods));
        }
        if pods.is_empty() && !self.ready.is_some_and(|count| count.fits(0)) {
            return Err(Unmet::new(Reason::NoPods).saw("pods", &self.pods));
        }
        if let Some(image) = &self.image
            && let Some(other) = pods.iter().find(|pod| !has_image(pod, image))
        {
            let images = other.containers.iter().flatten().map(|it| it.image.as_str());
            let images: Vec<_> = images.collect();
            return Err(Unmet::new(Reason::OtherImage)
                .saw("pod", &other.name)
                .saw("image", images.join(", ")));
        }
        if let Some(node) = &self.node
            && let Some(other) = pods.iter().find(|pod| pod.node_name.as_ref() != Some(node))
        {
            return Err(Unmet::new(Reason::OtherNode)
                .saw("pod", &other.name)
                .saw("node", other.node_name.as_deref().unwrap_or_default()));
        }
        if let Some(probes) = &self.probe {
            for pod in &pods {
                let fits = probes.fit(&details(pod)?.containers);
                fits.map_err(|unmet| unmet.saw("pod", &pod.name))?;
            }
        }
        if let Some(wanted) = self.image_ids {
            look_at_ids(&pods, wanted)?;
        }
        let ready = pods.iter().filter(|pod| pod.ready == Some(true)).count();
        let Some(count) = self.ready else { return Ok(Met::default().saw("ready", ready)) };
        if count.has_too_few(ready) {
            let reason =
                if count.has_too_few(pods.len()) { Reason::TooFew } else { Reason::NotReady };
            let unready = pods.iter().find(|pod| pod.ready != Some(true));
            let mut unmet = Unmet::new(reason).saw("ready", ready);
            if let Some(pod) = unready {
                unmet = unmet.saw("pod", &pod.name);
            }
            return Err(match unready.and_then(|pod| trouble(pod)) {
                Some(word) => unmet.saw("error", word),
                None => unmet,
            });
        }
        if count.has_too_many(ready) {
            return Err(Unmet::new(Reason::TooMany).saw("ready", ready));
        }
        Ok(Met::default().saw("ready", ready))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("pods", self.pods.to_string())]);
        wanted.extend(self.ready.map(|count| ("ready", count.to_string())));
        wanted.extend(self.image.clone().map(|image| ("image", image)));
        wanted.extend(self.node.clone().map(|node| ("node", node)));
        wanted
    }

    fn command(&self) -> String {
        selection::command(self.namespace.as_deref())
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoPods,
            Reason::NoWorkload,
            Reason::OtherImage,
            Reason::OtherNode,
            Reason::TooFew,
            Reason::TooMany,
            Reason::NotReady,
            Reason::OtherSetting,
            Reason::SameImages,
            Reason::DifferentImages,
        ]
    }

    fn asks(&self) -> Ask {
        let needs_details = self.probe.is_some() || self.image_ids.is_some();
        let extra: &[Extra] = if needs_details { &[Extra::Details] } else { &[] };
        self.pods.asks().and(Ask { extras: Extras::of(extra), ..Ask::default() })
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.pods.fill(with);
        for text in [&mut self.namespace, &mut self.image, &mut self.node].into_iter().flatten() {
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

impl Leaf for Absent {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let (facts, namespace) = (moment.facts()?, self.namespace.as_deref());
        let pods = self.pods.all(facts, namespace)?.len();
        let is_kept = self.pods.is_kept(facts, namespace)?;
        if pods > 0 || is_kept {
            return Err(Unmet::new(Reason::StillThere).saw("pods", pods));
        }
        Ok(Met::default())
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        Values::from([("absent", self.pods.to_string())])
    }

    fn command(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        format!("kubectl get deployments,pods -n {namespace}")
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::StillThere]
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
