//! `repair`: rebuilds a record that is lost or damaged from the labels that machines carry.

use crate::event::Progress;
use crate::model::{ClusterName, Machine, Role};
use crate::spec::{ClusterSpec, DriverName, MachineGroup};
use crate::store::{self, Entry, Record};

use super::{Error, Services};

/// Rebuilds the record from labels and returns it. What labels do not tell (limits, ports, engine
/// options) is as if it had not been asked for; machines keep what they have.
pub async fn repair(
    services: &Services,
    name: &ClusterName,
    driver: DriverName,
) -> Result<Record, Error> {
    let (entry, progress) = services.lock(name, "repair").await?;
    let result = rebuild(services, entry, driver, &progress).await;
    progress.ready();
    result
}

async fn rebuild(
    services: &Services,
    entry: Entry,
    driver: DriverName,
    progress: &Progress,
) -> Result<Record, Error> {
    let name = entry.name().clone();
    let damaged = match entry.record() {
        Ok(Some(record)) => return Ok(record),
        Ok(None) => false,
        Err(store::Error::Damaged { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    let machines = services.driver.list(Some(&name)).await?;
    let Some(first) = machines.first() else {
        // Its machines may be in a place that only the damaged record names, so its keys stay.
        entry.remove_if_unused()?;
        return Err(Error::UnknownCluster(name));
    };
    if !entry.has_keys() {
        entry.remove_if_unused()?;
        return Err(Error::NoKeys(name));
    }
    if damaged {
        let aside = entry.set_aside()?;
        progress.warn(format!("the damaged record is kept as `{}`", aside.display()));
    }
    let groups = groups(&machines, driver);
    let mut record = Record::new(ClusterSpec::new(name, first.orchestrator, groups));
    record.cluster_id.clone_from(&first.cluster_id);
    record.machines = machines;
    entry.save(&record)?;
    Ok(record)
}

fn groups(machines: &[Machine], driver: DriverName) -> Vec<MachineGroup> {
    let highest = |role: Role| {
        let of_role = machines.iter().map(|m| m.id.name).filter(|n| n.role == role);
        of_role.map(|n| n.number).max()
    };
    Role::ALL
        .into_iter()
        // What is implied by the others is not asked for.
        .filter(|role| *role != Role::LoadBalancer)
        .filter_map(|role| Some(MachineGroup::new(role, highest(role)?, driver)))
        .collect()
}
