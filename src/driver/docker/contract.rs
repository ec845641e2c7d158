//! What is asked of every driver, done by an engine.

use async_trait::async_trait;
use futures_util::try_join;

use super::options::DRIVER;
use super::{DockerDriver, check, engine, labels, network};
use crate::driver::lock::lock;
use crate::driver::{Driver, Error, Force, Leftover};
use crate::event::Progress;
use crate::model::{ClusterName, DriverName, Finding, Machine, MachineRequest, Place, Proxies};

#[async_trait]
impl Driver for DockerDriver {
    fn name(&self) -> DriverName {
        DRIVER
    }

    async fn place(&self) -> Result<Place, Error> {
        self.find_place().await
    }

    async fn architecture(&self) -> Result<Option<String>, Error> {
        let version = self.engine.client.version().await;
        Ok(version.map_err(engine::failed("ask", self.engine.place.as_str()))?.arch)
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        check::check(&self.engine, self.image_present().await?).await
    }

    async fn admit(&self, cluster: &ClusterName, requests: &[MachineRequest]) -> Result<(), Error> {
        let Some(first) = requests.first() else { return Ok(()) };
        let network = self.settle_network(cluster, &first.cluster_id, requests);
        try_join!(self.admit_requests(requests), network).map(drop)
    }

    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        progress: &Progress,
    ) -> Result<(), Error> {
        let Some(first) = requests.first() else {
            return Ok(());
        };
        if self.engine.in_clear {
            progress.warn(format!("{} has no TLS: {}", self.engine.place, check::IN_CLEAR));
        }
        if let Some(place) = self.proxies.as_ref().and_then(Proxies::on_loopback) {
            progress.warn(format!(
                "the proxy at {place} answers this computer alone, so machines get none: let it listen on \
                 another address, and name that in HTTP_PROXY and HTTPS_PROXY"
            ));
        }
        // Everything that can be refused is refused here, before the first thing is made.
        let ((), (), settled, image_present) = try_join!(
            self.admit_requests(requests),
            self.learn_devices(),
            self.settle_network(cluster, &first.cluster_id, requests),
            self.image_present(),
        )?;
        if !image_present {
            self.fetch_image(progress).await?;
        }
        let network = match settled {
            network::Settled::Exists(network) => network,
            network::Settled::Free(wanted) => {
                let owner = labels::Owner::of_request(first);
                self.create_network(&owner, wanted).await?
            }
        };
        lock(&self.networks).insert(cluster.clone(), network);
        Ok(())
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error> {
        self.create_machine(request).await
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        self.list_machines(cluster).await
    }

    async fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        self.find_leftovers().await
    }

    async fn litter(&self) -> Result<Vec<String>, Error> {
        self.find_litter().await
    }

    async fn remove_litter(&self) -> Result<(), Error> {
        Self::remove_litter(self).await
    }

    async fn refuse_held(
        &self,
        cluster: &ClusterName,
        cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        self.refuse_holders(cluster, cluster_id).await
    }

    async fn start(&self, machine: &Machine) -> Result<(), Error> {
        self.start_machine(machine).await
    }

    async fn diagnose(&self, machine: &Machine) -> Result<Option<String>, Error> {
        Ok(self.trouble(machine).await?.map(|trouble| trouble.to_string()))
    }

    async fn recover(&self, machine: &Machine) -> Result<(), Error> {
        self.mend(machine).await
    }

    async fn stop(&self, machine: &Machine) -> Result<(), Error> {
        self.stop_machine(machine).await
    }

    fn admit_force(&self, _machine: &Machine, _force: Force) -> Result<(), Error> {
        Ok(())
    }

    async fn force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        self.force_machine(machine, force).await
    }

    async fn destroy(&self, machine: &Machine) -> Result<(), Error> {
        self.remove_container(&machine.handle, &machine.id.to_string()).await
    }

    async fn cleanup(&self, cluster: &ClusterName, cluster_id: Option<&str>) -> Result<(), Error> {
        lock(&self.networks).remove(cluster);
        self.remove_remains(cluster, cluster_id).await
    }

    async fn host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        let given = lock(&self.host_keys).get(&machine.handle).cloned();
        match given {
            Some(key) => Ok(Some(key)),
            None => self.read_host_key(machine).await.map(Some),
        }
    }
}
