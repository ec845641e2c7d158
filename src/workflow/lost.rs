//! What commands do about machines that a record tells of and that their driver does not list.

use std::time::Duration;

use crate::model::{ClusterName, Machine, MachineId};
use crate::observe::Lost;
pub(super) use crate::observe::Sight;
use crate::observe::looked;
use crate::pace::within;
use crate::remote::keys;
use crate::store::Record;

use super::error::{Error, Failure, MachineError, Work};
use super::services::Services;

/// How long whoever comes to an end waits for a driver's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the driver for the machines of a record.
pub(super) async fn look(services: &Services, record: &Record) -> Result<Sight, Error> {
    Ok(Sight::of(listed(services, &record.spec.name).await?, record))
}

/// The machines that carry a cluster's name.
pub(super) async fn listed(services: &Services, name: &ClusterName) -> Result<Vec<Machine>, Error> {
    let list = services.driver.list(Some(name));
    if services.interrupt.raised() {
        // What comes to its end has to know, but does not wait for long.
        Ok(within(PATIENCE, list).await.map_err(|_| Error::Interrupted)??)
    } else {
        services.ask(list).await
    }
}

/// The cluster's machines that carry its id, and whether there are others of its name that do not.
pub(super) async fn ours(
    services: &Services,
    name: &ClusterName,
    record: Option<&Record>,
) -> Result<(Vec<Machine>, Vec<Machine>), Error> {
    let machines = listed(services, name).await?;
    Ok(machines.into_iter().partition(|m| record.is_some_and(|r| r.cluster_id == m.cluster_id)))
}

/// Machines whose host keys are here, where no record tells of them, and that are not among those that were
/// found: drivers are asked one at a time, and a cluster may have machines of several. `None` if all are there.
pub(super) async fn unaccounted(
    services: &Services,
    cluster: &ClusterName,
    found: &[Machine],
) -> Result<Option<Lost>, Error> {
    let known_hosts = services.home.directory(cluster).join("ssh/known_hosts");
    let aliases = keys::aliases(&known_hosts)?;
    let pinned = aliases.iter().filter_map(|alias| MachineId::from_alias(cluster, alias));
    let is_found = |id: &MachineId| found.iter().any(|machine| machine.id == *id);
    let machines: Vec<_> = pinned.filter(|id| !is_found(id)).map(|id| id.name).collect();
    if machines.is_empty() {
        return Ok(None);
    }
    let places = services.driver.places().await?;
    Ok(Some(Lost {
        cluster: cluster.clone(),
        machines,
        looked: looked(&places, places.keys()),
        why: Some("and there is no record that tells where else they may be".to_owned()),
        of_record: false,
    }))
}

impl Sight {
    /// Refuses to take machines for gone that may be somewhere.
    pub(super) async fn refuse_unsure(
        &self,
        services: &Services,
        record: &Record,
    ) -> Result<(), Error> {
        match self.unsure(&*services.driver, record).await? {
            Some(lost) => Err(Error::Lost(lost)),
            None => Ok(()),
        }
    }

    /// Refuses to work on a cluster none of whose machines is there.
    pub(super) async fn refuse_none(
        &self,
        services: &Services,
        record: &Record,
    ) -> Result<(), Error> {
        if !self.found.is_empty() {
            return Ok(());
        }
        self.refuse_unsure(services, record).await?;
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Error::Lost(self.lost(&*services.driver, record, &self.missing).await?))
    }

    /// Refuses to go without any of the machines.
    pub(super) async fn refuse_any(
        &self,
        services: &Services,
        record: &Record,
    ) -> Result<(), Error> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Error::Lost(self.lost(&*services.driver, record, &self.missing).await?))
    }

    /// What came of work on those that were found, and that others were not.
    pub(super) async fn and_missing(
        &self,
        services: &Services,
        work: Work,
        result: Result<(), Error>,
    ) -> Result<(), Error> {
        if self.missing.is_empty() {
            return result;
        }
        let mut failure = match result {
            Ok(()) => {
                let cluster = self.missing[0].id.cluster.clone();
                let (left, of) = (self.found.clone(), self.found.len());
                Failure { cluster, work, causes: Vec::new(), left, of }
            }
            Err(Error::Machines(failure)) => failure,
            Err(error) => return Err(error),
        };
        let places = services.driver.places().await.unwrap_or_default();
        failure.of += self.missing.len();
        failure.causes.extend(self.missing.iter().map(|machine| {
            (machine.id.name, MachineError::NotFound(looked(&places, [&machine.driver])))
        }));
        Err(failure.into())
    }
}
