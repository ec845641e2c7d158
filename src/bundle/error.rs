//! Why a bundle cannot be used, or could not be written.

use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{Architecture, SCHEMA};
use crate::model::KubernetesVersion;

/// Why a bundle cannot be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// "open", "read", "write".
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else than a bundle.
    #[error("`{}` is not a bundle: {reason}", path.display())]
    NotABundle {
        /// Which file.
        path: PathBuf,
        /// What gives it away.
        reason: String,
    },
    /// A bundle of a newer schema.
    #[error(
        "bundle `{}` has schema {schema}, and this program knows up to {}", path.display(), SCHEMA
    )]
    Newer {
        /// Which bundle.
        path: PathBuf,
        /// Its schema.
        schema: u64,
    },
    /// The manifest, or what follows it, is not as it must be.
    #[error("bundle `{}` is malformed: {reason}", path.display())]
    Malformed {
        /// Which bundle.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The end is missing, as after a broken download.
    #[error(
        "bundle `{}` is truncated: it ends after {length} of {expected} bytes, {place}",
        path.display()
    )]
    Truncated {
        /// Which bundle.
        path: PathBuf,
        /// Its length, in bytes.
        length: u64,
        /// The length that its manifest asks for at least, in bytes.
        expected: u64,
        /// Where that is: "before the end of `images/etcd.tar`".
        place: String,
    },
    /// A file in it is not what it was.
    #[error(
        "file `{file}` of bundle `{}` is damaged: its SHA-256 is {found}, but {expected} is expected",
        path.display()
    )]
    Checksum {
        /// Which bundle.
        path: PathBuf,
        /// Which file of it.
        file: String,
        /// What the manifest says.
        expected: String,
        /// What it is.
        found: String,
    },
    /// It is for other machines.
    #[error("bundle `{}` is for {bundle} machines, but this machine is {machine}", path.display())]
    OtherArchitecture {
        /// Which bundle.
        path: PathBuf,
        /// The bundle's architecture.
        bundle: Architecture,
        /// The machine's, as it was told.
        machine: String,
    },
    /// It holds another release than the one that was asked for.
    #[error("bundle `{}` holds Kubernetes {bundle}, but {wanted} is asked for", path.display())]
    OtherVersion {
        /// Which bundle.
        path: PathBuf,
        /// The bundle's release.
        bundle: KubernetesVersion,
        /// What was asked for.
        wanted: KubernetesVersion,
    },
    /// A bundle that is being written cannot be.
    #[error("cannot make a bundle: {0}")]
    Unwritable(String),
}

impl Error {
    pub(super) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }

    pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}
