//! In place of a driver whose machines are given up.

use async_trait::async_trait;

use crate::event::Progress;
use crate::model::{ClusterName, DriverName, Finding, Machine, MachineRequest, Place};

use super::{Driver, Error};

/// Has no machines and makes none, so that a cluster can be forgotten whose place cannot be asked any more.
#[derive(Debug)]
pub struct Nowhere(pub DriverName);

impl Nowhere {
    fn refuse<T>(&self) -> Result<T, Error> {
        Err(Error::Unsupported(format!("the machines of driver `{}` are given up", self.0)))
    }
}

#[async_trait]
impl Driver for Nowhere {
    fn name(&self) -> DriverName {
        self.0.clone()
    }

    async fn place(&self) -> Result<Place, Error> {
        self.refuse()
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
        self.refuse()
    }

    async fn create(&self, _request: &MachineRequest) -> Result<Machine, Error> {
        self.refuse()
    }

    async fn list(&self, _cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        Ok(Vec::new())
    }

    async fn start(&self, _machine: &Machine) -> Result<(), Error> {
        self.refuse()
    }

    async fn stop(&self, _machine: &Machine) -> Result<(), Error> {
        self.refuse()
    }

    async fn destroy(&self, _machine: &Machine) -> Result<(), Error> {
        self.refuse()
    }

    async fn cleanup(
        &self,
        _cluster: &ClusterName,
        _cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        Ok(())
    }

    async fn host_key(&self, _machine: &Machine) -> Result<Option<String>, Error> {
        self.refuse()
    }
}
