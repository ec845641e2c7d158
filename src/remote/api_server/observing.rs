//! A cluster's nodes, workloads and pods: once, and as they change.

use futures_util::future::{try_join, try_join5};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::ListParams;
use kube::runtime::watcher;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::driver::Source;
use crate::remote::extras::{Extra, Extras};
use crate::remote::swarm::ImageFact;

use super::asked::{Asked, KubernetesExtras};
use super::details::{NodeDetails, PodDetails, WorkloadDetails};
use super::nodes::NodeStatus;
use super::typed::Typed;
use super::watching::Watched;
use super::workloads::{
    PodStatus, Workload, of_daemon_set, of_deployment, of_node, of_pod, of_stateful_set,
};
use super::{ApiError, ApiServer};

/// A cluster as its API tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct KubernetesView {
    /// Its nodes, by name.
    pub nodes: Vec<NodeStatus>,
    /// What their kubelets tell of images, in the order of the nodes.
    pub images: Vec<Option<Vec<ImageFact>>>,
    /// What they say beyond how they are, in the order of the nodes; absent if it was not asked for.
    pub node_details: Option<Vec<NodeDetails>>,
    /// What keeps pods running, by namespace, kind and name.
    pub workloads: Vec<Workload>,
    /// Its pods, by namespace and name.
    pub pods: Vec<PodStatus>,
    /// What else was asked for.
    pub extras: KubernetesExtras,
}

impl ApiServer {
    /// The cluster as it is now.
    pub async fn view(&self, asked: Extras) -> Result<KubernetesView, ApiError> {
        let all = try_join5(
            self.all::<Node>("list the nodes"),
            self.all::<Pod>("list the pods"),
            self.all::<Deployment>("list the deployments"),
            self.all::<DaemonSet>("list the daemon sets"),
            self.all::<StatefulSet>("list the stateful sets"),
        );
        let (all, extras) = try_join(Box::pin(all), Box::pin(self.extras(asked))).await?;
        let (nodes, pods, deployments, daemon_sets, stateful_sets) = all;
        let view = view(
            asked.has(Extra::Details),
            nodes.iter(),
            pods.iter(),
            deployments.iter(),
            daemon_sets.iter(),
            stateful_sets.iter(),
        );
        Ok(KubernetesView { extras, ..view })
    }

    pub(super) async fn all<K>(&self, operation: &str) -> Result<Vec<K>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        self.ask(operation, Typed::<K>::all(&self.client).list(&ListParams::default())).await
    }

    /// Watches the cluster, by this server alone.
    pub fn watch(&self, asked: Extras) -> Watching {
        Watching {
            server: self.clone(),
            with_details: asked.has(Extra::Details),
            asked: Asked::new(&self.client, asked),
            nodes: watched(&self.client),
            pods: watched(&self.client),
            deployments: watched(&self.client),
            daemon_sets: watched(&self.client),
            stateful_sets: watched(&self.client),
            listed: [false; 5],
        }
    }
}

/// A cluster that is watched by way of one server.
pub struct Watching {
    server: ApiServer,
    with_details: bool,
    asked: Asked,
    nodes: Watched<Node>,
    pods: Watched<Pod>,
    deployments: Watched<Deployment>,
    daemon_sets: Watched<DaemonSet>,
    stateful_sets: Watched<StatefulSet>,
    /// Which of them are known by now.
    listed: [bool; 5],
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watching").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Watching {
    /// Waits for the first look, or for the next change after it. May be given up and called again at any time.
    ///
    /// # Errors
    /// If the server does not tell any more; another one may.
    pub async fn changed(&mut self) -> Result<(), ApiError> {
        loop {
            let (which, result) = tokio::select! {
                result = self.nodes.told() => (0, result),
                result = self.pods.told() => (1, result),
                result = self.deployments.told() => (2, result),
                result = self.daemon_sets.told() => (3, result),
                result = self.stateful_sets.told() => (4, result),
                result = self.asked.told() => (5, result),
            };
            result.map_err(|source| self.failed(source))?;
            if let Some(listed) = self.listed.get_mut(which) {
                *listed = true;
            }
            if self.listed.iter().all(|listed| *listed) && self.asked.is_listed() {
                return Ok(());
            }
        }
    }

    fn failed(&self, source: Source) -> ApiError {
        let operation = "watch the cluster".to_owned();
        ApiError::Request { endpoint: self.server.endpoint, operation, source }
    }

    /// The cluster as it was told by now.
    pub fn view(&self) -> KubernetesView {
        let view = view(
            self.with_details,
            self.nodes.objects(),
            self.pods.objects(),
            self.deployments.objects(),
            self.daemon_sets.objects(),
            self.stateful_sets.objects(),
        );
        KubernetesView { extras: self.asked.view(), ..view }
    }
}

fn watched<K>(client: &Client) -> Watched<K>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    Watched::new(&Typed::all(client), watcher::Config::default())
}

fn view<'a>(
    with_details: bool,
    nodes: impl Iterator<Item = &'a Node>,
    pods: impl Iterator<Item = &'a Pod>,
    deployments: impl Iterator<Item = &'a Deployment>,
    daemon_sets: impl Iterator<Item = &'a DaemonSet>,
    stateful_sets: impl Iterator<Item = &'a StatefulSet>,
) -> KubernetesView {
    let mut nodes: Vec<_> = nodes.map(|node| (NodeStatus::of(node), node)).collect();
    nodes.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let images = nodes.iter().map(|(_, node)| of_node(node)).collect();
    let node_details =
        with_details.then(|| nodes.iter().map(|(_, node)| NodeDetails::of(node)).collect());
    let nodes = nodes.into_iter().map(|(node, _)| node).collect();
    let of_pod = |pod| {
        let details = with_details.then(|| PodDetails::of(pod));
        PodStatus { details, ..of_pod(pod) }
    };
    let mut pods: Vec<_> = pods.map(of_pod).collect();
    pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let of_deployment = |object| {
        let details = with_details.then(|| WorkloadDetails::of_deployment(object));
        Workload { details, ..of_deployment(object) }
    };
    let workloads = deployments.map(of_deployment).chain(daemon_sets.map(of_daemon_set));
    let mut workloads: Vec<_> = workloads.chain(stateful_sets.map(of_stateful_set)).collect();
    workloads.sort();
    let extras = KubernetesExtras::default();
    KubernetesView { nodes, images, node_details, workloads, pods, extras }
}
