//! Which Kubernetes is asked for, and where it comes from.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::durable;
use crate::kind;
use crate::model::{EngineOptions, KubernetesOptions, KubernetesVersion, PodNetwork};

/// Where Kubernetes comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A bundle: everything in one file.
    Bundle(Arc<Bundle>),
    /// It is on the machines already, and where it came from is gone.
    Present,
    /// The package repository and the image registry.
    Packages {
        /// Which release.
        version: KubernetesVersion,
        /// The base address of the package repository.
        repository: String,
    },
}

impl Source {
    /// The release that would be installed; `None` if nothing would be.
    pub fn version(&self) -> Option<KubernetesVersion> {
        match self {
            Self::Packages { version, .. } => Some(*version),
            Self::Bundle(bundle) => Some(bundle.version()),
            Self::Present => None,
        }
    }

    /// The release, if it needs containerd 2 and is in a bundle without it.
    pub(super) fn lacks_containerd(&self) -> Option<KubernetesVersion> {
        match self {
            Self::Bundle(bundle) if !bundle.brings_containerd() => self.needs_containerd_2(),
            _ => None,
        }
    }

    /// The release, if it needs containerd 2.
    pub(super) fn needs_containerd_2(&self) -> Option<KubernetesVersion> {
        self.version().filter(|version| version.needs_containerd_2())
    }
}

/// Kubernetes, as asked for.
#[derive(Debug, Clone)]
pub struct Release {
    /// Where it comes from.
    pub source: Source,
    /// What was chosen.
    pub options: KubernetesOptions,
    /// The text of the manifest that was chosen as the pod network, if one was.
    pub network: Option<String>,
    /// What was chosen about Docker: containerd is one of its packages, and may speak to some registries without
    /// TLS.
    pub engine: EngineOptions,
}

impl Release {
    /// What was chosen, with the package repositories settled; `made` says that all machines exist.
    ///
    /// # Errors
    /// If the manifest or the bundle that was chosen cannot be had, or is not what was asked for.
    pub(in crate::kind::kubernetes) fn of(
        engine: EngineOptions,
        options: KubernetesOptions,
        made: bool,
    ) -> Result<Self, kind::Error> {
        let network = match &options.cni {
            PodNetwork::Manifest(path) => {
                let read = durable::read_to_string(path, durable::TEXT);
                let unreadable = |source| kind::Error::Manifest { path: path.clone(), source };
                Some(read.map_err(unreadable)?)
            }
            PodNetwork::Bridge
            | PodNetwork::None
            | PodNetwork::Flannel
            | PodNetwork::Calico
            | PodNetwork::Published(_) => None,
        };
        let source = match &options.bundle {
            // It was needed to make the machines, and is needed again only for further ones.
            Some(path) if made && !path.exists() => Source::Present,
            Some(path) => {
                let bundle = Bundle::open(path)?;
                bundle.fits(bundle.manifest().architecture.as_str(), options.version)?;
                Source::Bundle(Arc::new(bundle))
            }
            None => {
                let repository = options.repository.clone().unwrap_or_default();
                let version = options.version.unwrap_or(KubernetesVersion::NEWEST);
                Source::Packages { version, repository }
            }
        };
        Ok(Self { source, options, network, engine })
    }
}
