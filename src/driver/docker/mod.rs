//! Machines as containers of a local Docker engine: whole systemd systems, not single processes.
//!
//! Each cluster has a network of its own with fixed addresses, and each machine fixed ports on this
//! computer, so that nothing changes when machines, the engine or the computer restart.

mod address;
mod allowances;
mod archive;
mod bake;
mod by_hand;
mod check;
mod container;
mod create;
mod engine;
mod holders;
mod image;
mod kind;
mod labels;
mod leftovers;
mod locate;
mod machine;
mod network;
mod place;
mod ports;
mod recovery;
mod removal;
mod routes;
mod subnet;
mod surroundings;
mod transport;
mod workshop;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::try_join;
use serde::{Deserialize, Serialize};

use self::allowances::Allowances;
use self::engine::Engine;
use self::network::ClusterNetwork;
use super::local_ports::PortBook;
use super::section::Options;
use super::{Driver, Error, Leftover};
use crate::event::Progress;
use crate::model::{
    ClusterName, DriverName, EngineContext, EngineOptions, Finding, Machine, MachineRequest, Place,
    Proxies, Subnet,
};

pub use self::bake::Baked;
pub use self::image::{ImageBuild, Variant};
pub use self::kind::Docker;

/// Its name.
const DRIVER: DriverName = DriverName::fixed("docker");

/// What may be chosen about machines that are containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DockerOptions {
    /// The engine, `unix:///path` or `tcp://host:port`; absent means that it is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The directory with `ca.pem`, `cert.pem` and `key.pem`, with which an engine at `tcp://host:port` is
    /// spoken to over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_path: Option<PathBuf>,
    /// An image to use instead of the one that is built here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The cluster network's address range, as in `10.200.7.0/24`; absent means that a free one is
    /// chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Subnet>,
    /// Machines without Docker, so that its installation can be practised.
    pub bare: bool,
}

impl Options for DockerOptions {
    const KEY: &'static str = "docker";
}

/// Makes machines that are containers.
pub struct DockerDriver {
    engine: Engine,
    options: DockerOptions,
    /// What machines are made of, unless they are to be bare.
    variant: Variant,
    /// What is put into machines beforehand.
    baked: Option<Baked>,
    /// What fetches of image builds go through.
    proxies: Option<Proxies>,
    /// Where image builds find Docker's packages.
    docker_repository: fn() -> String,
    /// What containers may be given here; learned from the engine's process or from its refusals.
    allowances: Mutex<Allowances>,
    /// Host ports that are in use or about to be.
    ports: Mutex<PortBook>,
    /// Networks that were seen, so that machines made in parallel need not ask for them again.
    networks: Mutex<HashMap<ClusterName, ClusterNetwork>>,
    /// The host keys that containers were given a moment ago, so that they need not be read back.
    host_keys: Mutex<HashMap<String, String>>,
}

impl std::fmt::Debug for DockerDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DockerDriver")
            .field("engine", &self.engine.place)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl DockerDriver {
    /// Connects to the engine that `options` or the environment name, else to the first one that answers.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when no engine answers.
    pub async fn connect(options: DockerOptions) -> Result<Self, Error> {
        Self::connect_in(options, None).await
    }

    /// Connects to the engine that is meant, and agrees on an API version: `options.host`, else
    /// `$DOJO_DOCKER_HOST`, else `$DOCKER_HOST` (unless `$DOJO_MACHINE` says that it points at one of our own
    /// machines), else that of docker's context, else the first that answers at one of the usual sockets.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when it does not answer.
    pub async fn connect_in(
        options: DockerOptions,
        context: Option<EngineContext>,
    ) -> Result<Self, Error> {
        let engine = Engine::connect(&options, context).await?;
        Ok(Self {
            allowances: Mutex::new(engine.allowances()),
            engine,
            options,
            variant: Variant::default(),
            baked: None,
            proxies: None,
            docker_repository: || EngineOptions::PUBLISHED.to_owned(),
            ports: Mutex::default(),
            networks: Mutex::default(),
            host_keys: Mutex::default(),
        })
    }

    /// Whether `options` or the environment name the engine, so that docker's context does not matter.
    pub fn is_told(options: &DockerOptions) -> bool {
        engine::is_told(options)
    }

    /// Makes machines of another image than the one with Docker inside. Those that are to be bare stay
    /// bare.
    #[must_use]
    pub fn with_variant(mut self, variant: Variant) -> Self {
        self.variant = variant;
        self
    }

    /// Puts something into the machines that this driver makes, beforehand.
    #[must_use]
    pub fn with_baked(mut self, baked: Baked) -> Self {
        self.baked = Some(baked);
        self
    }

    /// Leads what image builds fetch through proxies.
    #[must_use]
    pub fn with_proxies(mut self, proxies: Option<Proxies>) -> Self {
        self.proxies = proxies;
        self
    }

    /// Says where image builds find Docker's packages, of which containerd is one; asked when one is built.
    #[must_use]
    pub fn with_docker_repository(mut self, address: fn() -> String) -> Self {
        self.docker_repository = address;
        self
    }

    /// Builds the machine image and returns its tag. Lines of the build's output are progress
    /// details.
    ///
    /// # Errors
    /// [`Error::Failed`] with the last lines of output.
    pub async fn build_image(
        &self,
        build: ImageBuild,
        progress: &Progress,
    ) -> Result<String, Error> {
        image::build(self, &build, progress).await
    }

    /// Builds the machine image with [what is put into machines beforehand](Self::with_baked), unless
    /// it is there, and returns its tag.
    ///
    /// # Errors
    /// [`Error::Failed`] with the last lines of output.
    pub async fn bake_image(&self, progress: &Progress) -> Result<String, Error> {
        if !self.image_present().await? {
            self.fetch_image(progress).await?;
        }
        Ok(self.image())
    }

    /// Whether the image that machines are made from is there.
    ///
    /// # Errors
    /// [`Error::Failed`] when the engine does not say.
    pub async fn image_present(&self) -> Result<bool, Error> {
        image::present(&self.engine, &self.image()).await
    }

    /// The reference of the image that machines are made from.
    fn image(&self) -> String {
        match (&self.options.image, &self.baked) {
            (Some(chosen), _) => chosen.clone(),
            (None, Some(baked)) => baked.tag(),
            (None, None) => image::tag(self.variant()),
        }
    }

    fn variant(&self) -> Variant {
        if self.options.bare { Variant::Bare } else { self.variant }
    }
}

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

/// Locks a mutex whose data stays valid even if a holder panicked: every change is one statement.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
