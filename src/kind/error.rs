//! What goes wrong with what is of one kind only.

use std::io;
use std::path::PathBuf;

use crate::bundle;
use crate::driver::Source;
use crate::model::NoService;
use crate::remote;

/// Why a cluster cannot be reached, or what it is made of not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A machine does not have what was to be reached on it.
    #[error(transparent)]
    NoService(#[from] NoService),
    /// What opens its API cannot be read.
    #[error("cannot read the cluster's kubeconfig `{}`", path.display())]
    Credentials {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Source,
    },
    /// The manifest of the pod network cannot be read.
    #[error("cannot read the manifest `{}`", path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A bundle.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
}

/// Why an image is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A machine does not have what was to be reached on it.
    #[error(transparent)]
    NoService(#[from] NoService),
    /// Its engine refused it.
    #[error("the engine did not take the image")]
    Engine(#[source] Source),
    /// A connection to the machine, or a step on it.
    #[error(transparent)]
    Remote(#[from] remote::Error),
}
