//! Tunnels to machines that a driver keeps open, for commands that need no more of it than that.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::driver::mixed::Mixed;
use crate::driver::nowhere::Nowhere;
use crate::driver::{self, Driver, Memory, Section, registry};
use crate::event::{Progress, chain};
use crate::kind::Bootstrappers;
use crate::model::{DriverName, Machine};
use crate::remote::SshDialer;
use crate::store::Record;
use crate::workflow::{self, Services};

use super::error::Error;
use super::own_images::OwnImages;
use super::services::Context;

impl Context {
    /// What reaches a machine.
    pub(super) fn dialer(&self, record: &Record, machine: &Machine) -> SshDialer {
        SshDialer::new(has_tunnel(machine).then(|| self.keeper(record)))
    }

    /// What works on the contexts of a cluster, and asks nobody where its machines come from.
    pub(super) fn services_to_reach(&self, record: &Record) -> Services {
        let keeper = self.keeper(record);
        Services {
            home: self.home.clone(),
            dialer: Arc::new(SshDialer::new(Some(Arc::clone(&keeper)))),
            driver: keeper,
            bootstrappers: Bootstrappers::default(),
            contexts: self.contexts.clone(),
            kube_contexts: self.kube_contexts.clone(),
            proxies: None,
            seen: None,
            images: Arc::new(OwnImages(self.contexts.clone())),
            open_log: self.open_log(),
            reporter: Arc::clone(&self.reporter),
            interrupt: self.interrupt.clone(),
        }
    }

    /// Opens the tunnels to machines of a cluster, where the user's own programs go after `dojo` has ended.
    pub(super) async fn open_tunnels(
        &self,
        record: &Record,
        machines: &[Machine],
    ) -> Result<(), Error> {
        let keeper = self.keeper(record);
        let machines = machines.iter().filter(|machine| has_tunnel(machine));
        let open = join_all(machines.map(|machine| keeper.open_tunnel(machine)));
        let opened: Result<(), driver::Error> = open.await.into_iter().collect();
        Ok(opened.map_err(workflow::Error::from)?)
    }

    /// The same; where one cannot be opened, the user is told, and what was asked for goes on.
    pub(super) async fn try_open_ways(&self, record: &Record, machines: &[Machine]) {
        if let Err(error) = self.open_tunnels(record, machines).await {
            Progress::new(Arc::clone(&self.reporter)).warn(chain(&error));
        }
    }

    fn keeper(&self, record: &Record) -> Arc<dyn Driver> {
        let keeper = |driver: DriverName| {
            let memory = self.memory(&driver, &record.spec.name, Some(record.clone()));
            let section = record.spec.sections.of(&driver);
            registry::kind(&driver)
                .tunnels(section, memory)
                .unwrap_or_else(|| Arc::new(Nowhere(driver)))
        };
        let mut drivers = record.spec.drivers();
        // One that has no machines has its driver all the same.
        drivers.insert(record.spec.driver());
        Mixed::of(drivers.into_iter().map(keeper).collect())
    }
}

/// Whether something may have to be kept open so that a machine can be reached.
fn has_tunnel(machine: &Machine) -> bool {
    registry::kind(&machine.driver).tunnels(&Section::new(), Memory::default()).is_some()
}
