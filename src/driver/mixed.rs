//! Machines of one cluster that come from several places.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::event::Progress;
use crate::model::{ClusterName, DriverName, Finding, Machine, MachineRequest, Place, Places};

use super::{Driver, Error, Force, Leftover, Price};

/// Several drivers as one: each machine is the business of the driver whose name it carries.
pub struct Mixed {
    drivers: Vec<Arc<dyn Driver>>,
}

impl Mixed {
    /// One driver of all of these; a single one stays as it is.
    ///
    /// # Panics
    ///
    /// Without any driver.
    pub fn of(mut drivers: Vec<Arc<dyn Driver>>) -> Arc<dyn Driver> {
        let first = drivers.pop().expect("machines come from somewhere");
        if drivers.is_empty() {
            return first;
        }
        drivers.push(first);
        Arc::new(Self { drivers })
    }

    fn the(&self, name: &DriverName) -> Result<&dyn Driver, Error> {
        let found = self.drivers.iter().find(|driver| driver.name() == *name);
        found.map(|driver| &**driver).ok_or_else(|| {
            Error::Unsupported(format!("this cluster has no machines of driver `{name}`"))
        })
    }
}

/// The requests that are one driver's.
fn asked_of(driver: &dyn Driver, requests: &[MachineRequest]) -> Vec<MachineRequest> {
    requests.iter().filter(|request| request.driver == driver.name()).cloned().collect()
}

#[async_trait]
impl Driver for Mixed {
    fn name(&self) -> DriverName {
        self.drivers[0].name()
    }

    async fn place(&self) -> Result<Place, Error> {
        self.drivers[0].place().await
    }

    async fn places(&self) -> Result<Places, Error> {
        let mut places = Places::new();
        for driver in &self.drivers {
            places.extend(driver.places().await?);
        }
        Ok(places)
    }

    async fn architecture(&self) -> Result<Option<String>, Error> {
        let mut common = None;
        for driver in &self.drivers {
            let Some(architecture) = driver.architecture().await? else { return Ok(None) };
            if common.as_ref().is_some_and(|common| *common != architecture) {
                return Ok(None);
            }
            common = Some(architecture);
        }
        Ok(common)
    }

    fn report_to(&self, progress: &Progress) {
        self.drivers.iter().for_each(|driver| driver.report_to(progress));
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for driver in &self.drivers {
            findings.extend(driver.check().await?);
        }
        Ok(findings)
    }

    async fn price(&self, driver: &DriverName) -> Option<Price> {
        self.the(driver).ok()?.price(driver).await
    }

    async fn admit(&self, cluster: &ClusterName, requests: &[MachineRequest]) -> Result<(), Error> {
        for driver in &self.drivers {
            let its = asked_of(&**driver, requests);
            if !its.is_empty() {
                driver.admit(cluster, &its).await?;
            }
        }
        Ok(())
    }

    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        progress: &Progress,
    ) -> Result<(), Error> {
        for driver in &self.drivers {
            let its = asked_of(&**driver, requests);
            if !its.is_empty() {
                driver.prepare(cluster, &its, progress).await?;
            }
        }
        Ok(())
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error> {
        self.the(&request.driver)?.create(request).await
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        // All at once, so that it takes no longer than the slowest one.
        let lists = join_all(self.drivers.iter().map(|driver| driver.list(cluster))).await;
        let lists: Vec<Vec<Machine>> = lists.into_iter().collect::<Result<_, _>>()?;
        let mut machines = lists.concat();
        machines.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(machines)
    }

    async fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let mut leftovers = Vec::new();
        for driver in &self.drivers {
            leftovers.extend(driver.leftovers().await?);
        }
        Ok(leftovers)
    }

    async fn litter(&self) -> Result<Vec<String>, Error> {
        let mut litter = Vec::new();
        for driver in &self.drivers {
            litter.extend(driver.litter().await?);
        }
        Ok(litter)
    }

    async fn remove_litter(&self) -> Result<(), Error> {
        for driver in &self.drivers {
            driver.remove_litter().await?;
        }
        Ok(())
    }

    async fn refuse_held(
        &self,
        cluster: &ClusterName,
        cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        for driver in &self.drivers {
            driver.refuse_held(cluster, cluster_id).await?;
        }
        Ok(())
    }

    async fn start(&self, machine: &Machine) -> Result<(), Error> {
        self.the(&machine.driver)?.start(machine).await
    }

    async fn located(&self, machine: Machine) -> Result<Machine, Error> {
        self.the(&machine.driver)?.located(machine).await
    }

    async fn open_tunnel(&self, machine: &Machine) -> Result<(), Error> {
        self.the(&machine.driver)?.open_tunnel(machine).await
    }

    async fn diagnose(&self, machine: &Machine) -> Result<Option<String>, Error> {
        self.the(&machine.driver)?.diagnose(machine).await
    }

    async fn recover(&self, machine: &Machine) -> Result<(), Error> {
        self.the(&machine.driver)?.recover(machine).await
    }

    async fn stop(&self, machine: &Machine) -> Result<(), Error> {
        self.the(&machine.driver)?.stop(machine).await
    }

    fn admit_force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        self.the(&machine.driver)?.admit_force(machine, force)
    }

    async fn force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        self.the(&machine.driver)?.force(machine, force).await
    }

    async fn extend(&self, machine: &Machine, end: Timestamp) -> Result<(), Error> {
        self.the(&machine.driver)?.extend(machine, end).await
    }

    async fn termination_reason(&self, machine: &Machine) -> Result<Option<String>, Error> {
        self.the(&machine.driver)?.termination_reason(machine).await
    }

    async fn destroy(&self, machine: &Machine) -> Result<(), Error> {
        self.the(&machine.driver)?.destroy(machine).await
    }

    /// Every driver is asked, whatever the others answer; the first error is returned.
    async fn cleanup(&self, cluster: &ClusterName, cluster_id: Option<&str>) -> Result<(), Error> {
        let mut result = Ok(());
        for driver in &self.drivers {
            result = result.and(driver.cleanup(cluster, cluster_id).await);
        }
        result
    }

    async fn host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        self.the(&machine.driver)?.host_key(machine).await
    }

    async fn known_host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        self.the(&machine.driver)?.known_host_key(machine).await
    }

    async fn note_host_key(&self, machine: &Machine, public: &str) -> Result<(), Error> {
        self.the(&machine.driver)?.note_host_key(machine, public).await
    }

    fn own_host_key(&self, request: &MachineRequest) -> Option<String> {
        self.the(&request.driver).ok()?.own_host_key(request)
    }
}
