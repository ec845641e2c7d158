//! `start` and `stop`, of a whole cluster or of one machine.

use crate::driver::{self, Force};
use crate::event::Progress;
use crate::model::{ClusterName, Machine, MachineName, MachineState, Role};
use crate::snapshot;
use crate::store::{Phase, Record};

use super::error::{Error, Work};
use super::images;
use super::lost::{Sight, look, ours};
use super::machines::{Origin, become_node, install, provisioner, remember};
use super::make::{Summary, UpOptions};
use super::services::{Cluster, Services};
use super::settle::{all_well, on_each};
use super::up::up;

/// Starts a whole cluster. That is `up` with what was asked for then: it heals membership, certificates
/// and contexts on the way, and leaves the selected context alone.
pub async fn start(services: &Services, name: &ClusterName) -> Result<Summary, Error> {
    let cluster = services.lock(name, "start").await?;
    let record = cluster.record()?;
    if record.phase() == Phase::Destroying {
        return Err(Error::HalfRemoved(name.clone()));
    }
    up(cluster, record.goal().clone(), UpOptions::BY_THE_WAY).await
}

/// Starts one machine and waits for its engine.
pub async fn start_machine(
    services: &Services,
    name: &ClusterName,
    machine: MachineName,
) -> Result<(), Error> {
    bring_up(services, name, machine, "start", Origin::Keep).await
}

/// Brings one machine to what its cluster is to be, from whatever state it is in.
async fn bring_up(
    services: &Services,
    name: &ClusterName,
    machine: MachineName,
    verb: &str,
    running: impl FnOnce(Machine) -> Origin,
) -> Result<(), Error> {
    let cluster = services.lock(name, verb).await?;
    let Cluster { entry, progress, .. } = &cluster;
    let mut record = cluster.record()?;
    if record.phase() == Phase::Restoring {
        // One alone would have another state than its peers.
        let verb = record.pending[0].verb();
        return Err(snapshot::Error::Unfinished { cluster: name.clone(), verb }.into());
    }
    let machine = one(services, &record, machine).await?;
    let install = install(&record.spec, true)?;
    let provisioner = provisioner(services, entry, &record, install)?;
    let label = machine.id.name;
    let origin = match machine.state {
        MachineState::Running => running(machine),
        _ => Origin::Start(machine),
    };
    let progress_of_one = progress.machine(label);
    tell_of_majority(services, &record, label, true, progress).await?;
    let result = become_node(services, &provisioner, origin, &progress_of_one).await;
    if let Ok(node) = &result {
        let before = record.images.clone();
        images::complete(services, &mut record, std::slice::from_ref(node), progress).await;
        if record.images != before {
            entry.save(&record)?;
        }
        progress_of_one.ready();
        if node.held().any() {
            progress.warn(format!(
                "the engine of {label} runs on without its new settings or certificates; `dojo start {name}` \
                 restarts engines one after the other"
            ));
        }
        let known = record.machines.iter().find(|m| m.id.name == label);
        if known.is_some_and(|known| known.endpoints != node.machine().endpoints) {
            remember(services, entry).await?;
            progress.warn(format!(
                "{label} has another address than before; `dojo start {name}` brings certificates and \
                 contexts up to date"
            ));
        }
    }
    let causes = result.err().map(|cause| (label, cause)).into_iter().collect();
    all_well(services, name, Work::Tend, 1, causes).await
}

/// Stops a whole cluster, or one machine of it. Disks are kept, and so is the record.
pub async fn stop(
    services: &Services,
    name: &ClusterName,
    only: Option<MachineName>,
) -> Result<(), Error> {
    let cluster = services.lock(name, "stop").await?;
    let record = cluster.record()?;
    let sight = meant(services, &record, only).await?;
    if let Some(machine) = only {
        tell_of_majority(services, &record, machine, false, &cluster.progress).await?;
    }
    to_each(&cluster, &sight, "stop", |machine| services.driver.stop(machine)).await
}

/// What is asked for: the machines of a whole cluster, or one of them.
async fn meant(
    services: &Services,
    record: &Record,
    only: Option<MachineName>,
) -> Result<Sight, Error> {
    let sight = match only {
        Some(machine) => {
            let found = vec![one(services, record, machine).await?];
            Sight { found, others: Vec::new(), missing: Vec::new() }
        }
        None => look(services, record).await?,
    };
    sight.refuse_none(services, record).await?;
    Ok(sight)
}

/// Has a driver do something to all machines that were found.
async fn to_each<'m, F>(
    cluster: &Cluster<'_>,
    sight: &'m Sight,
    verb: &'static str,
    work: impl Fn(&'m Machine) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), driver::Error>>,
{
    let services = cluster.services;
    let to_one = |machine, progress: Progress| {
        let work = work(machine);
        async move { Ok(progress.step(verb, work).await?) }
    };
    let result =
        on_each(services, cluster.name(), Work::Tend, &sight.found, &cluster.progress, to_one)
            .await;
    sight.and_missing(services, Work::Tend, result).await
}

/// Configures Docker and what else a cluster has on its machines again, or on one of them, and starts what is off; what
/// has other settings then is restarted. Makes no machines.
///
/// # Errors
/// [`Error::UnknownMachine`] if the cluster is to have one that is yet to be made.
pub async fn provision(
    services: &Services,
    name: &ClusterName,
    only: Option<MachineName>,
) -> Result<(), Error> {
    if let Some(machine) = only {
        return bring_up(services, name, machine, "provision", Origin::Restart).await;
    }
    let record = services.record(name)?;
    let sight = look(services, &record).await?;
    sight.refuse_any(services, &record).await?;
    let names = record.goal().machines().into_iter().map(|machine| machine.name);
    if let Some(machine) = names.into_iter().find(|n| sight.found.iter().all(|m| m.id.name != *n)) {
        return Err(Error::UnknownMachine { cluster: name.clone(), machine });
    }
    start(services, name).await.map(drop)
}

/// Kills, pauses or unpauses a whole cluster, or one machine of it. Machines of a cluster that are off stay as they
/// are.
///
/// # Errors
/// [`Error::NotOn`] if nothing of it is on, and the driver's error if it cannot do that to one of them; nothing is
/// done then.
pub async fn force(
    services: &Services,
    name: &ClusterName,
    only: Option<MachineName>,
    force: Force,
) -> Result<(), Error> {
    let cluster = services.lock(name, force.verb()).await?;
    let record = cluster.record()?;
    let mut sight = meant(services, &record, only).await?;
    for machine in &sight.found {
        services.driver.admit_force(machine, force)?;
    }
    if force != Force::Kill {
        let is_on = |m: &Machine| matches!(m.state, MachineState::Running | MachineState::Paused);
        let first = sight.found.first().map(|m| (m.id.clone(), m.state));
        sight.found.retain(is_on);
        if let (Some((machine, state)), true) = (first, sight.found.is_empty()) {
            return Err(Error::NotOn { machine, state, verb: force.verb() });
        }
    }
    if let (Some(machine), Force::Kill | Force::Pause) = (only, force) {
        tell_of_majority(services, &record, machine, false, &cluster.progress).await?;
    }
    let work = |machine| services.driver.force(machine, force);
    to_each(&cluster, &sight, force.verb(), work).await
}

/// Stops and starts a whole cluster, or one machine of it. Nothing is stopped if a machine is not there to be
/// started again, and what would not stop keeps nothing else from its start.
pub async fn restart(
    services: &Services,
    name: &ClusterName,
    only: Option<MachineName>,
) -> Result<(), Error> {
    if only.is_none() {
        let record = services.record(name)?;
        look(services, &record).await?.refuse_any(services, &record).await?;
    }
    let stopped = match stop(services, name, only).await {
        Err(error @ Error::Machines(_)) => Err(error),
        other => Ok(other?),
    };
    match only {
        None => start(services, name).await.map(drop)?,
        Some(machine) => start_machine(services, name, machine).await?,
    }
    stopped
}

async fn one(services: &Services, record: &Record, machine: MachineName) -> Result<Machine, Error> {
    let is_it = |m: &Machine| m.id.name == machine;
    let mut sight = look(services, record).await?;
    if let Some(found) = sight.found.iter().position(is_it) {
        return Ok(sight.found.swap_remove(found));
    }
    sight.missing.retain(is_it);
    sight.refuse_any(services, record).await?;
    Err(Error::UnknownMachine { cluster: record.spec.name.clone(), machine })
}

/// Tells if a leader is started or stopped while those that are on then are no majority: nothing is lost,
/// but the cluster accepts no changes meanwhile.
async fn tell_of_majority(
    services: &Services,
    record: &Record,
    machine: MachineName,
    starts: bool,
    progress: &Progress,
) -> Result<(), Error> {
    if !matches!(machine.role, Role::Manager | Role::ControlPlane) {
        return Ok(());
    }
    let (machines, _) = ours(services, &record.spec.name, Some(record)).await?;
    let on = machines.iter().filter(|m| {
        let name = m.id.name;
        name.role == machine.role
            && if name == machine { starts } else { m.state == MachineState::Running }
    });
    let (on, of) = (on.count(), record.spec.count(machine.role));
    // With an only one, that goes without saying.
    if of > 1 && 2 * on <= of {
        progress.warn(format!(
            "with {machine} {}, only {on} of {of} {}s run: no quorum, so the cluster accepts no changes",
            if starts { "on" } else { "off" },
            machine.role
        ));
    }
    Ok(())
}
