//! Workloads and their pods, in the words of the Kubernetes API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{self, Container, ContainerStatus, Node, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};

use crate::remote::swarm::ImageFact;

use super::details::{Owner, PodDetails, WorkloadDetails, moment};

/// Something that keeps pods running.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// `Deployment`, `DaemonSet` or `StatefulSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How many pods are to run; of a daemon set, on how many nodes.
    pub replicas: Option<i32>,
    /// How many are ready.
    pub ready_replicas: Option<i32>,
    /// How many are of the newest version; unknown until its controller has seen that version.
    pub updated_replicas: Option<i32>,
    /// The images of its containers.
    pub images: Vec<String>,
    /// What it says beyond that; absent if it was not asked for, and of others than deployments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<WorkloadDetails>,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which pod of that name it is.
    pub uid: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: Option<String>,
    /// Why it is in that phase, in a word: `Evicted`.
    pub reason: Option<String>,
    /// Why it is in that phase, or cannot be put on a node.
    pub message: Option<String>,
    /// Whether all that is behind its services may use it.
    pub ready: Option<bool>,
    /// The node that it is on; absent before it has one.
    pub node_name: Option<String>,
    /// What keeps it running; absent for a pod that somebody made by hand.
    pub owner: Option<Owner>,
    /// When its node began with it.
    pub start_time: Option<Timestamp>,
    /// When it was told to go, and how long it may take; absent if it is to stay.
    pub deletion_timestamp: Option<Timestamp>,
    /// Its containers; unknown until its node has told of them.
    pub containers: Option<Vec<PodContainer>>,
    /// What it says beyond that; absent if it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<PodDetails>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodContainer {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Whether it runs before the others and ends.
    pub init: bool,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// How often it was started again.
    pub restart_count: i32,
    /// What it does.
    pub state: Option<ContainerState>,
    /// How its last run ended; absent if there was none.
    pub last_state: Option<ContainerState>,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ContainerState {
    /// It runs.
    Running {
        /// Since when.
        started_at: Option<Timestamp>,
    },
    /// It does not run yet, or not again yet.
    Waiting {
        /// `ContainerCreating`, `CrashLoopBackOff`, `ImagePullBackOff`, …
        reason: Option<String>,
        /// In a sentence.
        message: Option<String>,
    },
    /// It has ended.
    Terminated {
        /// With which status.
        exit_code: i32,
        /// By which signal, if its node says so.
        signal: Option<i32>,
        /// `Completed`, `Error`, `OOMKilled`, …
        reason: Option<String>,
        /// What it has left to say.
        message: Option<String>,
        /// When it began.
        started_at: Option<Timestamp>,
        /// When it ended.
        finished_at: Option<Timestamp>,
    },
}

pub(super) fn of_deployment(object: &Deployment) -> Workload {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    Workload {
        namespace: object.namespace().unwrap_or_default(),
        kind: "Deployment".to_owned(),
        name: object.name_any(),
        replicas: spec.and_then(|s| s.replicas),
        // Zero is left out by the API.
        ready_replicas: status.map(|s| s.ready_replicas.unwrap_or(0)),
        updated_replicas: status
            .filter(|s| has_seen(s.observed_generation, &object.metadata))
            .map(|s| s.updated_replicas.unwrap_or(0)),
        images: images(spec.and_then(|s| s.template.spec.as_ref())),
        details: None,
    }
}

pub(super) fn of_stateful_set(object: &StatefulSet) -> Workload {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    Workload {
        namespace: object.namespace().unwrap_or_default(),
        kind: "StatefulSet".to_owned(),
        name: object.name_any(),
        replicas: spec.and_then(|s| s.replicas),
        ready_replicas: status.map(|s| s.ready_replicas.unwrap_or(0)),
        updated_replicas: status
            .filter(|s| has_seen(s.observed_generation, &object.metadata))
            .map(|s| s.updated_replicas.unwrap_or(0)),
        images: images(spec.and_then(|s| s.template.spec.as_ref())),
        details: None,
    }
}

pub(super) fn of_daemon_set(object: &DaemonSet) -> Workload {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    Workload {
        namespace: object.namespace().unwrap_or_default(),
        kind: "DaemonSet".to_owned(),
        name: object.name_any(),
        replicas: status.map(|s| s.desired_number_scheduled),
        ready_replicas: status.map(|s| s.number_ready),
        updated_replicas: status
            .filter(|s| has_seen(s.observed_generation, &object.metadata))
            .map(|s| s.updated_number_scheduled.unwrap_or(0)),
        images: images(spec.and_then(|s| s.template.spec.as_ref())),
        details: None,
    }
}

/// Whether a status was written by a controller that knew the newest version; until then it tells of the one before.
fn has_seen(observed: Option<i64>, metadata: &ObjectMeta) -> bool {
    observed >= metadata.generation
}

fn images(spec: Option<&PodSpec>) -> Vec<String> {
    spec.map_or_else(Vec::new, |s| s.containers.iter().filter_map(|c| c.image.clone()).collect())
}

/// The images that a node's kubelet tells of: the 50 largest, unless it was told otherwise.
pub(super) fn of_node(node: &Node) -> Option<Vec<ImageFact>> {
    let images = node.status.as_ref()?.images.as_ref()?;
    let mut images: Vec<_> = images
        .iter()
        .map(|image| ImageFact {
            names: image.names.clone().unwrap_or_default(),
            size_bytes: image.size_bytes,
        })
        .collect();
    images.sort();
    Some(images)
}

pub(super) fn of_pod(pod: &v1::Pod) -> PodStatus {
    let status = pod.status.as_ref();
    let condition =
        |kind: &str| status.and_then(|s| s.conditions.as_ref()?.iter().find(|c| c.type_ == kind));
    let unplaced = || {
        condition("PodScheduled").filter(|c| c.status == "False").and_then(|c| c.message.clone())
    };
    PodStatus {
        namespace: pod.namespace().unwrap_or_default(),
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        phase: status.and_then(|s| s.phase.clone()),
        reason: status.and_then(|s| s.reason.clone()),
        message: status.and_then(|s| s.message.clone()).or_else(unplaced),
        ready: condition("Ready").map(|c| c.status == "True"),
        node_name: pod.spec.as_ref().and_then(|s| s.node_name.clone()),
        owner: owner(pod),
        start_time: moment(status.and_then(|s| s.start_time.as_ref())),
        deletion_timestamp: moment(pod.metadata.deletion_timestamp.as_ref()),
        containers: status.and_then(|status| containers(status, pod.spec.as_ref())),
        details: None,
    }
}

fn containers(status: &v1::PodStatus, spec: Option<&PodSpec>) -> Option<Vec<PodContainer>> {
    let (init, main) = (&status.init_container_statuses, &status.container_statuses);
    if init.is_none() && main.is_none() {
        return None;
    }
    let asked = |init| match (spec, init) {
        (Some(spec), true) => spec.init_containers.as_deref().unwrap_or_default(),
        (Some(spec), false) => &*spec.containers,
        (None, _) => &[],
    };
    let of = |list: &Option<Vec<ContainerStatus>>, init| -> Vec<PodContainer> {
        list.iter().flatten().map(|status| PodContainer::of(status, asked(init), init)).collect()
    };
    Some([of(init, true), of(main, false)].concat())
}

impl PodContainer {
    fn of(status: &ContainerStatus, asked: &[Container], init: bool) -> Self {
        let asked = asked.iter().find(|it| it.name == status.name);
        // Where an image has several names, its node tells any of them.
        let image = asked.and_then(|it| it.image.as_ref()).unwrap_or(&status.image);
        Self {
            name: status.name.clone(),
            image: image.clone(),
            init,
            ready: status.ready,
            restart_count: status.restart_count,
            state: status.state.as_ref().and_then(state),
            last_state: status.last_state.as_ref().and_then(state),
        }
    }
}

fn state(state: &v1::ContainerState) -> Option<ContainerState> {
    if let Some(ended) = &state.terminated {
        return Some(ContainerState::Terminated {
            exit_code: ended.exit_code,
            signal: ended.signal,
            reason: ended.reason.clone(),
            message: ended.message.clone(),
            started_at: moment(ended.started_at.as_ref()),
            finished_at: moment(ended.finished_at.as_ref()),
        });
    }
    if let Some(waits) = &state.waiting {
        let (reason, message) = (waits.reason.clone(), waits.message.clone());
        return Some(ContainerState::Waiting { reason, message });
    }
    let started_at = moment(state.running.as_ref()?.started_at.as_ref());
    Some(ContainerState::Running { started_at })
}

/// A replica set that a deployment has made is of no interest beside it: its name ends with a hash that its pods
/// carry as a label.
fn owner(pod: &v1::Pod) -> Option<Owner> {
    let owner = pod.owner_references().iter().find(|owner| owner.controller == Some(true))?;
    let labels: &BTreeMap<String, String> = pod.labels();
    let deployment = labels
        .get("pod-template-hash")
        .filter(|_| owner.kind == "ReplicaSet")
        .and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
    Some(match deployment {
        Some(name) => Owner { kind: "Deployment".to_owned(), name: name.to_owned() },
        None => Owner { kind: owner.kind.clone(), name: owner.name.clone() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As an API server of version 1.37 tells of a pod whose command ends with 3.
    fn crashing() -> v1::Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "bad-7d4b9c-x2x9p", "namespace": "default", "uid": "u1",
                "labels": {"app": "bad", "pod-template-hash": "7d4b9c"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "bad-7d4b9c",
                    "uid": "r1", "controller": true, "blockOwnerDeletion": true}]},
            "spec": {"nodeName": "worker-1", "containers": [{"name": "main", "image": "busybox:1"}]},
            "status": {"phase": "Running", "startTime": "2026-01-02T03:04:05Z",
                "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}],
                "containerStatuses": [{"name": "main", "image": "busybox:latest", "imageID": "i", "ready": false,
                    "restartCount": 2, "started": false,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}},
                    "lastState": {"terminated": {"exitCode": 3, "reason": "Error",
                        "startedAt": "2026-01-02T03:04:06Z", "finishedAt": "2026-01-02T03:04:07Z",
                        "containerID": "containerd://c"}}}]}
        }))
        .unwrap()
    }

    #[test]
    fn a_crashing_pod_says_how_often_and_why() {
        let pod = of_pod(&crashing());
        assert_eq!(
            pod.owner,
            Some(Owner { kind: "Deployment".to_owned(), name: "bad".to_owned() })
        );
        assert_eq!((pod.ready, pod.node_name.as_deref()), (Some(false), Some("worker-1")));
        let said = serde_json::to_value(&pod).unwrap();
        let container = &said["containers"][0];
        assert_eq!(container["image"], "busybox:1");
        assert_eq!(container["restartCount"], 2);
        assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
        assert_eq!(container["lastState"]["terminated"]["reason"], "Error");
        assert_eq!(container["lastState"]["terminated"]["exitCode"], 3);
        assert_eq!(serde_json::from_value::<PodStatus>(said).unwrap(), pod);
    }

    #[test]
    fn a_pod_without_a_node_says_why_and_knows_nothing_of_containers() {
        let pod: v1::Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "default", "uid": "u2"},
            "spec": {"containers": []},
            "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/3 nodes are available"}]}
        }))
        .unwrap();
        let pod = of_pod(&pod);
        assert_eq!(pod.message.as_deref(), Some("0/3 nodes are available"));
        assert_eq!((pod.containers, pod.owner, pod.node_name), (None, None, None));
    }

    #[test]
    fn zeroes_that_the_api_leaves_out_are_zeroes_once_there_is_a_status() {
        let mut object: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"replicas": 3, "selector": {}, "template": {"spec": {"containers": [
                {"name": "web", "image": "web:1"}]}}},
            "status": {"replicas": 3, "unavailableReplicas": 3}
        }))
        .unwrap();
        let workload = of_deployment(&object);
        assert_eq!((workload.replicas, workload.ready_replicas), (Some(3), Some(0)));
        assert_eq!(workload.images, ["web:1"]);
        object.status = None;
        assert_eq!(of_deployment(&object).ready_replicas, None);
    }

    #[test]
    fn an_old_status_does_not_tell_how_many_are_new() {
        let mut object: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "default", "generation": 2},
            "spec": {"replicas": 3, "selector": {}, "template": {}},
            "status": {"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "updatedReplicas": 3}
        }))
        .unwrap();
        let workload = of_deployment(&object);
        assert_eq!((workload.ready_replicas, workload.updated_replicas), (Some(3), None));
        object.metadata.generation = Some(1);
        assert_eq!(of_deployment(&object).updated_replicas, Some(3));
    }
}
