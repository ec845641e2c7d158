//! `scale`: more machines, or fewer. More is what `up` does anyway. For fewer, the intent is saved first
//! and then `up`'s own path is taken, which brings to an end whatever the record says was agreed; so a
//! `scale` that was cut short is completed by any later `up`.

use std::time::{Duration, Instant};

use crate::bootstrap::{self, Bootstrapper, Membership, Removal};
use crate::event::Progress;
use crate::failpoint;
use crate::model::{ClusterName, Machine, MachineId, MachineName, MachineState, Role};
use crate::pace::within;
use crate::plan::Plan;
use crate::provision::{Node, Provisioner};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::{Entry, Phase, Record};

use super::admit::refuse_resizing;
use super::lost::look;
use super::machines::{Origin, become_node, leads};
use super::place::refuse_other_place;
use super::settle::all_well;
use super::state::{Look, refuse_lost};
use super::up::converge;
use super::{Error, MachineError, Services, Summary, UpOptions, Work, settle, upgrade};

/// How long a machine that is to go may take to answer, before it goes without being asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes a cluster have so many machines of these roles, and leaves the selected context alone. The
/// machines with the highest numbers go.
pub async fn scale(
    services: &Services,
    name: &ClusterName,
    counts: &[(Role, u16)],
) -> Result<Summary, Error> {
    let (entry, progress) = services.lock(name, "scale").await?;
    let result = to_counts(services, &entry, counts, &progress).await;
    if let Err(Error::UnknownCluster(_)) = result {
        // Taking the lock has made a directory.
        entry.remove_if_unused()?;
    }
    progress.ready();
    result
}

async fn to_counts(
    services: &Services,
    entry: &Entry,
    counts: &[(Role, u16)],
    progress: &Progress,
) -> Result<Summary, Error> {
    let begin = Instant::now();
    let options = UpOptions::BY_THE_WAY;
    let name = entry.name();
    upgrade::complete(services, entry, progress).await?;
    let mut record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    if record.phase == Phase::Destroying {
        return Err(Error::HalfRemoved(name.clone()));
    }
    let wanted = record.spec.with_counts(counts);
    wanted.validate()?;
    refuse_resizing(&wanted, &record.spec)?;
    if is_unfinished(&record, &wanted) {
        progress.warn("finishing an interrupted `scale` first");
        Box::pin(converge(services, entry, record.spec, options, progress, begin)).await?;
        record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    }
    // What is to go goes before anything is added, so that what is agreed on is only that.
    let fewer = wanted.at_most(&record.spec);
    let sight = look(services, &record).await?;
    let existing = &sight.found;
    let lost = record.machines.iter().any(|m| !has(&fewer, m.id.name));
    if lost || !Plan::new(&fewer, existing).surplus.is_empty() {
        // What is refused must not be done by the next command, as what was agreed on is.
        sight.refuse_unsure(services, &record).await?;
        refuse_lost(services, &record, existing, Look::Quick).await?;
        refuse_other_place(&record, existing, &services.driver.places().await?)?;
        failpoint::reached("scale.record.before");
        record.phase = Phase::Scaling;
        record.spec = fewer.clone();
        entry.save(&record)?;
        failpoint::reached("scale.record.after");
        if fewer != wanted {
            Box::pin(converge(services, entry, fewer, options, progress, begin)).await?;
        }
    }
    Box::pin(converge(services, entry, wanted, options, progress, begin)).await
}

/// Whether machines are still to be taken away that this spec says nothing of.
pub(super) fn is_unfinished(record: &Record, spec: &ClusterSpec) -> bool {
    let agreed = ClusterSpec { engine: spec.engine.clone(), ..record.spec.clone() };
    record.phase == Phase::Scaling && agreed != *spec
}

fn has(spec: &ClusterSpec, name: MachineName) -> bool {
    spec.machines().iter().any(|m| m.name == name)
}

/// A machine that goes.
pub(super) struct Departure {
    leaving: Removal,
    /// Absent if it was lost; then there is only a member to strike off.
    machine: Option<Machine>,
}

/// The machines that are to go, each with its node if it answers. None unless the record says that this
/// was agreed.
pub(super) async fn departures(
    services: &Services,
    provisioner: &Provisioner,
    record: &Record,
    existing: &[Machine],
    progress: &Progress,
) -> Result<Vec<Departure>, Error> {
    if record.phase != Phase::Scaling {
        return Ok(Vec::new());
    }
    let lost = record.machines.iter().filter(|m| existing.iter().all(|e| e.id != m.id));
    let all = existing.iter().map(|m| (m, true)).chain(lost.map(|m| (m, false)));
    let work = all.filter(|(m, _)| !has(&record.spec, m.id.name)).map(|(machine, exists)| {
        let progress = progress.machine(machine.id.name);
        let work = async move {
            let node = match machine.state {
                MachineState::Running if exists => {
                    reach(services, provisioner, machine, &progress).await?
                }
                _ => None,
            };
            let leaving = Removal { name: machine.id.name, node };
            Ok(Departure { leaving, machine: exists.then(|| machine.clone()) })
        };
        (machine.id.name, work)
    });
    let (mut found, causes) = settle(work).await;
    all_well(services, &record.spec.name, Work::Make, found.len(), causes).await?;
    // Whoever does not answer goes first, because it counts against the majority; then the highest
    // number.
    found.sort_by_key(|d| (d.leaving.node.is_some(), std::cmp::Reverse(d.leaving.name.number)));
    Ok(found)
}

async fn reach(
    services: &Services,
    provisioner: &Provisioner,
    machine: &Machine,
    progress: &Progress,
) -> Result<Option<Node>, MachineError> {
    let work =
        Box::pin(become_node(services, provisioner, Origin::Keep(machine.clone()), progress));
    match within(PATIENCE, work).await {
        Ok(Ok(node)) => Ok(Some(node)),
        Ok(Err(MachineError::Interrupted)) => Err(MachineError::Interrupted),
        Ok(Err(_)) | Err(_) => {
            progress.warn("it does not answer, so it goes without being asked");
            Ok(None)
        }
    }
}

/// The nodes that become the cluster: those that stay, and if none of them votes because all of them
/// were lost, those that still do although they are to go.
pub(super) async fn with_guides(
    kind: &dyn Bootstrapper,
    nodes: &[Node],
    departures: &[Departure],
) -> Result<Vec<Node>, Error> {
    let mut members = nodes.to_vec();
    let guides = departures.iter().filter(|d| leads(d.leaving.name));
    let guides: Vec<Node> = guides.filter_map(|d| d.leaving.node.clone()).collect();
    if !guides.is_empty() && first_that(kind, nodes, |voter, _| voter).await?.is_none() {
        members.extend(guides);
    }
    Ok(members)
}

/// The first leader of which `wanted` is true, given whether it votes and whether it is reachable.
pub(super) async fn first_that(
    kind: &dyn Bootstrapper,
    nodes: &[Node],
    wanted: impl Fn(bool, bool) -> bool,
) -> Result<Option<Node>, bootstrap::Error> {
    for node in nodes.iter().filter(|n| leads(n.machine().id.name)) {
        if let Membership::Member { votes, reachable, .. } = kind.member(node).await?
            && wanted(votes, reachable)
        {
            return Ok(Some(node.clone()));
        }
    }
    Ok(None)
}

/// The reachable leader of the cluster once the others have gone.
pub(super) async fn remaining_leader(
    kind: &dyn Bootstrapper,
    cluster: &ClusterName,
    nodes: &[Node],
) -> Result<Node, Error> {
    let leader = first_that(kind, nodes, |_, reachable| reachable).await?;
    leader.ok_or_else(|| Error::NoLeader(cluster.clone()))
}

/// Takes machines away: what they do goes elsewhere, they leave the cluster, and then they are
/// destroyed. `cluster` is what they leave, with a reachable leader that stays.
pub(super) async fn dismiss(
    services: &Services,
    entry: &Entry,
    cluster: Option<(&dyn Bootstrapper, &Node)>,
    departures: Vec<Departure>,
    progress: &Progress,
) -> Result<(), Error> {
    if departures.is_empty() {
        return Ok(());
    }
    if let Some((kind, leader)) = cluster {
        let leaving: Vec<Removal> = departures.iter().map(|d| d.leaving.clone()).collect();
        failpoint::reached("scale.drain.before");
        let drain = progress.step("move work elsewhere", kind.drain(leader, &leaving));
        let left = services.interrupt.or(drain).await.ok_or(Error::Interrupted)??;
        for what in left {
            progress.warn(format!("{what} and goes all the same"));
        }
        failpoint::reached("scale.drain.after");
    }
    let ssh = entry.ssh()?;
    let depart = async |departure: &Departure| {
        let Departure { leaving, machine } = departure;
        let progress = progress.machine(leaving.name);
        if services.interrupt.raised() {
            return Err(MachineError::Interrupted);
        }
        if let Some((kind, leader)) = cluster {
            progress.step("leave the cluster", kind.leave(leader, leaving)).await?;
        }
        if let Some(machine) = machine {
            failpoint::reached("scale.destroy.before");
            progress.step("destroy", services.driver.destroy(machine)).await?;
            failpoint::reached("scale.destroy.after");
        }
        let id = MachineId { cluster: entry.name().clone(), name: leaving.name };
        Ok(keys::unpin(&ssh.known_hosts, &id.alias())?)
    };
    let (leaders, others): (Vec<_>, Vec<_>) =
        departures.iter().partition(|d| leads(d.leaving.name));
    let (_, mut causes) = settle(others.iter().map(|d| (d.leaving.name, depart(d)))).await;
    // One at a time: each one that goes changes who makes a majority.
    for leader in leaders {
        if causes.is_empty()
            && let Err(cause) = depart(leader).await
        {
            causes.push((leader.leaving.name, cause));
        }
    }
    all_well(services, entry.name(), Work::Make, departures.len(), causes).await?;
    for departure in &departures {
        entry.forget_machine(departure.leaving.name)?;
    }
    Ok(())
}
