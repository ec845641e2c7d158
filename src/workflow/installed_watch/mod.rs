//! `watch --install`: a watch that runs on a machine of the cluster, as a service of systemd.

mod package;

use std::time::Duration;

use crate::kind;
use crate::model::{ClusterName, Machine, MachineId, MachineName, MachineState};
use crate::remote::{self, Script};
use crate::store::{Home, InstalledWatch, Record};

use super::error::Error;
use super::lost::look;
use super::services::{Cluster, Services};
use super::together::{GLANCE, glance};

pub use package::Webhook;
use package::{Package, knows};

/// How long a machine may take to let us in.
const ENTRY: Duration = Duration::from_secs(30);
/// How long the program may take to get there and to begin.
const INSTALL: Duration = Duration::from_secs(20 * 60);
/// The status of a script that does not do it, and says why.
const REFUSED: u32 = 9;
/// What the script says that has found a watch to remove.
const REMOVED: &str = "removed";

/// Has a watch run on a machine, or else on the first that leads the cluster and runs; whatever watch was on a machine of the
/// cluster goes. Returns once it really watches.
///
/// # Errors
/// [`Error::NotOn`] if the machine is off, or the one whose watch would have to go; [`Error::NoWatch`] if it cannot run there.
/// What there was before is as it was then.
pub async fn install_watch(
    services: &Services,
    name: &ClusterName,
    on: Option<MachineName>,
    webhook: Option<&Webhook>,
) -> Result<MachineId, Error> {
    let cluster = services.lock(name, "watch").await?;
    let Cluster { entry, progress, .. } = &cluster;
    let mut record = cluster.record()?;
    let sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    let machine = place(&record, &sight.found, on)?;
    refuse_off(machine, "install a watch on")?;
    refuse_kept(&record, &sight.found)?;
    let known = knows(&services.home, &record)?;
    let package = Package::of(&services.home, &record, webhook)?;
    let remote = services.dialer.dial(machine, &entry.ssh()?, ENTRY).await?;

    let watch = InstalledWatch { machine: machine.id.name, knows: known };
    let before = record.watch.replace(watch);
    entry.save(&record)?;
    let (script, progress) = (install(), progress.machine(machine.id.name));
    let sent = remote.run_with_input(&script, package.input(&progress));
    if let Err(error) = progress.step(&*script.title, sent).await {
        record.watch = before;
        entry.save(&record)?;
        return Err(refused(&machine.id, error));
    }
    // All the others, so that one that nobody remembers goes as well.
    let others: Vec<_> = sight.found.iter().filter(|other| other.id != machine.id).collect();
    let kept = before.map(|watch| watch.machine).filter(|name| *name != machine.id.name);
    clear(&cluster, &others, kept).await?;
    progress.ready();
    Ok(machine.id.clone())
}

/// Removes the watches that run on machines of a cluster; returns on which.
///
/// # Errors
/// [`Error::NotOn`] if the one that has it is off; [`Error::WatchKept`] if it does not answer.
pub async fn remove_watch(
    services: &Services,
    name: &ClusterName,
) -> Result<Vec<MachineName>, Error> {
    let cluster = services.lock(name, "watch").await?;
    let mut record = cluster.record()?;
    let sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    refuse_kept(&record, &sight.found)?;
    let known = record.watch.as_ref().map(|watch| watch.machine);
    let removed = clear(&cluster, &sight.found.iter().collect::<Vec<_>>(), known).await?;
    if record.watch.take().is_some() {
        cluster.entry.save(&record)?;
    }
    Ok(removed)
}

/// Whether the watch that runs on a machine knows the cluster otherwise than it is now: its machines, or what opens it. It knows
/// what there was when it was installed.
pub fn watch_is_outdated(home: &Home, record: &Record) -> bool {
    let watch = record.installed_watch();
    watch.is_some_and(|watch| knows(home, record).is_ok_and(|now| now != watch.knows))
}

/// The machine that is meant.
fn place<'m>(
    record: &Record,
    found: &'m [Machine],
    on: Option<MachineName>,
) -> Result<&'m Machine, Error> {
    let unknown = |machine| Error::UnknownMachine { cluster: record.spec.name.clone(), machine };
    if let Some(name) = on {
        return found.iter().find(|m| m.id.name == name).ok_or_else(|| unknown(name));
    }
    let leader = kind::of(record.spec.orchestrator).roles().first().copied();
    let order = |machine: &&Machine| {
        let name = machine.id.name;
        (Some(name.role) != leader, machine.state != MachineState::Running, name)
    };
    let none = || Error::NotWhole(record.spec.name.clone());
    found.iter().min_by_key(order).ok_or_else(none)
}

fn refuse_off(machine: &Machine, verb: &'static str) -> Result<(), Error> {
    if machine.state == MachineState::Running {
        return Ok(());
    }
    Err(Error::NotOn { machine: machine.id.clone(), state: machine.state, verb })
}

/// Refuses to go on without a machine that would bring its watch back when it is started.
fn refuse_kept(record: &Record, found: &[Machine]) -> Result<(), Error> {
    let Some(watch) = &record.watch else { return Ok(()) };
    let has_it = found.iter().find(|machine| machine.id.name == watch.machine);
    has_it.map_or(Ok(()), |machine| refuse_off(machine, "remove the watch of"))
}

/// Removes watches from machines that run; `kept` is the one that is known to have one.
async fn clear(
    cluster: &Cluster<'_>,
    machines: &[&Machine],
    kept: Option<MachineName>,
) -> Result<Vec<MachineName>, Error> {
    let Cluster { services, entry, progress } = cluster;
    let on = machines.iter().copied().filter(|m| m.state == MachineState::Running);
    let mut removed = Vec::new();
    for (machine, said) in glance(services, entry.name(), on, &remove(), 4 * GLANCE).await? {
        match said {
            Ok(said) if said.trim() == REMOVED => removed.push(machine.name),
            Ok(_) => {}
            Err(why) if Some(machine.name) == kept => {
                return Err(Error::WatchKept { machine, why });
            }
            Err(why) => progress
                .machine(machine.name)
                .warn(format!("nobody knows whether it has a watch: {why}")),
        }
    }
    Ok(removed)
}

fn install() -> Script {
    Script::new(
        "install the watch",
        "On a machine it goes on when the terminal is closed and this computer sleeps.",
        include_str!("../../../templates/watch/install.sh"),
    )
    .with("PROCESSOR", std::env::consts::ARCH)
    .within(INSTALL)
}

fn remove() -> Script {
    Script::new(
        "remove the watch",
        "Its service and all its files go.",
        include_str!("../../../templates/watch/remove.sh"),
    )
}

/// What a machine says of why it does not watch.
fn refused(machine: &MachineId, error: remote::Error) -> Error {
    match error {
        remote::Error::Script { status: REFUSED, stderr, .. } => {
            Error::NoWatch { machine: machine.clone(), why: stderr }
        }
        error => error.into(),
    }
}
