//! Where machines come from, or are looked for, where no record says it.

use crate::model::{ClusterName, DriverName, Orchestrator, Role};
use crate::spec::{ClusterSpec, MachineGroup};

use super::args::{DriverFlags, Elsewhere, Place};
use super::error::Error;
use super::up::{docker_host, driver_options, ec2_account, ssh_options};

/// What names a driver, with its usual options, and asks for nothing in particular.
pub(super) fn spec_from(name: ClusterName, driver: DriverName) -> ClusterSpec {
    let machines = vec![MachineGroup::new(Role::Engine, 1, driver)];
    ClusterSpec::new(name, Orchestrator::Engines, machines)
}

impl DriverFlags {
    fn spec(&self, name: ClusterName, driver: DriverName) -> Result<ClusterSpec, Error> {
        self.of(spec_from(name, driver))
    }

    /// A spec whose machines are to be looked for there.
    pub(super) fn of(&self, mut spec: ClusterSpec) -> Result<ClusterSpec, Error> {
        driver_options(&mut spec, &self.driver_opt)?;
        ec2_account(&mut spec.ec2, &self.ec2);
        docker_host(&mut spec, self.docker_host.as_ref())?;
        Ok(spec)
    }
}

impl Place {
    /// A cluster of that name as it might be there.
    pub(super) fn spec(&self, name: ClusterName) -> Result<ClusterSpec, Error> {
        let mut spec = self.flags.spec(name, self.driver.clone())?;
        ssh_options(&mut spec.ssh, &self.ssh)?;
        Ok(spec)
    }
}

impl Elsewhere {
    /// A cluster of that name as it might be there.
    pub(super) fn spec(&self, name: ClusterName) -> Result<ClusterSpec, Error> {
        self.flags.spec(name, self.driver.clone().unwrap_or_default())
    }
}
