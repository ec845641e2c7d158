//! `status`: how a cluster is, asked of everything at once and with one deadline, so that a dead
//! machine never delays the rest.

use std::path::Path;
use std::time::Duration;

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use crate::driver::Driver;
use crate::event::chain;
use crate::kind::{self, Majority, Seen};
use crate::model::{
    ClusterName, Machine, MachineName, MachineState, Orchestrator, Role, Service, SshFiles,
    TlsFiles,
};
use crate::pace::stretch;
use crate::remote::{ApiServer, NodeHealth, NodeStatus};
use crate::store::{Phase, Record};

use super::lost::{Lost, look};
use super::mend::credentials;
use super::{Error, Services};

/// How long every machine together has to answer at the most.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// How a cluster is.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// What is remembered of it.
    pub record: Record,
    /// Its machines, those that are gone included.
    pub machines: Vec<MachineStatus>,
    /// Whether those that decide are a majority; absent where nobody decides, or an only one does.
    pub majority: Option<Majority>,
}

/// How one machine is.
#[derive(Debug, Clone)]
pub struct MachineStatus {
    /// The machine as its driver sees it now; as it was remembered, if it is gone.
    pub machine: Machine,
    /// Whether its driver still knows it.
    pub exists: bool,
    /// Whether it may be somewhere although its driver does not know it.
    pub lost: bool,
    /// What its engine or its cluster says of it, or why it says nothing.
    pub health: Result<NodeHealth, String>,
}

impl MachineStatus {
    /// Whether the machine does what it is there for.
    pub fn healthy(&self, orchestrator: Orchestrator) -> bool {
        self.exists
            && self
                .health
                .as_ref()
                .is_ok_and(|health| kind::of(orchestrator).is_healthy(&self.machine, health))
    }
}

impl ClusterStatus {
    /// Whether everything that was asked for is there and answers.
    pub fn healthy(&self) -> bool {
        self.record.phase == Phase::Ready
            && self.majority.is_none_or(|majority| majority.holds)
            && self.machines.len() == self.record.spec.machines().len()
            && self.machines.iter().all(|m| m.healthy(self.record.spec.orchestrator))
    }
}

/// Asks a cluster how it is; machines that have not answered at `end` are told as silent.
pub async fn status(
    services: &Services,
    name: &ClusterName,
    end: Instant,
) -> Result<ClusterStatus, Error> {
    let record = services.home.record(name)?;
    let record = record.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let sight = look(services, &record).await?;
    let end = end.min(Instant::now() + stretch(PATIENCE));
    // Those that nothing says of that they are gone.
    let unsure = if sight.missing.is_empty() {
        None
    } else {
        let ask = async { sight.unsure(services, &record).await.map_err(|e| chain(&e)) };
        in_time(end, ask).await.ok().flatten()
    };
    let is_lost = |machine: &Machine| {
        unsure.as_ref().is_some_and(|lost| lost.machines.contains(&machine.id.name))
    };
    let existing = &sight.found;
    let all = existing.iter().map(|m| (m, true)).chain(sight.missing.iter().map(|m| (m, false)));
    let directory = services.home.directory(name);
    let tls = TlsFiles::in_directory(&directory.join("pki/client"));
    let kind = kind::of(record.spec.orchestrator);
    let machines = async {
        let nodes = if kind.service() == Service::Api {
            let kubeconfig = directory.join("kubeconfig");
            Some(nodes(&*services.driver, existing, &kubeconfig, end).await)
        } else {
            None
        };
        let ask = all.map(async |(machine, exists)| MachineStatus {
            machine: machine.clone(),
            exists,
            lost: !exists && is_lost(machine),
            health: match (exists, machine.state, &nodes) {
                (false, _, _) if is_lost(machine) => {
                    Err(unsure.as_ref().map(Lost::where_and_why).unwrap_or_default())
                }
                (false, _, _) => Err(termination_reason(services, machine, end).await),
                (true, MachineState::Running, Some(nodes)) => of_node(machine, nodes),
                (true, MachineState::Running, None) => {
                    of_engine(services, machine, &tls, end).await
                }
                (true, state, _) => Err(state.to_string()),
            },
        });
        join_all(ask).await
    };
    let ssh = SshFiles::in_directory(&directory.join("ssh"));
    let silent = join_all(existing.iter().map(|machine| silence(services, machine, &ssh, end)));
    let (mut machines, silent) = join(machines, silent).await;
    // Engines decide among themselves, whoever can log in.
    let leaders = record.spec.count(Role::Manager) + record.spec.count(Role::ControlPlane);
    let seen: Vec<Seen<'_>> = machines
        .iter()
        .map(|m| Seen { machine: &m.machine, exists: m.exists, health: m.health.as_ref().ok() })
        .collect();
    let majority = kind.majority(leaders, &seen);
    for (name, why) in silent.into_iter().flatten() {
        if let Some(machine) = machines.iter_mut().find(|m| m.machine.id.name == name) {
            machine.health = Err(why);
        }
    }
    machines.sort_by_key(|m| m.machine.id.name);
    Ok(ClusterStatus { record, machines, majority })
}

/// What has become of a machine that its driver no longer lists.
async fn termination_reason(services: &Services, machine: &Machine, end: Instant) -> String {
    let ask = async { services.driver.termination_reason(machine).await.map_err(|e| chain(&e)) };
    in_time(end, ask).await.ok().flatten().unwrap_or_else(|| "gone".to_owned())
}

/// The nodes of a Kubernetes cluster, as its API tells them.
pub(super) struct Nodes {
    /// Told by whoever answered.
    pub(super) list: Result<Vec<NodeStatus>, String>,
    /// Why a load balancer passed no answer on.
    balancer: Option<String>,
}

/// Asks the API for its nodes: by way of the load balancer, if there is one, and of each control plane at
/// the same time, so that nobody's silence costs an answer.
pub(super) async fn nodes(
    driver: &dyn Driver,
    machines: &[Machine],
    kubeconfig: &Path,
    end: Instant,
) -> Nodes {
    let credentials = match credentials(kubeconfig) {
        Ok(credentials) => credentials,
        Err(error) => {
            let why = chain(&error);
            return Nodes { list: Err(why.clone()), balancer: Some(why) };
        }
    };
    let ask = async |machine: &Machine| {
        driver.open_tunnel(machine).await.map_err(|e| chain(&e))?;
        let endpoint = machine.endpoint(Service::Api).map_err(|e| e.to_string())?;
        let api = ApiServer::connect(endpoint, &credentials).map_err(|e| chain(&e))?;
        api.nodes().await.map_err(|e| chain(&e))
    };
    let running = |role| {
        let of_role = move |m: &&Machine| m.id.name.role == role;
        machines.iter().filter(|m| m.state == MachineState::Running).filter(of_role)
    };
    let through = join_all(running(Role::LoadBalancer).map(|m| in_time(end, ask(m))));
    let direct = join_all(running(Role::ControlPlane).map(|m| in_time(end, ask(m))));
    let (through, direct) = join(through, direct).await;
    let balancer = through.iter().find_map(|answer| answer.as_ref().err().cloned());
    let list = through
        .into_iter()
        .chain(direct)
        .reduce(Result::or)
        .unwrap_or_else(|| Err("no control plane is running".to_owned()));
    Nodes { list, balancer }
}

fn of_node(machine: &Machine, nodes: &Nodes) -> Result<NodeHealth, String> {
    if machine.id.name.role == Role::LoadBalancer {
        return match &nodes.balancer {
            None => Ok(health("-".to_owned(), "Ready".to_owned())),
            Some(why) => Err(format!("no control plane answers through it: {why}")),
        };
    }
    let nodes = nodes.list.as_ref().map_err(String::clone)?;
    let name = machine.id.name.to_string();
    let node = nodes.iter().find(|n| n.name == name).ok_or("not a node of the cluster")?;
    let state = match (node.ready, node.schedulable) {
        (true, true) => "Ready".to_owned(),
        (true, false) => "Ready, cordoned".to_owned(),
        (false, _) => return Err(node.reason.clone()),
    };
    Ok(health(node.version.clone(), state))
}

fn health(version: String, member: String) -> NodeHealth {
    NodeHealth { version, member: Some(member), manager: None }
}

async fn of_engine(
    services: &Services,
    machine: &Machine,
    tls: &TlsFiles,
    end: Instant,
) -> Result<NodeHealth, String> {
    let ask = async {
        let engine = services.dialer.engine(machine, tls, PATIENCE).await;
        let engine = engine.map_err(|e| chain(&e))?;
        engine.health().await.map_err(|e| chain(&*e))
    };
    in_time(end, ask).await
}

/// Why one cannot log in to a machine that runs, if that is so; where the driver sees the reason, it is told.
async fn silence(
    services: &Services,
    machine: &Machine,
    files: &SshFiles,
    end: Instant,
) -> Option<(MachineName, String)> {
    if machine.state != MachineState::Running {
        return None;
    }
    // Before all have to have answered, so that what was seen can be told.
    let dial = services.dialer.dial(machine, files, PATIENCE * 5 / 6);
    let why = match in_time(end, async { Ok(dial.await) }).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) if error.is_slow_login() => return None,
        Ok(Err(error)) => chain(&error),
        Err(late) => late,
    };
    Some((machine.id.name, why))
}

pub(super) async fn in_time<T>(
    end: Instant,
    ask: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let begin = Instant::now();
    let late = || Err(format!("no answer within {:.0} s", begin.elapsed().as_secs_f32()));
    tokio::time::timeout_at(end, ask).await.unwrap_or_else(|_| late())
}
