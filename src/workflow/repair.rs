//! `repair`: rebuilds a record that is lost or damaged from the labels that machines carry.

use crate::model::{ClusterName, Machine, Role};
use crate::spec::{ClusterSpec, DriverName, MachineGroup};
use crate::store::{self, Record};

use super::{Error, Services};

/// Rebuilds the record from labels and returns it. What labels do not tell (limits, ports, engine
/// options) is as if it had not been asked for; machines keep what they have.
pub async fn repair(
    services: &Services,
    name: &ClusterName,
    driver: DriverName,
) -> Result<Record, Error> {
    let (entry, progress) = services.lock(name, "repair").await?;
    match entry.record() {
        Ok(Some(record)) => {
            progress.ready();
            return Ok(record);
        }
        Ok(None) => {}
        Err(store::Error::Damaged { .. }) => {
            let aside = entry.set_aside()?;
            progress.warn(format!("the damaged record is kept as `{}`", aside.display()));
        }
        Err(error) => return Err(error.into()),
    }
    let machines = services.driver.list(Some(name)).await?;
    let Some(first) = machines.first() else {
        entry.discard()?;
        return Err(Error::UnknownCluster(name.clone()));
    };
    if !entry.has_keys() {
        entry.discard()?;
        return Err(Error::NoKeys(name.clone()));
    }
    let mut record = Record::new(ClusterSpec {
        name: name.clone(),
        orchestrator: first.orchestrator,
        machines: groups(&machines, driver),
        engine: Default::default(),
        docker: Default::default(),
    });
    record.cluster_id.clone_from(&first.cluster_id);
    record.machines = machines;
    entry.save(&record)?;
    progress.ready();
    Ok(record)
}

fn groups(machines: &[Machine], driver: DriverName) -> Vec<MachineGroup> {
    let highest = |role: Role| {
        let of_role = machines.iter().map(|m| m.id.name).filter(|n| n.role == role);
        of_role.map(|n| n.number).max()
    };
    Role::ALL
        .into_iter()
        .filter_map(|role| Some(MachineGroup::new(role, highest(role)?, driver)))
        .collect()
}
