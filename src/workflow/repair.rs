//! `repair`: rebuilds a record that is lost or damaged from the labels that machines carry.

use crate::model::{Machine, MachineName, Role};
use crate::spec::{ClusterSpec, MachineGroup};
use crate::store::{self, Entry, Record};

use super::error::Error;
use super::lost::unaccounted;
use super::owner::{keys_of, refuse_other_home};
use super::place::note;
use super::services::{Cluster, Services};

/// Rebuilds the record from labels and returns it. What labels do not tell (limits, ports, engine
/// options) is as `given`, and so is all that was chosen about drivers: the next command needs it to find the
/// machines. They keep what they have. `forget` does without machines that are not found and may be elsewhere.
pub async fn repair(
    services: &Services,
    given: &ClusterSpec,
    forget: bool,
) -> Result<Record, Error> {
    let cluster = services.lock(&given.name, "repair").await?;
    let Cluster { entry, progress, .. } = &cluster;
    let name = entry.name().clone();
    let damaged = match entry.record() {
        Ok(Some(record)) => return Ok(record),
        Ok(None) => false,
        Err(store::Error::Damaged { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    let machines = takeable(services, entry, forget).await?;
    let first = &machines[0];
    if damaged {
        let aside = entry.set_aside()?;
        progress.warn(format!("the damaged record is kept as `{}`", aside.display()));
    }
    let groups = groups(&machines);
    let orchestrator = first.orchestrator;
    let mut record =
        Record::new(ClusterSpec { name, orchestrator, machines: groups, ..given.clone() });
    note(services, &mut record, services.driver.places().await?);
    record.cluster_id.clone_from(&first.cluster_id);
    record.machines = machines;
    // Whether there was a cluster on them is not known, so what might be lost is asked about.
    record.begun = true;
    entry.save(&record)?;
    Ok(record)
}

/// The machines of the one cluster of that name whose keys are here; at least one, and unless the others are to
/// be forgotten, all.
async fn takeable(services: &Services, entry: &Entry, forget: bool) -> Result<Vec<Machine>, Error> {
    let cluster = entry.name().clone();
    let mut machines = services.ask(services.driver.list(Some(&cluster))).await?;
    if machines.is_empty() {
        return Err(Error::UnknownCluster(cluster));
    }
    if !entry.has_keys() {
        refuse_other_home(services, &cluster, &machines)?;
        return Err(Error::NoKeys(cluster));
    }
    // Keys tell whose they are. Those of an earlier cluster of that name open nothing.
    let keys_of = keys_of(services, &cluster);
    if let Some(id) = keys_of.filter(|id| machines.iter().any(|m| m.cluster_id == *id)) {
        machines.retain(|machine| machine.cluster_id == id);
    } else {
        refuse_other_home(services, &cluster, &machines)?;
        let mut ids: Vec<String> = machines.iter().map(|m| m.cluster_id.clone()).collect();
        ids.sort();
        ids.dedup();
        if ids.len() > 1 {
            return Err(Error::SeveralClusters { cluster, ids });
        }
    }
    match unaccounted(services, &cluster, &machines).await? {
        Some(lost) if !forget => Err(Error::Lost(lost)),
        _ => Ok(machines),
    }
}

/// The groups that these machines would have come from. One that is missing in the middle came from where
/// the next one did.
fn groups(machines: &[Machine]) -> Vec<MachineGroup> {
    let mut names: Vec<_> = machines.iter().map(|m| (m.id.name, &m.driver)).collect();
    // What is implied by the others is not asked for.
    names.retain(|(name, _)| name.role != Role::LoadBalancer);
    names.sort();
    let mut groups: Vec<MachineGroup> = Vec::new();
    for (MachineName { role, number }, driver) in names {
        let before: u16 = groups.iter().filter(|g| g.role == role).map(|g| g.count).sum();
        let count = number - before;
        match groups.last_mut().filter(|g| g.role == role && g.driver == *driver) {
            Some(group) => group.count += count,
            None => groups.push(MachineGroup::new(role, count, driver.clone())),
        }
    }
    groups
}
