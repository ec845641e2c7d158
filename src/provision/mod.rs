//! From a [`Machine`] to a [`Node`]: Docker is installed, listens behind mutual TLS, and has proven it.
//!
//! This module alone can make a [`Node`], so a machine that was not provisioned cannot be bootstrapped:
//! it does not compile.

mod engine;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Progress;
use crate::failpoint;
use crate::model::{EngineOptions, Machine, SshFiles, TlsFiles};
use crate::pki::{self, Authority};
use crate::remote::{self, Dialer, Engine, Remote, Script};

/// How long a machine may take to boot until it answers over SSH. EC2 needs up to a minute or two.
const BOOT: Duration = Duration::from_secs(180);
/// How long the engine may take to answer after systemd said that it has started.
const ENGINE_START: Duration = Duration::from_secs(60);

/// Why a machine could not be provisioned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be reached, or a step on it failed.
    #[error(transparent)]
    Remote(#[from] remote::Error),
    /// Its certificate could not be made or kept.
    #[error("cannot make the certificate of machine `{machine}`")]
    Certificate {
        /// Which machine.
        machine: crate::model::MachineId,
        /// Why.
        #[source]
        source: pki::Error,
    },
}

/// A machine with an engine that we can talk to. Its fields are private, so that it can be made only
/// here.
#[derive(Clone)]
pub struct Node {
    machine: Machine,
    engine: Engine,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("machine", &self.machine.id).finish_non_exhaustive()
    }
}

impl Node {
    /// The machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Its engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// What provisioning needs beside the machine: the cluster's keys, and what was asked for.
#[derive(Debug)]
pub struct Provisioner {
    /// SSH key and pinned host keys.
    pub ssh: SshFiles,
    /// The client's side of mutual TLS.
    pub tls: TlsFiles,
    /// Signs the machines' certificates.
    pub authority: Authority,
    /// Where the machines' certificates are kept.
    pub pki: PathBuf,
    /// How Docker is installed and configured.
    pub options: EngineOptions,
}

impl Provisioner {
    /// Brings one machine to where its engine answers over mutual TLS. Doing it again changes nothing
    /// and does not restart the engine.
    pub async fn provision(
        &self,
        dialer: &dyn Dialer,
        machine: Machine,
        progress: &Progress,
    ) -> Result<Node, Error> {
        let remote: Arc<dyn Remote> =
            progress.step("boot", dialer.dial(&machine, &self.ssh, BOOT)).await?;
        failpoint::reached("provision.before");
        let install = engine::install(&self.options);
        progress.step(install.title, remote.run(&install)).await?;
        let configure = self.configure(&machine)?;
        progress.step(configure.title, remote.run(&configure)).await?;
        failpoint::reached("provision.after");
        let engine = progress
            .step("verify mutual TLS", dialer.engine(&machine, &self.tls, ENGINE_START))
            .await?;
        Ok(Node { machine, engine })
    }

    fn configure(&self, machine: &Machine) -> Result<Script, Error> {
        let names = vec![machine.id.name.to_string(), machine.id.alias(), "localhost".to_owned()];
        // Whatever this computer dials must be in the certificate, for `docker` verifies the host of
        // its URL; the private address is for peers and for people on the machines.
        let mut addresses: Vec<IpAddr> =
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into(), machine.private_ip];
        addresses.extend(machine.endpoints.values().map(std::net::SocketAddr::ip));
        addresses.sort();
        addresses.dedup();
        let identity = engine::certificate(
            &self.authority,
            &self.pki.join(machine.id.name.to_string()),
            &machine.id,
            &names,
            &addresses,
        )
        .map_err(|source| Error::Certificate { machine: machine.id.clone(), source })?;
        Ok(engine::configure(&self.options, self.authority.cert_pem(), &identity))
    }
}

pub use engine::explain;
