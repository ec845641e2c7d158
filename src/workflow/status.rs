//! `status`: how a cluster is, asked of everything at once and with one deadline, so that a dead
//! machine never delays the rest.

use std::time::Duration;

use futures_util::future::join_all;

use crate::event::chain;
use crate::model::{ClusterName, Machine, MachineState, Orchestrator, TlsFiles};
use crate::remote::EngineHealth;
use crate::store::{Phase, Record};

use super::machines::ours;
use super::{Error, Services};

/// How long every machine together has to answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// How a cluster is.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// What is remembered of it.
    pub record: Record,
    /// Its machines, those that are gone included.
    pub machines: Vec<MachineStatus>,
}

/// How one machine is.
#[derive(Debug, Clone)]
pub struct MachineStatus {
    /// The machine as its driver sees it now; as it was remembered, if it is gone.
    pub machine: Machine,
    /// Whether its driver still knows it.
    pub exists: bool,
    /// What its engine says, or why it says nothing.
    pub health: Result<EngineHealth, String>,
}

impl MachineStatus {
    /// Whether the machine does what it is there for.
    pub fn healthy(&self, orchestrator: Orchestrator) -> bool {
        self.exists
            && self.health.as_ref().is_ok_and(|health| {
                orchestrator == Orchestrator::None || health.member.as_deref() == Some("active")
            })
    }
}

impl ClusterStatus {
    /// Whether everything that was asked for is there and answers.
    pub fn healthy(&self) -> bool {
        self.record.phase == Phase::Ready
            && self.machines.len() == self.record.spec.machines().len()
            && self.machines.iter().all(|m| m.healthy(self.record.spec.orchestrator))
    }
}

/// Asks a cluster how it is.
pub async fn status(services: &Services, name: &ClusterName) -> Result<ClusterStatus, Error> {
    let record = services.home.record(name)?;
    let record = record.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let (existing, _) = ours(&*services.driver, name, Some(&record)).await?;
    let lost = record.machines.iter().filter(|m| existing.iter().all(|e| e.id != m.id));
    let all = existing.iter().map(|m| (m, true)).chain(lost.map(|m| (m, false)));
    let tls = TlsFiles::in_directory(&services.home.directory(name).join("pki/client"));
    let mut machines = join_all(all.map(async |(machine, exists)| MachineStatus {
        machine: machine.clone(),
        exists,
        health: health(services, machine, exists, &tls).await,
    }))
    .await;
    machines.sort_by_key(|m| m.machine.id.name);
    Ok(ClusterStatus { record, machines })
}

async fn health(
    services: &Services,
    machine: &Machine,
    exists: bool,
    tls: &TlsFiles,
) -> Result<EngineHealth, String> {
    if !exists {
        return Err("gone".to_owned());
    }
    if machine.state != MachineState::Running {
        return Err(machine.state.to_string());
    }
    let ask = async {
        let engine = services.dialer.engine(machine, tls, DEADLINE).await;
        let engine = engine.map_err(|e| chain(&e))?;
        engine.health().await.map_err(|e| chain(&*e))
    };
    let late = || Err(format!("no answer within {} s", DEADLINE.as_secs()));
    tokio::time::timeout(DEADLINE, ask).await.unwrap_or_else(|_| late())
}
