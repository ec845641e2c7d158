//! What is, asked of everything that knows a part of it: drivers, engines, managers, API servers.
//!
//! [`once`] looks once, [`changes()`] goes on. Nothing here changes anything or waits for it to become otherwise, and
//! what cannot be known costs no more than the time that was given.

mod certificates;
mod changes;
mod cluster;
mod facts;
mod findings;
mod machines;
mod sight;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::driver::{self, Driver};
use crate::event::chain;
use crate::kind::{self, Kind, Seen};
use crate::model::{Machine, Role, Service};
use crate::pace::stretch;
use crate::remote::Dialer;
use crate::store::{Home, Record};

pub use changes::changes;

pub use cluster::{Nodes, nodes};
pub use facts::{
    ApiFacts, CertificateFacts, EngineFacts, Facts, MachineFacts, ManagerFacts, NodeFacts, Part,
    Remark,
};
pub use sight::{Lost, Sight, looked};

use cluster::ClusterPart;
use machines::MachinesPart;

/// How long everything together has to answer at the most.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A cluster that is looked at.
#[derive(Clone)]
pub struct Cluster {
    /// Where its keys are, and its record.
    pub home: Home,
    /// What is remembered of it.
    pub record: Record,
    /// What made its machines.
    pub driver: Arc<dyn Driver>,
    /// What reaches them.
    pub dialer: Arc<dyn Dialer>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Cluster {
    fn directory(&self) -> PathBuf {
        self.home.directory(&self.record.spec.name)
    }

    fn kind(&self) -> &'static dyn Kind {
        kind::of(self.record.spec.orchestrator)
    }

    /// What is asked for what the cluster says of itself; `None` where machines are no cluster.
    fn asked(&self) -> Option<Service> {
        (!self.kind().context_roles().is_empty()).then(|| self.kind().service())
    }

    /// Whether a machine answers for its cluster.
    fn leads(&self, machine: &Machine) -> bool {
        self.kind().context_roles().contains(&machine.id.name.role)
    }

    /// Asks the driver for the machines.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub async fn look(&self) -> Result<Sight, driver::Error> {
        look(&*self.driver, &self.record).await
    }
}

/// Asks a driver for the machines of a record.
///
/// # Errors
/// Whatever the driver says.
pub async fn look(driver: &dyn Driver, record: &Record) -> Result<Sight, driver::Error> {
    Ok(Sight::of(driver.list(Some(&record.spec.name)).await?, record))
}

/// What is to be asked beside how machines are, and the nodes of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// For what runs in the cluster: nodes, services and tasks, workloads and pods.
    pub workloads: bool,
    /// For the images of each machine.
    pub images: bool,
    /// For the certificates on this computer.
    pub certificates: bool,
}

impl Ask {
    /// For all that there is, except images.
    pub const ALL: Self = Self { workloads: true, images: false, certificates: true };
}

/// Looks at a cluster once. Who has not answered at `end` is told as silent.
pub async fn once(cluster: &Cluster, ask: Ask, end: Instant) -> Facts {
    let end = end.min(Instant::now() + stretch(PATIENCE));
    match in_time(end, async { cluster.look().await.map_err(|e| chain(&e)) }).await {
        Ok(sight) => once_at(cluster, &sight, ask, end).await,
        Err(error) => {
            let machines = MachinesPart::unknown(cluster, error.clone());
            let inside = ask.workloads.then(|| ClusterPart::unknown(cluster, &error));
            compose(cluster, ask, &machines, inside.as_ref())
        }
    }
}

/// The same for machines that a driver has just listed.
pub async fn once_at(cluster: &Cluster, sight: &Sight, ask: Ask, end: Instant) -> Facts {
    let end = end.min(Instant::now() + stretch(PATIENCE));
    let inside = async {
        if ask.workloads || ask.images {
            Some(cluster::look(cluster, &sight.found, end).await)
        } else {
            None
        }
    };
    let machines = machines::look(cluster, sight, ask, end);
    let (machines, inside) = futures_util::future::join(machines, inside).await;
    compose(cluster, ask, &machines, inside.as_ref())
}

/// Puts together what was asked of different sides.
fn compose(
    cluster: &Cluster,
    ask: Ask,
    machines: &MachinesPart,
    inside: Option<&ClusterPart>,
) -> Facts {
    let spec = &cluster.record.spec;
    let leaders = spec.count(Role::Manager) + spec.count(Role::ControlPlane);
    let seen = machines.machines.items.as_deref().unwrap_or_default();
    let seen: Vec<Seen> = seen
        .iter()
        .map(|machine| Seen {
            role: machine.role,
            is_on: machine.is_on(),
            manager: machine.engine.as_ref().and_then(|engine| engine.health().ok()?.manager),
        })
        .collect();
    let majority = cluster.kind().majority(leaders, &seen);
    let known = inside.filter(|_| ask.workloads);
    let nodes = known.and_then(|inside| inside.nodes.clone());
    // Several were asked for the nodes alone, and one of them may have been quicker.
    let nodes = match nodes {
        Some(nodes) if nodes.items.is_some() => Some(nodes),
        nodes => machines.nodes.clone().or(nodes),
    };
    let leader = nodes.iter().flat_map(Part::iter).find(|node| node.leader == Some(true));
    let mut facts = Facts {
        name: spec.name.clone(),
        orchestrator: spec.orchestrator,
        leader: leader.map(|node| node.name.clone()),
        majority,
        machines: machines.machines.clone(),
        nodes,
        services: known.and_then(|inside| inside.services.clone()),
        workloads: known.and_then(|inside| inside.workloads.clone()),
        pods: known.and_then(|inside| inside.pods.clone()),
        certificates: ask.certificates.then(|| Ok(certificates::facts(cluster)).into()),
        findings: Vec::new(),
    };
    if let Some(images) = inside.filter(|_| ask.images).and_then(|inside| inside.images.as_ref()) {
        for machine in facts.machines.items.iter_mut().flatten() {
            let of_node = images.iter().find(|(node, _)| *node == machine.name.to_string());
            let known = match of_node {
                Some((_, Some(images))) => Ok(images.clone()),
                _ => Err("its kubelet has told of no images".to_owned()),
            };
            machine.images = Some(known.into());
        }
    }
    facts.findings = findings::of(&facts);
    facts
}

/// An answer that comes in time, or why there is none.
pub async fn in_time<T>(
    end: Instant,
    ask: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let begin = Instant::now();
    let late = || Err(format!("no answer within {:.0} s", begin.elapsed().as_secs_f32()));
    timeout_at(end, ask).await.unwrap_or_else(|_| late())
}
