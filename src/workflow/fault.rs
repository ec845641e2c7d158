//! `break` and `unbreak`: faults on purpose, whose undo is armed on the machine before they are made.

use std::time::Duration;

use crate::durable;
use crate::event::{Progress, chain};
use crate::fault::{self, Armed, Broken, Fault, Ground, Inputs, Limit, POWER_OFF};
use crate::model::{ClusterName, Machine, MachineName, MachineState, SshFiles};
use crate::pki::{self, Authority};
use crate::remote::{self, Remote, Script};
use crate::store::{Entry, Record};

use super::error::{Error, Work};
use super::lost::look;
use super::power::start_machine;
use super::services::{Cluster, Services};
use super::settle::{all_well, settle};
use super::together::{GLANCE, glance};

/// How long a machine may take to let us in.
const ENTRY: Duration = Duration::from_secs(30);

/// Breaks a machine, and tells until when: the machine itself undoes it then.
///
/// # Errors
/// [`Error::Fault`] if it makes no sense there, or is there already; nothing was changed then. If it could not be made
/// as a whole, what there was of it is undone.
pub async fn break_machine(
    services: &Services,
    name: &ClusterName,
    machine: MachineName,
    fault: Fault,
    limit: Limit,
) -> Result<Broken, Error> {
    let cluster = services.lock(name, "break").await?;
    let record = cluster.record()?;
    let sight = look(services, &record).await?;
    let Some(target) = sight.found.iter().find(|m| m.id.name == machine) else {
        sight.refuse_none(services, &record).await?;
        return Err(Error::UnknownMachine { cluster: name.clone(), machine });
    };
    if target.state != MachineState::Running {
        let machine = target.id.clone();
        return Err(fault::Error::Off { machine, state: target.state }.into());
    }
    let ground = Ground::of(target, record.spec.machines().len());
    fault::admit(fault, &target.id, ground)?;
    let progress = cluster.progress.machine(machine);
    let broken = if fault.is_power_off() {
        progress.step("switch it off", services.driver.stop(target)).await?;
        Broken { machine: target.id.clone(), fault: fault.to_string(), since: None, until: None }
    } else {
        let inputs = inputs(&cluster.entry, &record, target, fault, ground)?;
        on_machine(
            services,
            &cluster.entry.ssh()?,
            target,
            fault,
            ground,
            &inputs,
            limit,
            &progress,
        )
        .await?
    };
    progress.ready();
    Ok(broken)
}

/// What a fault has to know of the cluster.
fn inputs(
    entry: &Entry,
    record: &Record,
    target: &Machine,
    fault: Fault,
    ground: Ground,
) -> Result<Inputs, Error> {
    let mut inputs = Inputs::default();
    match fault.entry().name {
        "unreachable" | "slow-network" => {
            let others = record.machines.iter().filter(|m| m.id != target.id);
            inputs.peers = others.map(|m| m.private_ip).collect();
        }
        "cert-expired" if ground.has_engine => {
            let pki = entry.pki()?;
            // Under the same names, so that its age is all that is wrong with it.
            let like = pki.join(target.id.name.to_string()).join("cert.pem");
            let like = durable::read_to_string(&like, durable::KEY).map_err(|source| {
                pki::Error::File { operation: "read", path: like.clone(), source }
            })?;
            let expired = Authority::load(&pki)?.expired_server(&like)?;
            inputs.expired = Some((expired.cert, expired.key));
        }
        _ => {}
    }
    Ok(inputs)
}

#[expect(clippy::too_many_arguments, reason = "each is something else")]
async fn on_machine(
    services: &Services,
    files: &SshFiles,
    target: &Machine,
    fault: Fault,
    ground: Ground,
    inputs: &Inputs,
    limit: Limit,
    progress: &Progress,
) -> Result<Broken, Error> {
    let make = fault::make(fault, ground, inputs).expect("only `power-off` has no script");
    let remote = services.dialer.dial(target, files, ENTRY).await?;
    let arm = fault::arm(fault, &make, limit);
    let said = progress.step(&*arm.title, remote.run(&arm)).await?;
    let broken = match fault::armed(&said, fault, &target.id)? {
        Armed::Yes(broken) => broken,
        Armed::Already(Broken { machine, fault, since, .. }) => {
            let since = since.unwrap_or_default();
            return Err(fault::Error::Already { fault, machine, since }.into());
        }
        Armed::No(why) => {
            let machine = target.id.clone();
            return Err(fault::Error::Refused { fault: fault.to_string(), machine, why }.into());
        }
    };
    let apply = fault::apply(fault);
    if let Err(error) = progress.step(&*apply.title, remote.run(&apply)).await {
        let undo = fault::unbreak(Some(fault));
        let undone =
            progress.step(&*undo.title, undo_over(services, files, target, &*remote, &undo));
        if let Err(why) = undone.await {
            let why = chain(&why);
            progress.warn(format!("what there is of it undoes itself, but not at once: {why}"));
        }
        return Err(error.into());
    }
    Ok(broken)
}

/// Undoes it over the same connection, and over another one if that is broken.
async fn undo_over(
    services: &Services,
    files: &SshFiles,
    target: &Machine,
    remote: &dyn Remote,
    undo: &Script,
) -> Result<(), remote::Error> {
    if remote.run(undo).await.is_ok() {
        return Ok(());
    }
    services.dialer.dial(target, files, ENTRY).await?.run(undo).await.map(drop)
}

/// Undoes all faults of a cluster, or of one machine, and starts machines that are off. Returns what was undone.
///
/// A cluster all of whose machines are off has no fault: somebody has stopped it.
///
/// # Errors
/// [`Error::Machines`] if that did not work on some; it was done on the others.
pub async fn unbreak(
    services: &Services,
    name: &ClusterName,
    only: Option<MachineName>,
) -> Result<Vec<Broken>, Error> {
    let cluster = services.lock(name, "unbreak").await?;
    let record = cluster.record()?;
    let machines = machines(services, &record, only).await?;
    let files = cluster.entry.ssh()?;
    let is_on = |m: &&Machine| m.state == MachineState::Running;
    let of = machines.len();
    let work: Vec<_> = machines
        .iter()
        .filter(is_on)
        .map(|machine| {
            let progress = cluster.progress.machine(machine.id.name);
            let files = &files;
            (machine.id.name, async move {
                let remote = services.dialer.dial(machine, files, ENTRY).await?;
                let undo = fault::unbreak(None);
                let said = progress.step(&*undo.title, remote.run(&undo)).await?;
                progress.ready();
                Ok(fault::listed(&said, &machine.id))
            })
        })
        .collect();
    let (undone, mut causes) = settle(work).await;
    let mut all = Vec::new();
    for undone in undone {
        all.extend(undone?);
    }
    let off = off(&machines, only.is_some());
    // That takes the lock itself.
    drop(cluster);
    for broken in off {
        let machine = broken.machine.name;
        match Box::pin(start_machine(services, name, machine)).await {
            Ok(()) => all.push(broken),
            Err(Error::Machines(failure)) => causes.extend(failure.causes),
            Err(error) => return Err(error),
        }
    }
    all_well(services, name, Work::Tend, of, causes).await?;
    all.sort_by(|a, b| (a.machine.name, &a.fault).cmp(&(b.machine.name, &b.fault)));
    Ok(all)
}

/// The machines that are off, as a fault. Where all of a cluster are, somebody has stopped it.
fn off(machines: &[Machine], is_named: bool) -> Vec<Broken> {
    let on = machines.iter().any(|m| m.state == MachineState::Running);
    if !on && !is_named {
        return Vec::new();
    }
    let off = machines.iter().filter(|m| m.state == MachineState::Stopped);
    off.map(|machine| Broken {
        machine: machine.id.clone(),
        fault: POWER_OFF.to_owned(),
        since: None,
        until: None,
    })
    .collect()
}

/// What is broken, and which machines could not be asked, with the reason.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// What is broken.
    pub broken: Vec<Broken>,
    /// Machines that do not answer.
    pub silent: Vec<(MachineName, String)>,
}

/// Asks the machines of a cluster for their faults, without its lock.
///
/// # Errors
/// If the machines cannot be listed.
pub async fn faults(
    services: &Services,
    name: &ClusterName,
    only: Option<MachineName>,
) -> Result<Faults, Error> {
    let Cluster { entry, .. } = &services.unlocked(name);
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let machines = machines(services, &record, only).await?;
    let on = machines.iter().filter(|m| m.state == MachineState::Running);
    let mut found = Faults { broken: off(&machines, only.is_some()), silent: Vec::new() };
    for (machine, said) in glance(services, name, on, &fault::list(), 2 * GLANCE).await? {
        let broken =
            said.and_then(|said| fault::listed(&said, &machine).map_err(|error| error.to_string()));
        match broken {
            Ok(broken) => found.broken.extend(broken),
            Err(why) => found.silent.push((machine.name, why)),
        }
    }
    found.broken.sort_by(|a, b| (a.machine.name, &a.fault).cmp(&(b.machine.name, &b.fault)));
    Ok(found)
}

/// What [faults](crate::fault) change of each machine of a cluster that runs, to be compared with what it is later.
///
/// # Errors
/// [`Error::Machines`] if one does not answer.
pub async fn fingerprints(
    services: &Services,
    name: &ClusterName,
) -> Result<Vec<(MachineName, String)>, Error> {
    let Cluster { entry, .. } = &services.unlocked(name);
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let machines = machines(services, &record, None).await?;
    let files = SshFiles::in_directory(&services.home.directory(name).join("ssh"));
    let on = machines.iter().filter(|m| m.state == MachineState::Running);
    let work: Vec<_> = on
        .map(|machine| {
            let files = &files;
            (machine.id.name, async move {
                let remote = services.dialer.dial(machine, files, ENTRY).await?;
                Ok((machine.id.name, remote.run(&fault::fingerprint()).await?))
            })
        })
        .collect();
    let of = work.len();
    let (prints, causes) = settle(work).await;
    all_well(services, name, Work::Tend, of, causes).await?;
    Ok(prints)
}

/// The machines that are meant.
async fn machines(
    services: &Services,
    record: &Record,
    only: Option<MachineName>,
) -> Result<Vec<Machine>, Error> {
    let mut sight = look(services, record).await?;
    sight.refuse_none(services, record).await?;
    if let Some(machine) = only {
        sight.found.retain(|m| m.id.name == machine);
        if sight.found.is_empty() {
            let cluster = record.spec.name.clone();
            return Err(Error::UnknownMachine { cluster, machine });
        }
    }
    sight.found.sort_by_key(|m| m.id.name);
    Ok(sight.found)
}
