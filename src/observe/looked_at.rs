//! The cluster that is looked at.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::driver::{self, Driver};
use crate::kind::{self, Kind};
use crate::model::{Machine, Service};
use crate::remote::Dialer;
use crate::store::{Home, Record};

use super::sight::Sight;

/// A cluster that is looked at.
#[derive(Clone)]
pub struct Cluster {
    /// Where its keys are, and its record.
    pub home: Home,
    /// What is remembered of it.
    pub record: Record,
    /// What made its machines.
    pub driver: Arc<dyn Driver>,
    /// What reaches them.
    pub dialer: Arc<dyn Dialer>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Cluster {
    pub(super) fn directory(&self) -> PathBuf {
        self.home.directory(&self.record.spec.name)
    }

    pub(super) fn kind(&self) -> &'static dyn Kind {
        kind::of(self.record.spec.orchestrator)
    }

    /// What is asked for what the cluster says of itself; `None` where machines are no cluster.
    pub(super) fn asked(&self) -> Option<Service> {
        (!self.kind().context_roles().is_empty()).then(|| self.kind().service())
    }

    /// Whether a machine answers for its cluster.
    pub(super) fn leads(&self, machine: &Machine) -> bool {
        self.kind().context_roles().contains(&machine.id.name.role)
    }

    /// Asks the driver for the machines.
    ///
    /// # Errors
    /// Whatever the driver says.
    pub async fn look(&self) -> Result<Sight, driver::Error> {
        look(&*self.driver, &self.record).await
    }
}

/// Asks a driver for the machines of a record.
///
/// # Errors
/// Whatever the driver says.
pub async fn look(driver: &dyn Driver, record: &Record) -> Result<Sight, driver::Error> {
    Ok(Sight::of(driver.list(Some(&record.spec.name)).await?, record))
}
