//! In place of a driver, where none can be asked.

use async_trait::async_trait;

use crate::event::Progress;
use crate::model::{
    ClusterName, DriverName, Finding, Machine, MachineRequest, MachineState, Place,
};

use super::{Driver, Error, registry};

/// Lists machines as they are remembered, and takes them to be on: whether they answer, others see.
#[derive(Debug)]
pub struct Remembered(Vec<Machine>);

impl Remembered {
    /// Those machines.
    pub fn new(machines: &[Machine]) -> Self {
        let on = |machine: &Machine| Machine { state: MachineState::Running, ..machine.clone() };
        Self(machines.iter().map(on).collect())
    }

    fn refuse<T>() -> Result<T, Error> {
        Err(Error::Unsupported("from here machines are only looked at".to_owned()))
    }
}

#[async_trait]
impl Driver for Remembered {
    fn name(&self) -> DriverName {
        self.0.first().map_or_else(registry::default, |machine| machine.driver.clone())
    }

    async fn place(&self) -> Result<Place, Error> {
        Self::refuse()
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
    }

    async fn prepare(
        &self,
        _cluster: &ClusterName,
        _requests: &[MachineRequest],
        _progress: &Progress,
    ) -> Result<(), Error> {
        Self::refuse()
    }

    async fn create(&self, _request: &MachineRequest) -> Result<Machine, Error> {
        Self::refuse()
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        let is_meant = |machine: &&Machine| cluster.is_none_or(|name| machine.id.cluster == *name);
        Ok(self.0.iter().filter(is_meant).cloned().collect())
    }

    async fn start(&self, _machine: &Machine) -> Result<(), Error> {
        Self::refuse()
    }

    async fn stop(&self, _machine: &Machine) -> Result<(), Error> {
        Self::refuse()
    }

    async fn destroy(&self, _machine: &Machine) -> Result<(), Error> {
        Self::refuse()
    }

    async fn cleanup(
        &self,
        _cluster: &ClusterName,
        _cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        Self::refuse()
    }

    async fn host_key(&self, _machine: &Machine) -> Result<Option<String>, Error> {
        Self::refuse()
    }
}
