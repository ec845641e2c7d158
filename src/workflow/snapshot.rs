//! `snapshot`: what a cluster knows is kept on its machines, put back, listed and removed.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::driver::registry;
use crate::failpoint;
use crate::kind;
use crate::model::{ClusterName, Machine, MachineName, MachineState, SnapshotName};
use crate::snapshot::{self, About, Ground, Scripts, Seen, Snapshot, admit, gathered, seen};
use crate::store::{Intent, Phase, Record};

use super::error::Error;
use super::intents;
use super::keep;
use super::lost::look;
use super::make::UpOptions;
use super::services::{Cluster, Services};
use super::together::{GLANCE, Together, glance};

/// How long a machine may take to let us in.
const ENTRY: Duration = Duration::from_secs(30);

/// A snapshot that was taken or put back.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What it tells of itself.
    pub about: About,
    /// How long it took.
    pub elapsed: Duration,
}

/// The snapshots of a cluster, and which machines could not be asked, with the reason.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// The snapshots, the oldest first.
    pub found: Vec<Snapshot>,
    /// Machines that do not answer.
    pub silent: Vec<(MachineName, String)>,
}

/// Takes a snapshot: everything on the machines stops, is copied as of one moment, and is started again.
///
/// # Errors
/// [`Error::Snapshot`] if there cannot be one; nothing was changed then. If it could not be taken, there is nothing of it, and
/// everything runs as before.
pub async fn save_snapshot(
    services: &Services,
    name: &ClusterName,
    snapshot: SnapshotName,
) -> Result<Kept, Error> {
    let begin = Instant::now();
    let cluster = services.lock(name, "snapshot-save").await?;
    let record = cluster.record()?;
    let scripts = refuse_unfit(&record)?;
    refuse_unfinished(&record, |_| false)?;
    let together = reach(&cluster, &record).await?;
    let seen = ask(&together, scripts).await?;
    if gathered(&seen).iter().any(|known| known.name == snapshot) {
        return Err(snapshot::Error::Exists { cluster: name.clone(), name: snapshot }.into());
    }
    let leader = seen.iter().find(|seen| seen.machine.name.role.leads());
    let about = About {
        name: snapshot.clone(),
        cluster: name.clone(),
        cluster_id: record.cluster_id.clone(),
        orchestrator: record.spec.orchestrator,
        runs: leader.and_then(|leader| leader.runs.clone()).unwrap_or_default(),
        taken: now(),
        machines: machines(&record),
    };
    let rest = [Intent::Grow { spec: record.goal().clone() }];
    let pending = [&[Intent::Save { snapshot }], rest.as_slice()].concat();
    failpoint::reached("save.record.before");
    cluster.entry.save(&Record { pending, ..record })?;
    failpoint::reached("save.record.after");
    let saved = keep::save(&cluster, together, scripts, &about, &rest).await;
    // Whatever became of it, all is to be well again; and what went wrong first is told.
    let is_started = cluster.record()?.pending == rest;
    if is_started {
        let well = intents::make(&cluster, &rest, UpOptions::BY_THE_WAY).await;
        saved.and(well.map(drop))?;
    } else {
        saved?;
    }
    Ok(Kept { about, elapsed: begin.elapsed() })
}

/// Puts a snapshot back: everything on the machines stops, gets the state that it had, and is started again.
///
/// # Errors
/// [`Error::Snapshot`] if it is not whole or does not fit; nothing was changed then. If it was cut short, the same command or
/// `up` goes on with it.
pub async fn restore_snapshot(
    services: &Services,
    name: &ClusterName,
    snapshot: SnapshotName,
) -> Result<Kept, Error> {
    let begin = Instant::now();
    let cluster = services.lock(name, "snapshot-restore").await?;
    let record = cluster.record()?;
    let scripts = refuse_unfit(&record)?;
    let wanted = Intent::Restore { snapshot: snapshot.clone() };
    let goes_on = record.pending.first() == Some(&wanted);
    // One that was made once has a state that can be replaced, although not all of it became well.
    refuse_unfinished(&record, |record| {
        goes_on || (record.begun && record.phase() == Phase::Creating)
    })?;
    let together = reach(&cluster, &record).await?;
    let seen = ask(&together, scripts).await?;
    let found = known(&record, &seen, &snapshot)?;
    let ground = Ground {
        cluster: name,
        cluster_id: &record.cluster_id,
        orchestrator: record.spec.orchestrator,
        machines: &machines(&record),
        seen: &seen,
    };
    admit(&found, ground)?;
    let about = found.about.expect("what tells nothing of itself is not whole");
    let asked = [wanted, Intent::Grow { spec: record.goal().clone() }];
    if !goes_on {
        // An earlier one that was cut short at its very end may have left it.
        together.run(&scripts.clear()).await?;
        failpoint::reached("restore.record.before");
        cluster.entry.save(&Record { pending: asked.to_vec(), ..record })?;
        failpoint::reached("restore.record.after");
    }
    drop(together);
    intents::make(&cluster, &asked, UpOptions::BY_THE_WAY).await?;
    Ok(Kept { about, elapsed: begin.elapsed() })
}

/// Removes a snapshot from all machines.
///
/// # Errors
/// [`Error::Snapshot`] if there is none of that name, or machines are off that may have some of it.
pub async fn remove_snapshot(
    services: &Services,
    name: &ClusterName,
    snapshot: &SnapshotName,
) -> Result<(), Error> {
    let cluster = services.lock(name, "snapshot-rm").await?;
    let record = cluster.record()?;
    let scripts = refuse_unfit(&record)?;
    refuse_unfinished(&record, |record| record.phase() == Phase::Creating)?;
    let together = reach(&cluster, &record).await?;
    known(&record, &ask(&together, scripts).await?, snapshot)?;
    together.run(&scripts.remove(snapshot)).await.map(drop)
}

/// Asks the machines of a cluster for their snapshots, without its lock.
///
/// # Errors
/// If there can be none, or the machines cannot be listed.
pub async fn snapshots(services: &Services, name: &ClusterName) -> Result<Snapshots, Error> {
    let Cluster { entry, .. } = &services.unlocked(name);
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let scripts = refuse_unfit(&record)?;
    let sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    let (mut all, mut silent) = (Vec::new(), Vec::new());
    for (machine, said) in glance(services, name, &sight.found, &scripts.look(), 3 * GLANCE).await?
    {
        match said.and_then(|said| seen(&said, &machine).map_err(|error| error.to_string())) {
            Ok(seen) => all.push(seen),
            Err(why) => silent.push((machine.name, why)),
        }
    }
    Ok(Snapshots { found: gathered(&all), silent })
}

/// Now, as it is written down: fractions of a second say nothing.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn machines(record: &Record) -> Vec<MachineName> {
    record.goal().machines().into_iter().map(|machine| machine.name).collect()
}

/// Refuses a cluster that has no state of its own, or machines that are not ours alone.
fn refuse_unfit(record: &Record) -> Result<Scripts, snapshot::Error> {
    let (spec, cluster) = (&record.spec, record.spec.name.clone());
    let drivers = spec.drivers().into_iter();
    let drivers: Vec<_> =
        drivers.filter(|driver| !registry::kind(driver).keeps_snapshots()).collect();
    if !drivers.is_empty() {
        return Err(snapshot::Error::Driver { cluster, drivers });
    }
    let kind = kind::of(spec.orchestrator).noun();
    Scripts::of(spec.orchestrator).ok_or(snapshot::Error::NoState { cluster, kind })
}

/// Refuses a cluster on which something was begun that has not come to its end, unless that is `fine`.
fn refuse_unfinished(record: &Record, fine: impl Fn(&Record) -> bool) -> Result<(), Error> {
    let cluster = record.spec.name.clone();
    match record.pending.first() {
        Some(Intent::Remove) => Err(Error::HalfRemoved(cluster)),
        Some(intent) if !fine(record) => {
            Err(snapshot::Error::Unfinished { cluster, verb: intent.verb() }.into())
        }
        _ => Ok(()),
    }
}

/// Reaches all machines of a cluster; none may be gone or off.
async fn reach<'a>(cluster: &'a Cluster<'a>, record: &Record) -> Result<Together<'a>, Error> {
    let services = cluster.services;
    let sight = look(services, record).await?;
    sight.refuse_any(services, record).await?;
    let is_off = |machine: &&Machine| machine.state != MachineState::Running;
    let mut machines: Vec<_> = sight.found.iter().filter(is_off).map(|m| m.id.name).collect();
    if !machines.is_empty() {
        machines.sort();
        return Err(snapshot::Error::Off { cluster: cluster.name().clone(), machines }.into());
    }
    Together::reach(cluster, sight.found, ENTRY).await
}

/// What the machines say of their snapshots.
async fn ask(together: &Together<'_>, scripts: Scripts) -> Result<Vec<Seen>, Error> {
    let said = together.run(&scripts.look()).await?;
    let seen: Result<Vec<Seen>, _> = said.iter().map(|(id, said)| seen(said, id)).collect();
    Ok(seen?)
}

/// The snapshot of that name.
fn known(record: &Record, seen: &[Seen], name: &SnapshotName) -> Result<Snapshot, snapshot::Error> {
    let found = gathered(seen).into_iter().find(|snapshot| snapshot.name == *name);
    found.ok_or_else(|| snapshot::Error::Unknown {
        cluster: record.spec.name.clone(),
        name: name.clone(),
    })
}
