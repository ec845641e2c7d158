//! What pods, workloads and nodes say beyond how they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{self, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};

/// What an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// `Deployment`, `DaemonSet`, `Job`, …
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Labels by their names.
pub type Labels = BTreeMap<String, String>;

/// What a pod says beyond how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodDetails {
    /// Its labels.
    pub labels: Labels,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// What has made it: of a deployment's pod, the replica set.
    pub controller: Option<Owner>,
    /// Its containers.
    pub containers: Vec<ContainerDetails>,
}

/// What a container of a pod says beyond how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDetails {
    /// Its name.
    pub name: String,
    /// Which image it runs, whatever the tag said; absent until its node has told.
    #[serde(rename = "imageID")]
    pub image_id: Option<String>,
    /// How it is found out that it must be started again.
    pub liveness: Option<PodProbe>,
    /// How it is found out that it can be used.
    pub readiness: Option<PodProbe>,
}

/// A probe of a container, with what the API has put in for what nobody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodProbe {
    /// Seconds from one to the next.
    pub period: Option<i32>,
    /// Seconds that one may take.
    pub timeout: Option<i32>,
    /// How many have to fail in a row.
    pub failures: Option<i32>,
}

/// What a workload says beyond how it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadDetails {
    /// Its labels.
    pub labels: Labels,
    /// Which revision it is at.
    pub revision: Option<i64>,
    /// How often it was changed.
    pub generation: Option<i64>,
    /// Which of these changes its controller has seen.
    pub observed_generation: Option<i64>,
}

/// What a node says beyond how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeDetails {
    /// Its labels.
    pub labels: Labels,
    /// What keeps pods away from it.
    pub taints: Vec<NodeTaint>,
    /// How it is in different respects: `Ready`, `DiskPressure`, …
    pub conditions: Vec<NodeState>,
}

/// What keeps pods away from a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTaint {
    /// Its name: `node.kubernetes.io/disk-pressure`.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// How a node is in one respect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeState {
    /// Which one: `DiskPressure`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in a word.
    pub reason: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// The annotation in which deployments and their replica sets keep their revision.
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn revision(metadata: &ObjectMeta) -> Option<i64> {
    metadata.annotations.as_ref()?.get(REVISION)?.parse().ok()
}

pub(super) fn moment(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// What has made an object and takes care of it.
pub(super) fn controller(metadata: &ObjectMeta) -> Option<Owner> {
    let owners = metadata.owner_references.iter().flatten();
    let owner = owners.into_iter().find(|owner| owner.controller == Some(true))?;
    Some(Owner { kind: owner.kind.clone(), name: owner.name.clone() })
}

fn probe(probe: Option<&v1::Probe>) -> Option<PodProbe> {
    let v1::Probe { period_seconds, timeout_seconds, failure_threshold, .. } = probe?;
    Some(PodProbe {
        period: *period_seconds,
        timeout: *timeout_seconds,
        failures: *failure_threshold,
    })
}

impl PodDetails {
    pub(super) fn of(pod: &Pod) -> Self {
        let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers).map(|container| {
            let found = statuses.and_then(|all| all.iter().find(|it| it.name == container.name));
            ContainerDetails {
                name: container.name.clone(),
                image_id: found.map(|it| it.image_id.clone()).filter(|id| !id.is_empty()),
                liveness: probe(container.liveness_probe.as_ref()),
                readiness: probe(container.readiness_probe.as_ref()),
            }
        });
        Self {
            labels: pod.labels().clone(),
            created_at: moment(pod.metadata.creation_timestamp.as_ref()),
            controller: controller(&pod.metadata),
            containers: containers.collect(),
        }
    }
}

impl WorkloadDetails {
    pub(super) fn of(metadata: &ObjectMeta, observed_generation: Option<i64>) -> Self {
        Self {
            labels: metadata.labels.clone().unwrap_or_default(),
            revision: revision(metadata),
            generation: metadata.generation,
            observed_generation,
        }
    }

    pub(super) fn of_deployment(object: &Deployment) -> Self {
        let seen = object.status.as_ref().and_then(|status| status.observed_generation);
        Self::of(&object.metadata, seen)
    }
}

impl NodeDetails {
    pub(super) fn of(node: &Node) -> Self {
        let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
        let states = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
        Self {
            labels: node.labels().clone(),
            taints: taints
                .map(|taint| NodeTaint {
                    key: taint.key.clone(),
                    value: taint.value.clone(),
                    effect: taint.effect.clone(),
                })
                .collect(),
            conditions: states
                .map(|state| NodeState {
                    kind: state.type_.clone(),
                    status: state.status.clone(),
                    reason: state.reason.clone(),
                    since: moment(state.last_transition_time.as_ref()),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_tells_its_probes_its_image_and_what_has_made_it() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web-8694688cf8-t7k9f", "creationTimestamp": "2026-11-28T15:47:21Z",
                "labels": {"app": "web"}, "ownerReferences": [{"apiVersion": "apps/v1", "controller": true,
                    "kind": "ReplicaSet", "name": "web-8694688cf8", "uid": "r1"}]},
            "spec": {"containers": [{"name": "web", "image": "dojo/lab:1", "livenessProbe": {"failureThreshold": 2,
                "periodSeconds": 3, "successThreshold": 1, "tcpSocket": {"port": 1}, "timeoutSeconds": 1}}]},
            "status": {"containerStatuses": [{"name": "web", "image": "dojo/lab:1", "imageID": "sha256:ab",
                "ready": true, "restartCount": 0}]}}))
        .unwrap();
        let details = PodDetails::of(&pod);
        assert_eq!(details.controller.unwrap().name, "web-8694688cf8");
        assert_eq!(details.labels["app"], "web");
        let container = &details.containers[0];
        assert_eq!(container.image_id.as_deref(), Some("sha256:ab"));
        let wanted = PodProbe { period: Some(3), timeout: Some(1), failures: Some(2) };
        assert_eq!((container.liveness.as_ref(), &container.readiness), (Some(&wanted), &None));
    }

    #[test]
    fn a_node_tells_its_taints_and_how_it_is() {
        let node: Node = serde_json::from_value(json!({"metadata": {"name": "n"},
            "spec": {"taints": [{"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"}]},
            "status": {"conditions": [{"lastHeartbeatTime": "2026-11-28T15:45:27Z",
                "lastTransitionTime": "2026-11-28T15:45:15Z", "message": "kubelet has no disk pressure",
                "reason": "KubeletHasNoDiskPressure", "status": "False", "type": "DiskPressure"}]}}))
        .unwrap();
        let details = NodeDetails::of(&node);
        assert_eq!(details.taints[0].key, "node-role.kubernetes.io/control-plane");
        let state = &details.conditions[0];
        assert_eq!((state.kind.as_str(), state.status.as_str()), ("DiskPressure", "False"));
        assert_eq!(state.since.unwrap().to_string(), "2026-11-28T15:45:15Z");
    }
}
