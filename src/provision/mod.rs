//! From a [`Machine`] to a [`Node`]: what the cluster runs on is installed, and has proven that it works.
//! That is Docker behind mutual TLS for a swarm, and containerd with kubelet for Kubernetes.
//!
//! This module alone can make a [`Node`], so a machine that was not provisioned cannot be bootstrapped:
//! it does not compile.

mod engine;
mod kubernetes;
mod proxy;
mod repository;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::bundle;
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::model::{
    DriverName, EngineOptions, KubernetesVersion, Machine, Proxies, SshFiles, TlsFiles,
};
use crate::pki::{self, Authority};
use crate::remote::{self, Dialer, Engine, Remote};

/// How long a machine may take to boot until it answers over SSH. EC2 needs up to a minute or two.
pub const BOOT: Duration = Duration::from_secs(180);
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
    /// What was to be installed could not be read.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
    /// kubeadm does not say which release it is of.
    #[error("kubeadm does not tell its version: {0}")]
    NoVersion(String),
    /// What a machine has does not make a bundle.
    #[error("cannot tell what belongs in the bundle: {0}")]
    Uncollectable(String),
    /// What was fetched from a machine could not be kept.
    #[error("cannot write `{}`", path.display())]
    Keep {
        /// Where to.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The container runtime of a machine is too old for the release.
    #[error(
        "machine `{machine}` cannot run Kubernetes {version}, which needs containerd 2: it has {containerd}"
    )]
    OldContainerd {
        /// Which machine.
        machine: crate::model::MachineId,
        /// What it should run.
        version: KubernetesVersion,
        /// What its containerd says of itself.
        containerd: String,
    },
    /// Another release is installed than the one that was asked for.
    #[error("machine `{machine}` has Kubernetes {installed}, and {wanted} was asked for")]
    Release {
        /// Which machine.
        machine: crate::model::MachineId,
        /// What it has.
        installed: KubernetesVersion,
        /// What it should have.
        wanted: KubernetesVersion,
    },
}

/// What a node runs on.
#[derive(Clone)]
enum Runtime {
    Engine(Engine),
    Kubernetes(Arc<Kubernetes>),
}

/// A machine that can become a member of a cluster. Its fields are private, so that it can be made only
/// here.
#[derive(Clone)]
pub struct Node {
    machine: Machine,
    remote: Arc<dyn Remote>,
    runtime: Runtime,
    held: Held,
}

/// What an engine that runs is to have and has not got yet, because it has to be restarted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Other settings.
    pub settings: bool,
    /// Other certificates.
    pub certificates: bool,
}

impl Held {
    /// Whether there is anything.
    pub fn any(self) -> bool {
        self.settings || self.certificates
    }
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

    /// The connection over which it was provisioned.
    pub fn remote(&self) -> &dyn Remote {
        &*self.remote
    }

    /// Its engine. Nodes of a swarm and plain Docker hosts have one.
    pub fn engine(&self) -> &Engine {
        match self.own_engine() {
            Some(engine) => engine,
            None => unreachable!("a Kubernetes node is asked for its engine"),
        }
    }

    /// Its engine, if it has one.
    pub fn own_engine(&self) -> Option<&Engine> {
        match &self.runtime {
            Runtime::Engine(engine) => Some(engine),
            Runtime::Kubernetes(_) => None,
        }
    }

    /// What its engine is to have that it runs without.
    pub fn held(&self) -> Held {
        self.held
    }

    /// Its Kubernetes. Nodes of a Kubernetes cluster have it.
    pub fn kubernetes(&self) -> &Kubernetes {
        match &self.runtime {
            Runtime::Kubernetes(kubernetes) => kubernetes,
            Runtime::Engine(_) => unreachable!("a Docker host is asked for its Kubernetes"),
        }
    }
}

/// When an engine that works is restarted for other settings or certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// At once.
    Now,
    /// Not until somebody has seen to it that nothing is lost by it.
    Later,
}

/// What is to be installed.
#[derive(Debug, Clone)]
pub enum Install {
    /// A Docker engine.
    Engine(EngineOptions),
    /// Kubernetes.
    Kubernetes(Box<Release>),
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
    /// What is installed, and how.
    pub install: Install,
    /// What machines on this computer fetch things through.
    pub proxies: Option<Proxies>,
}

impl Provisioner {
    /// Brings one machine to where its engine answers over mutual TLS, or kubeadm can run. Doing it again
    /// changes nothing and restarts nothing.
    pub async fn provision(
        &self,
        dialer: &dyn Dialer,
        machine: Machine,
        restart: Restart,
        progress: &Progress,
    ) -> Result<Node, Error> {
        let remote: Arc<dyn Remote> =
            progress.step("boot", dialer.dial(&machine, &self.ssh, BOOT)).await?;
        failpoint::reached("provision.before");
        // Machines elsewhere have a way of their own.
        if machine.driver == DriverName::Docker {
            let script = proxy::use_proxies(self.proxies.as_ref());
            // An earlier `up` may have led it through some; where there never were any, that is nothing to tell.
            match &self.proxies {
                Some(_) => progress.step(&*script.title, remote.run(&script)).await?,
                None => remote.run(&script).await?,
            };
        }
        let mut held = Held::default();
        let runtime = match &self.install {
            Install::Engine(options) => {
                let install = engine::install(options);
                progress.step(&*install.title, remote.run(&install)).await?;
                held = self.configure(&*remote, &machine, options, restart, progress).await?;
                failpoint::reached("provision.after");
                let verify = || {
                    let connect = dialer.engine(&machine, &self.tls, ENGINE_START);
                    progress.step("verify mutual TLS", connect)
                };
                Runtime::Engine(match verify().await {
                    // What it has works no longer, so nothing is lost by a restart.
                    Err(error) if held.any() => {
                        let why = chain(&error);
                        progress.warn(format!("its engine is restarted at once: {why}"));
                        let now = Restart::Now;
                        held = self.configure(&*remote, &machine, options, now, progress).await?;
                        verify().await?
                    }
                    verified => verified?,
                })
            }
            Install::Kubernetes(release) => {
                let installed =
                    kubernetes::provision(&*remote, &machine, release, progress).await?;
                failpoint::reached("provision.after");
                Runtime::Kubernetes(Arc::new(installed))
            }
        };
        Ok(Node { machine, remote, runtime, held })
    }

    /// Has the engine of a machine run as it is to, and returns what was held back.
    async fn configure(
        &self,
        remote: &dyn Remote,
        machine: &Machine,
        options: &EngineOptions,
        restart: Restart,
        progress: &Progress,
    ) -> Result<Held, Error> {
        let engine::Certificate { identity, is_due } = engine::certificate(
            &self.authority,
            &self.pki.join(machine.id.name.to_string()),
            &machine.id,
            &engine::Served::by(machine),
            restart,
        )
        .map_err(|source| Error::Certificate { machine: machine.id.clone(), source })?;
        let script = engine::configure(options, self.authority.cert_pem(), &identity, restart);
        let said = progress.step(&*script.title, remote.run(&script)).await?;
        let held = engine::held(&said);
        Ok(Held { certificates: held.certificates || is_due, ..held })
    }
}

pub use engine::{explain, is_due};
pub use kubernetes::{
    DIRECTORY, Kubernetes, Release, Source, admits, bake, collect, explain as explain_kubernetes,
    newest, replace_kubeadm, replace_kubelet,
};
pub use proxy::use_proxies;
pub use repository::{DOCKER, KUBERNETES};
