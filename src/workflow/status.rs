//! `status`: how a cluster is, asked of everything at once and with one deadline, so that a dead
//! machine never delays the rest.

use std::sync::Arc;

use tokio::time::Instant;

use crate::kind::{self, Majority};
use crate::model::{ClusterName, Machine, Orchestrator, Role};
use crate::observe::{self, Ask, Cluster, Facts, MachineFacts};
use crate::pace::stretch;
use crate::remote::NodeHealth;
use crate::store::{Phase, Record};

use super::lost::look;
use super::{Error, Services};

/// How a cluster is.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// What is remembered of it.
    pub record: Record,
    /// Its machines, those that are gone included.
    pub machines: Vec<MachineStatus>,
    /// Whether those that decide are a majority; absent where nobody decides, or an only one does.
    pub majority: Option<Majority>,
    /// All that was learnt on the way.
    pub facts: Facts,
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
        self.record.phase() == Phase::Ready
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
    status_asking(services, name, Ask::default(), end).await
}

/// The same, and asks for more than how machines are.
pub async fn status_asking(
    services: &Services,
    name: &ClusterName,
    ask: Ask,
    end: Instant,
) -> Result<ClusterStatus, Error> {
    let record = services.record(name)?;
    let sight = look(services, &record).await?;
    let end = end.min(Instant::now() + stretch(observe::PATIENCE));
    let cluster = services.observed(record);
    let facts = observe::once_at(&cluster, &sight, ask, end).await;
    let all = sight.found.into_iter().chain(sight.missing);
    let machines = all.filter_map(|machine| {
        let seen = facts.machines.iter().find(|seen| seen.name == machine.id.name)?;
        Some(MachineStatus {
            exists: seen.exists == Some(true),
            lost: seen.exists.is_none(),
            health: health(seen, &facts),
            machine,
        })
    });
    let mut machines: Vec<MachineStatus> = machines.collect();
    machines.sort_by_key(|m| m.machine.id.name);
    Ok(ClusterStatus { record: cluster.record, machines, majority: facts.majority, facts })
}

impl Services {
    /// A cluster to look at.
    pub fn observed(&self, record: Record) -> Cluster {
        Cluster {
            home: self.home.clone(),
            record,
            driver: Arc::clone(&self.driver),
            dialer: Arc::clone(&self.dialer),
        }
    }
}

/// How a machine is as a node, or what keeps that from being known.
fn health(machine: &MachineFacts, facts: &Facts) -> Result<NodeHealth, String> {
    match (&machine.error, &machine.engine) {
        (Some(error), _) => Err(error.clone()),
        (None, Some(engine)) => engine.health(),
        (None, None) => of_node(machine, facts),
    }
}

fn of_node(machine: &MachineFacts, facts: &Facts) -> Result<NodeHealth, String> {
    if machine.role == Role::LoadBalancer {
        return match machine.api.as_ref().and_then(|api| api.error.as_ref()) {
            None => Ok(as_member("-".to_owned(), "Ready")),
            Some(why) => Err(format!("no control plane answers through it: {why}")),
        };
    }
    let part = facts.nodes.as_ref().ok_or("nobody was asked for the nodes")?;
    let nodes = part.items.as_ref().ok_or_else(|| part.error.clone().unwrap_or_default())?;
    let name = machine.name.to_string();
    let node = nodes.iter().find(|n| n.name == name).ok_or("not a node of the cluster")?;
    let version = node.version.clone().unwrap_or_default();
    match (node.ready == Some(true), node.is_schedulable()) {
        (true, true) => Ok(as_member(version, "Ready")),
        (true, false) => Ok(as_member(version, "Ready, cordoned")),
        (false, _) => Err(node.reason.clone().unwrap_or_default()),
    }
}

fn as_member(version: String, member: &str) -> NodeHealth {
    NodeHealth { version, member: Some(member.to_owned()), manager: None }
}
