//! From a [`Machine`] to a [`Node`]: what the cluster runs on is installed, and has proven that it works.
//! What that is, the [kind](crate::kind) of the cluster says.
//!
//! This module alone can make a [`Node`], so a machine that was not provisioned cannot be bootstrapped:
//! it does not compile.

mod proxy;
mod repository;

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::bundle::{self, Bundle};
use crate::driver::registry;
use crate::event::Progress;
use crate::failpoint;
use crate::model::{KubernetesVersion, Machine, NoService, Proxies, SshFiles, TlsFiles};
use crate::pki::{self, Authority};
use crate::remote::{self, Dialer, Remote};

/// How long a machine may take to boot until it answers over SSH. EC2 needs up to a minute or two.
pub const BOOT: Duration = Duration::from_secs(180);

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
    /// A node does not have what was to be reached on it.
    #[error(transparent)]
    NoService(#[from] NoService),
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

/// A machine that can become a member of a cluster. Its fields are private, so that it can be made only
/// here.
#[derive(Clone)]
pub struct Node {
    machine: Machine,
    remote: Arc<dyn Remote>,
    installed: Installed,
}

/// What is on a node now. What that is only those know who have installed it.
#[derive(Clone)]
pub struct Installed {
    runtime: Arc<dyn Any + Send + Sync>,
    held: Held,
}

impl Installed {
    /// What the node runs on.
    pub fn new(runtime: impl Any + Send + Sync) -> Self {
        Self { runtime: Arc::new(runtime), held: Held::default() }
    }

    /// The same, without something that it is to have.
    #[must_use]
    pub fn holding(self, held: Held) -> Self {
        Self { held, ..self }
    }
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

    /// The same connection, for whoever needs it longer than the node.
    pub fn connection(&self) -> Arc<dyn Remote> {
        Arc::clone(&self.remote)
    }

    /// What it runs on, if that is of this type: whoever has [installed](Install) it knows.
    pub fn runtime<T: Any>(&self) -> Option<&T> {
        self.installed.runtime.downcast_ref()
    }

    /// What its engine is to have that it runs without.
    pub fn held(&self) -> Held {
        self.installed.held
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

/// Where something is installed.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The cluster's keys.
    pub provisioner: &'a Provisioner,
    /// Reaches the machine.
    pub dialer: &'a dyn Dialer,
    /// A connection to it.
    pub remote: &'a dyn Remote,
    /// The machine.
    pub machine: &'a Machine,
    /// When what works is restarted.
    pub restart: Restart,
    /// Tells what is done.
    pub progress: &'a Progress,
}

/// What is to be installed on the machines of a cluster.
#[async_trait]
pub trait Install: Any + fmt::Debug + Send + Sync {
    /// Installs it on a machine, and has it prove that it works. Doing it again changes nothing.
    async fn install(&self, on: &Ground<'_>) -> Result<Installed, Error>;
    /// The release, where that may be chosen; `None` also if everything is there already.
    fn version(&self) -> Option<KubernetesVersion> {
        None
    }
    /// The file that it comes from, if all of it is in one.
    fn bundle(&self) -> Option<&Bundle> {
        None
    }
    /// The release, if it needs containerd 2 and does not bring it.
    fn lacks_containerd(&self) -> Option<KubernetesVersion> {
        None
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
    /// What is installed, and how.
    pub install: Box<dyn Install>,
    /// What machines on this computer fetch things through.
    pub proxies: Option<Proxies>,
}

impl Provisioner {
    /// Brings one machine to where what is installed works. Doing it again changes nothing and restarts nothing.
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
        if registry::kind(&machine.driver).shares_proxies() {
            let script = proxy::use_proxies(self.proxies.as_ref());
            // An earlier `up` may have led it through some; where there never were any, that is nothing to tell.
            match &self.proxies {
                Some(_) => progress.step(&*script.title, remote.run(&script)).await?,
                None => remote.run(&script.needless_when_new("")).await?,
            };
        }
        let provisioner = self;
        let on =
            Ground { provisioner, dialer, remote: &*remote, machine: &machine, restart, progress };
        let installed = self.install.install(&on).await?;
        Ok(Node { machine, remote, installed })
    }
}

pub use repository::{DOCKER, KUBERNETES};
