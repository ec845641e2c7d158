//! A connection to an engine, and what was chosen and learned about the machines on it.

use std::collections::HashMap;
use std::sync::Mutex;

use super::allowances::Allowances;
use super::baked::Baked;
use super::cluster_network::ClusterNetwork;
use super::engine::{self, Engine};
use super::options::DockerOptions;
use super::variant::Variant;
use crate::driver::Error;
use crate::driver::local_ports::PortBook;
use crate::model::{ClusterName, EngineContext, EngineOptions, Proxies};

/// Makes machines that are containers.
pub struct DockerDriver {
    pub(super) engine: Engine,
    pub(super) options: DockerOptions,
    /// What machines are made of, unless they are to be bare.
    variant: Variant,
    /// What is put into machines beforehand.
    pub(super) baked: Option<Baked>,
    /// What fetches of image builds go through.
    pub(super) proxies: Option<Proxies>,
    /// Where image builds find Docker's packages.
    pub(super) docker_repository: fn() -> String,
    /// What containers may be given here; learned from the engine's process or from its refusals.
    pub(super) allowances: Mutex<Allowances>,
    /// Host ports that are in use or about to be.
    pub(super) ports: Mutex<PortBook>,
    /// Networks that were seen, so that machines made in parallel need not ask for them again.
    pub(super) networks: Mutex<HashMap<ClusterName, ClusterNetwork>>,
    /// The host keys that containers were given a moment ago, so that they need not be read back.
    pub(super) host_keys: Mutex<HashMap<String, String>>,
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

    /// What is in the machines of this driver.
    pub(super) fn variant(&self) -> Variant {
        if self.options.bare { Variant::Bare } else { self.variant }
    }
}
