//! `extend`: machines that end themselves do so later.

use std::time::Duration;

use jiff::Timestamp;

use crate::driver;
use crate::model::{ClusterName, Machine, MachineState, SshFiles};
use crate::remote::Script;

use super::error::{Error, MachineError, Work};
use super::lost::look;
use super::services::{Cluster, Services};
use super::settle::{all_well, settle};

/// How long a machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Extends the lifetime of all machines of a cluster that end themselves. Returns when the first of them will end.
///
/// # Errors
/// [`Error::Driver`] if none of them ends itself; [`Error::Machines`] if one that is off, or does not answer,
/// could not be told.
pub async fn extend(
    services: &Services,
    name: &ClusterName,
    by: Duration,
) -> Result<Timestamp, Error> {
    let cluster = services.lock(name, "extend").await?;
    let Cluster { entry, progress, .. } = &cluster;
    let mut record = cluster.record()?;
    let sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    let machines = sight.found.clone();
    let files = entry.ssh()?;
    let ending = machines.into_iter().filter_map(|machine| Some((machine.expires? + by, machine)));
    let work: Vec<_> = ending
        .map(|(end, machine)| {
            let progress = progress.machine(machine.id.name);
            let files = &files;
            (machine.id.name, async move {
                let longer = longer(services, &machine, files, end);
                progress.step("let it live longer", longer).await?;
                progress.ready();
                Ok(Machine { expires: Some(end), ..machine })
            })
        })
        .collect();
    let of = work.len();
    let (longer, causes) = settle(work).await;
    for machine in &longer {
        if let Some(known) = record.machines.iter_mut().find(|m| m.id == machine.id) {
            known.expires = machine.expires;
        }
    }
    entry.save(&record)?;
    let result = all_well(services, name, Work::Tend, of, causes).await;
    sight.and_missing(services, Work::Tend, result).await?;
    longer.iter().filter_map(|machine| machine.expires).min().ok_or_else(|| {
        let text = format!("no machine of cluster `{name}` ends itself");
        Error::Driver(driver::Error::Unsupported(text))
    })
}

/// The machine itself first: what its driver says of it must never promise more than it will keep.
async fn longer(
    services: &Services,
    machine: &Machine,
    files: &SshFiles,
    end: Timestamp,
) -> Result<(), MachineError> {
    if machine.state != MachineState::Running {
        return Err(MachineError::NotRunning(machine.state));
    }
    let script = Script::new(
        "set the time of its end",
        "A timer on the machine itself ends it, whatever becomes of this computer.",
        include_str!("../../templates/remote/extend.sh"),
    )
    .with("END", end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let remote = services.dialer.dial(machine, files, PATIENCE).await?;
    remote.run(&script).await?;
    Ok(services.driver.extend(machine, end).await?)
}
