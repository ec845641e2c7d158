//! What a cluster says of itself, asked of whoever leads it.

use std::path::Path;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, join, join_all, select_ok};
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::driver::Driver;
use crate::event::chain;
use crate::kind::kubernetes;
use crate::model::{KubeCredentials, Machine, MachineName, MachineState, Role, Service, TlsFiles};
use crate::remote::{
    ApiServer, Engine, ImageFact, KubernetesView, NodeStatus, PodStatus, SwarmService, SwarmView,
    Workload,
};

use super::facts::{ExtraFacts, NodeFacts, Part};
use super::{Ask, Cluster, PATIENCE, in_time};

/// What a cluster says of itself; what its kind does not have is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ClusterPart {
    pub(super) nodes: Option<Part<NodeFacts>>,
    pub(super) services: Option<Part<SwarmService>>,
    pub(super) workloads: Option<Part<Workload>>,
    pub(super) pods: Option<Part<PodStatus>>,
    /// What kubelets tell of images, by the name of the node.
    pub(super) images: Option<Vec<(String, Option<Vec<ImageFact>>)>>,
    pub(super) extras: ExtraFacts,
}

impl ClusterPart {
    /// Nobody has said anything.
    pub(super) fn unknown(cluster: &Cluster, ask: Ask, error: &str) -> Self {
        match cluster.asked() {
            Some(Service::Engine) => Self::of_swarm(Err(error.to_owned()), ask),
            Some(Service::Api) => Self::of_kubernetes(Err(error.to_owned()), ask),
            Some(Service::Ssh) | None => Self::default(),
        }
    }

    pub(super) fn of_swarm(view: Result<SwarmView, String>, ask: Ask) -> Self {
        let (nodes, services, extras) = match view {
            Ok(SwarmView { nodes, services, objects }) => {
                let nodes = nodes.into_iter().map(NodeFacts::from).collect();
                (Ok(nodes), Ok(services), ExtraFacts::of_swarm(objects))
            }
            Err(error) => {
                let extras = ExtraFacts::unknown(Service::Engine, ask.extras, &error);
                (Err(error.clone()), Err(error), extras)
            }
        };
        let (nodes, services) = (Some(nodes.into()), Some(services.into()));
        Self { nodes, services, extras, ..Self::default() }
    }

    pub(super) fn of_kubernetes(view: Result<KubernetesView, String>, ask: Ask) -> Self {
        match view {
            Ok(KubernetesView { nodes, images, node_details, workloads, pods, extras }) => {
                let names: Vec<_> = nodes.iter().map(|node| node.name.clone()).collect();
                let mut nodes: Vec<_> = nodes.into_iter().map(NodeFacts::from).collect();
                for (node, details) in nodes.iter_mut().zip(node_details.into_iter().flatten()) {
                    node.details = Some(details);
                }
                Self {
                    nodes: Some(Ok(nodes).into()),
                    workloads: Some(Ok(workloads).into()),
                    pods: Some(Ok(pods).into()),
                    images: Some(names.into_iter().zip(images).collect()),
                    services: None,
                    extras: ExtraFacts::of_kubernetes(extras),
                }
            }
            Err(error) => Self {
                extras: ExtraFacts::unknown(Service::Api, ask.extras, &error),
                nodes: Some(Err(error.clone()).into()),
                workloads: Some(Err(error.clone()).into()),
                pods: Some(Err(error).into()),
                ..Self::default()
            },
        }
    }

    /// Whether everything is as it is wanted, as far as that is known: if not, it is about to change.
    pub(super) fn is_settled(&self) -> bool {
        let tasks = self.services.iter().flat_map(Part::iter).flat_map(|service| &service.tasks);
        tasks.into_iter().all(|task| {
            let state = task.state.as_deref().unwrap_or_default();
            match task.desired_state.as_deref() {
                Some("shutdown" | "remove") => {
                    ["complete", "shutdown", "failed", "rejected", "remove", "orphaned"]
                        .contains(&state)
                }
                desired => desired == task.state.as_deref(),
            }
        })
    }
}

/// Asks all that lead a cluster at the same time; who answers first is believed.
pub(super) async fn look(
    cluster: &Cluster,
    machines: &[Machine],
    ask: Ask,
    end: Instant,
) -> ClusterPart {
    let leaders: Vec<&Machine> = leaders(cluster, machines).collect();
    match cluster.asked() {
        Some(Service::Engine) => {
            let view = ask_managers(cluster, &leaders, ask, end).await;
            ClusterPart::of_swarm(view.map(|(_, view)| view), ask)
        }
        Some(Service::Api) => {
            let asked = leaders.iter().map(async |machine| {
                in_time(end, async {
                    let api = api_server(cluster, machine).await?;
                    Box::pin(api.view(ask.extras)).await.map_err(|e| chain(&e))
                })
                .await
            });
            ClusterPart::of_kubernetes(first(asked, "no control plane is running").await, ask)
        }
        Some(Service::Ssh) | None => ClusterPart::default(),
    }
}

/// Asks managers for their swarm, all at the same time; who answers first is believed, and told. Who hears no majority of
/// them is believed only if nobody else answers: a leader that is cut off takes some 20 s to see that it leads nobody.
pub(super) async fn ask_managers(
    cluster: &Cluster,
    managers: &[&Machine],
    ask: Ask,
    end: Instant,
) -> Result<(Machine, SwarmView), String> {
    let mut asked: FuturesUnordered<_> = managers
        .iter()
        .map(|machine| async move {
            let view = swarm(cluster, machine, ask, end).await?;
            Ok(((*machine).clone(), view))
        })
        .collect();
    let mut answer = Err("no manager is running".to_owned());
    while let Some(next) = asked.next().await {
        match next {
            Ok((machine, view)) if view.hears_majority() => return Ok((machine, view)),
            Err(_) if answer.is_ok() => {}
            next => answer = next,
        }
    }
    answer
}

/// The machines that run and lead a cluster.
pub(super) fn leaders<'a>(
    cluster: &Cluster,
    machines: &'a [Machine],
) -> impl Iterator<Item = &'a Machine> {
    let leads = |machine: &&Machine| cluster.leads(machine);
    machines.iter().filter(leads).filter(|m| m.state == MachineState::Running)
}

/// The first answer; the last error, if there is none.
pub(super) async fn first<'a, T: 'a, F>(
    ask: impl Iterator<Item = F>,
    none: &str,
) -> Result<T, String>
where
    F: Future<Output = Result<T, String>> + Send + 'a,
{
    let ask: Vec<BoxFuture<'a, Result<T, String>>> = ask.map(|ask| Box::pin(ask) as _).collect();
    if ask.is_empty() {
        return Err(none.to_owned());
    }
    select_ok(ask).await.map(|(answer, _)| answer)
}

/// What a manager says of its swarm.
pub(super) async fn swarm(
    cluster: &Cluster,
    machine: &Machine,
    ask: Ask,
    end: Instant,
) -> Result<SwarmView, String> {
    let asked = async {
        let engine = engine(cluster, machine).await?;
        engine.swarm(ask.extras).await.map_err(|e| chain(&*e))
    };
    in_time(end, asked).await
}

/// The engine of a machine.
pub(super) async fn engine(cluster: &Cluster, machine: &Machine) -> Result<Engine, String> {
    let tls = TlsFiles::in_directory(&cluster.directory().join("pki/client"));
    cluster.dialer.engine(machine, &tls, PATIENCE).await.map_err(|e| chain(&e))
}

/// The API server of a machine.
pub(super) async fn api_server(cluster: &Cluster, machine: &Machine) -> Result<ApiServer, String> {
    let credentials = kubernetes::credentials(&cluster.directory().join("kubeconfig"));
    let credentials = credentials.map_err(|e| chain(&e))?;
    connect(&*cluster.driver, machine, &credentials).await
}

async fn connect(
    driver: &dyn Driver,
    machine: &Machine,
    credentials: &KubeCredentials,
) -> Result<ApiServer, String> {
    driver.open_tunnel(machine).await.map_err(|e| chain(&e))?;
    let endpoint = machine.endpoint(Service::Api).map_err(|e| e.to_string())?;
    ApiServer::connect(endpoint, credentials).map_err(|e| chain(&e))
}

/// The nodes of a Kubernetes cluster, as its API tells them.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// Told by whoever answered.
    pub list: Result<Vec<NodeStatus>, String>,
    /// Why the API does not answer by way of a machine; of all that were asked.
    pub answers: Vec<(MachineName, Option<String>)>,
}

/// Asks the API for its nodes: by way of the load balancer, if there is one, and of each control plane at
/// the same time, so that nobody's silence costs an answer.
pub async fn nodes(
    driver: &dyn Driver,
    machines: &[Machine],
    kubeconfig: &Path,
    end: Instant,
) -> Nodes {
    let running = |role| {
        let of_role = move |m: &&Machine| m.id.name.role == role;
        machines.iter().filter(|m| m.state == MachineState::Running).filter(of_role)
    };
    let credentials = match kubernetes::credentials(kubeconfig) {
        Ok(credentials) => credentials,
        Err(error) => {
            let why = chain(&error);
            let asked = running(Role::LoadBalancer).chain(running(Role::ControlPlane));
            let answers = asked.map(|m| (m.id.name, Some(why.clone()))).collect();
            return Nodes { list: Err(why), answers };
        }
    };
    let ask = |machine: &Machine| {
        let (machine, credentials) = (machine.clone(), &credentials);
        async move {
            let ask = async {
                let api = connect(driver, &machine, credentials).await?;
                api.nodes().await.map_err(|e| chain(&e))
            };
            (machine.id.name, in_time(end, ask).await)
        }
    };
    let through = join_all(running(Role::LoadBalancer).map(ask));
    let direct = join_all(running(Role::ControlPlane).map(ask));
    let (through, direct) = join(through, direct).await;
    let all = || through.iter().chain(&direct);
    let answers = all().map(|(name, answer)| (*name, answer.as_ref().err().cloned())).collect();
    let list = all().map(|(_, answer)| answer.clone()).reduce(Result::or);
    let list = list.unwrap_or_else(|| Err("no control plane is running".to_owned()));
    Nodes { list, answers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn part(desired: &str, state: &str) -> ClusterPart {
        let services: Vec<SwarmService> = serde_json::from_value(json!([{
            "id": "s", "name": "web", "tasks": [
                { "id": "t", "desiredState": desired, "state": state }
            ]
        }]))
        .unwrap();
        ClusterPart { services: Some(Ok(services).into()), ..ClusterPart::default() }
    }

    #[test]
    fn what_is_as_it_is_wanted_is_looked_at_less_often() {
        assert!(part("running", "running").is_settled());
        assert!(part("shutdown", "failed").is_settled());
        assert!(!part("running", "starting").is_settled());
        assert!(!part("shutdown", "running").is_settled());
        assert!(ClusterPart::of_swarm(Err("no answer".to_owned()), Ask::ALL).is_settled());
    }

    #[test]
    fn what_nobody_tells_is_not_nothing() {
        let swarm = ClusterPart::of_swarm(Err("no leader".to_owned()), Ask::ALL);
        let services = swarm.services.unwrap();
        assert_eq!((services.items, services.error), (None, Some("no leader".to_owned())));
        assert!(swarm.workloads.is_none() && swarm.pods.is_none(), "a swarm has none");
    }
}
