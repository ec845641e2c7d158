//! The nodes of a cluster.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use kube::runtime::watcher;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::pace::stretch;

use super::typed::Typed;
use super::watching::Watched;
use super::{ApiError, ApiServer, code};

/// A node that runs the control plane has this label.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// What the API server knows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Which node of that name it is: a node that was deleted and has joined again has another.
    pub uid: String,
    /// Whether it takes part.
    pub ready: bool,
    /// Why it is not ready, in its kubelet's words; empty if it is.
    pub reason: String,
    /// When its kubelet last told so, by the clock of its machine. After this, readiness is hearsay:
    /// for 40 s nobody notices that a kubelet has fallen silent.
    pub heartbeat: Option<Timestamp>,
    /// Its kubelet's version, as in `v1.37.2`.
    pub version: String,
    /// Whether it runs the control plane.
    pub control_plane: bool,
    /// Whether it has not been cordoned. Taints may keep pods away all the same.
    pub schedulable: bool,
    /// Where the other nodes reach it.
    pub internal_ip: Option<IpAddr>,
}

impl NodeStatus {
    pub(super) fn of(node: &Node) -> Self {
        let status = node.status.as_ref();
        let ready = status
            .and_then(|s| s.conditions.as_ref())
            .and_then(|list| list.iter().find(|c| c.type_ == "Ready"));
        let addresses = status.and_then(|s| s.addresses.as_ref());
        let version = status.and_then(|s| s.node_info.as_ref()).map(|i| i.kubelet_version.clone());
        Self {
            name: node.name_any(),
            uid: node.uid().unwrap_or_default(),
            ready: ready.is_some_and(|c| c.status == "True"),
            reason: why_not_ready(ready),
            heartbeat: ready.and_then(|c| c.last_heartbeat_time.as_ref()).map(|time| time.0),
            version: version.unwrap_or_default(),
            control_plane: node.labels().contains_key(CONTROL_PLANE),
            schedulable: node.spec.as_ref().and_then(|s| s.unschedulable) != Some(true),
            internal_ip: addresses
                .and_then(|list| list.iter().find(|a| a.type_ == "InternalIP"))
                .and_then(|a| a.address.parse().ok()),
        }
    }
}

fn why_not_ready(condition: Option<&NodeCondition>) -> String {
    let Some(condition) = condition else {
        return "its kubelet has not reported yet".to_owned();
    };
    if condition.status == "True" {
        return String::new();
    }
    match (condition.reason.as_deref(), condition.message.as_deref()) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => format!("its state is {}", condition.status),
    }
}

impl ApiServer {
    fn node_api(&self) -> Typed<Node> {
        Typed::all(&self.client)
    }

    /// All nodes, by name.
    pub async fn nodes(&self) -> Result<Vec<NodeStatus>, ApiError> {
        let (api, all) = (self.node_api(), ListParams::default());
        let list = self.ask("list the nodes", api.list(&all)).await?;
        let mut nodes: Vec<_> = list.iter().map(NodeStatus::of).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(nodes)
    }

    /// Waits until nodes of all these names exist and are ready. The server tells of each change; one
    /// that restarts meanwhile is waited for.
    ///
    /// # Errors
    /// [`ApiError::NotReady`] names each node that is missing or not ready, and why.
    pub async fn until_ready(&self, names: &[String], deadline: Duration) -> Result<(), ApiError> {
        self.until_ready_since(names, Timestamp::MIN, deadline).await
    }

    /// The same, but what a kubelet told before a moment does not count, such as that at which its
    /// machine was started again. The moment is of the machines' clocks, in whole seconds.
    pub async fn until_ready_since(
        &self,
        names: &[String],
        since: Timestamp,
        deadline: Duration,
    ) -> Result<(), ApiError> {
        let end = Instant::now() + stretch(deadline);
        let mut nodes = Watched::new(&self.node_api(), watcher::Config::default());
        let mut waiting = not_ready(names, since, &[]);
        while !waiting.is_empty() {
            match timeout_at(end, nodes.changed()).await {
                Ok(Ok(())) => {
                    let list: Vec<_> = nodes.objects().map(NodeStatus::of).collect();
                    waiting = not_ready(names, since, &list);
                }
                Ok(Err(source)) => {
                    return Err(ApiError::Certificate { endpoint: self.endpoint, source });
                }
                Err(_) => {
                    let source = nodes.into_trouble();
                    return Err(ApiError::NotReady {
                        waited: stretch(deadline),
                        nodes: waiting,
                        source,
                    });
                }
            }
        }
        Ok(())
    }

    /// Lets pods be put on a node again.
    pub async fn uncordon(&self, node: &str) -> Result<(), ApiError> {
        let change = json!({ "spec": { "unschedulable": null } });
        self.change(node, format!("uncordon node `{node}`"), change).await
    }

    pub(super) async fn cordon(&self, node: &str) -> Result<(), ApiError> {
        let change = json!({ "spec": { "unschedulable": true } });
        self.change(node, format!("cordon node `{node}`"), change).await
    }

    /// Strikes a node off; no error if there is none of that name. Its kubelet, if it still runs, does
    /// not come back by itself.
    pub async fn delete_node(&self, node: &str) -> Result<(), ApiError> {
        let api = self.node_api();
        let delete = async {
            match api.values.delete(node, &DeleteParams::default()).await {
                Err(error) if code(&error) == Some(404) => Ok(()),
                other => other.map(drop),
            }
        };
        self.ask(format!("delete node `{node}`"), delete).await
    }

    /// Gives a node the range of addresses that its pods are to have; nothing is done if it has it
    /// already.
    ///
    /// # Errors
    /// [`ApiError::PodSubnet`] if it has another one, which can never be changed.
    pub async fn set_pod_cidr(&self, node: &str, cidr: &str) -> Result<(), ApiError> {
        let api = self.node_api();
        let found = self.ask(format!("look at node `{node}`"), api.get(node)).await?;
        match found.spec.and_then(|s| s.pod_cidr).filter(|found| !found.is_empty()) {
            Some(found) if found == cidr => Ok(()),
            Some(found) => {
                Err(ApiError::PodSubnet { node: node.to_owned(), found, wanted: cidr.to_owned() })
            }
            None => {
                let change = json!({ "spec": { "podCIDR": cidr, "podCIDRs": [cidr] } });
                let operation = format!("give node `{node}` the pod subnet {cidr}");
                self.change(node, operation, change).await
            }
        }
    }

    /// Sets one label of a node.
    pub async fn label_node(&self, node: &str, key: &str, value: &str) -> Result<(), ApiError> {
        let change = json!({ "metadata": { "labels": { key: value } } });
        self.change(node, format!("label node `{node}`"), change).await
    }

    /// A JSON merge patch (RFC 7396): what is named changes, all else stays.
    async fn change(&self, node: &str, operation: String, change: Value) -> Result<(), ApiError> {
        self.ask(operation, self.node_api().merge(node, change)).await
    }
}

/// Which of the named nodes are missing or not ready, and why.
fn not_ready(names: &[String], since: Timestamp, list: &[NodeStatus]) -> Vec<String> {
    names
        .iter()
        .filter_map(|name| match list.iter().find(|node| node.name == *name) {
            None => Some(format!("`{name}` (it has not joined)")),
            Some(node) if !node.ready => Some(format!("`{name}` ({})", node.reason)),
            Some(node) if node.heartbeat.unwrap_or(Timestamp::MIN) < since => {
                Some(format!("`{name}` (its kubelet has not reported since)"))
            }
            Some(_) => None,
        })
        .collect()
}
