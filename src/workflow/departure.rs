//! Machines that go: what they do goes elsewhere, they leave the cluster, and then they are destroyed.

use std::time::Duration;

use crate::bootstrap::{Bootstrapper, Removal};
use crate::event::Progress;
use crate::failpoint;
use crate::model::{Machine, MachineId, MachineState};
use crate::pace::within;
use crate::provision::{Node, Provisioner};
use crate::remote::keys;
use crate::store::{Entry, Record};

use super::error::{Error, MachineError, Work};
use super::leaders::{first_that, leads};
use super::machines::{Origin, become_node};
use super::services::Services;
use super::settle::{all_well, settle};

/// How long a machine that is to go may take to answer, before it goes without being asked.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine that goes.
pub(super) struct Departure {
    leaving: Removal,
    /// Absent if it was lost; then there is only a member to strike off.
    machine: Option<Machine>,
}

/// The machines that the record's spec does not have, each with its node if it answers.
pub(super) async fn departures(
    services: &Services,
    provisioner: &Provisioner,
    record: &Record,
    existing: &[Machine],
    progress: &Progress,
) -> Result<Vec<Departure>, Error> {
    let lost = record.machines.iter().filter(|m| existing.iter().all(|e| e.id != m.id));
    let all = existing.iter().map(|m| (m, true)).chain(lost.map(|m| (m, false)));
    let work = all.filter(|(m, _)| !record.spec.has(m.id.name)).map(|(machine, exists)| {
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

/// Takes machines away: what they do goes elsewhere, they leave the cluster, and then they are
/// destroyed. `cluster` is what they leave, with a reachable leader that stays.
pub(super) async fn dismiss(
    services: &Services,
    entry: &Entry,
    cluster: Option<(&dyn Bootstrapper, &Node)>,
    departures: Vec<Departure>,
    progress: &Progress,
) -> Result<(), Error> {
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
