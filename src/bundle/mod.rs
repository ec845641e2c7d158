//! Kubernetes bundles: one file with everything that machines need to become a Kubernetes cluster, so
//! that nothing is fetched from the internet.
//!
//! A bundle is a plain tar (POSIX.1-2024, pax, "ustar Interchange Format"; no extension headers, no
//! compression of the whole). Its first member is [`manifest.json`](Manifest), then come the files that
//! the manifest lists, in its order, and nothing else. So it is known from the manifest where each file
//! begins, and any of them can be read without the others.

mod archive;
mod contents;
mod manifest;
mod reading;
mod stamp;
mod tape;
mod verifying;
mod writing;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::{KubernetesVersion, Role};

pub use archive::Archive;
pub use contents::Missing;
pub use manifest::{Architecture, File, Kind, Manifest, SCHEMA};
pub use reading::Reader;
pub use writing::BundleWriter;

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
    fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }

    fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.into() }
    }
}

/// A bundle that is open: its structure is sound, its checksums are another matter, see
/// [`verify`](Self::verify).
///
/// The file stays open, so that a bundle that is replaced meanwhile does not change under our hands.
#[derive(Debug, Clone)]
pub struct Bundle {
    path: PathBuf,
    file: Arc<std::fs::File>,
    manifest: Manifest,
    id: String,
    /// Where the bytes of each of the manifest's files begin.
    offsets: Vec<u64>,
    length: u64,
}

impl Bundle {
    /// Opens a bundle and checks its structure: manifest, names, order, sizes, length. Reads little more
    /// than the manifest.
    pub fn open(path: &Path) -> Result<Self, Error> {
        reading::open(path)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Tells bundles of different contents apart: the first 16 hexadecimal digits of the SHA-256 of its
    /// manifest, which has the checksums of everything else.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The release that is in it.
    pub fn version(&self) -> KubernetesVersion {
        self.manifest.kubernetes
    }

    /// Its size, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The files that a machine of a role needs, in the order of the manifest.
    pub fn files_for(&self, role: Role) -> Vec<&File> {
        self.manifest.files.iter().filter(|file| file.roles.contains(&role)).collect()
    }

    /// Whether it has a container runtime of its own.
    pub fn brings_containerd(&self) -> bool {
        let is_it = |file: &File| matches!(&file.kind, Kind::Binary { target } if target.ends_with("/containerd"));
        self.manifest.files.iter().any(is_it)
    }

    /// Checks whether it can be used for a machine of an architecture, in the words of Debian or of the
    /// kernel, and for a release, if one was asked for.
    pub fn fits(
        &self,
        architecture: &str,
        version: Option<KubernetesVersion>,
    ) -> Result<(), Error> {
        let manifest = &self.manifest;
        if architecture.parse() != Ok(manifest.architecture) {
            return Err(Error::OtherArchitecture {
                path: self.path.clone(),
                bundle: manifest.architecture,
                machine: architecture.to_owned(),
            });
        }
        match version {
            Some(wanted) if !wanted.admits(manifest.kubernetes) => Err(Error::OtherVersion {
                path: self.path.clone(),
                bundle: manifest.kubernetes,
                wanted,
            }),
            _ => Ok(()),
        }
    }

    /// Where the bytes of a file begin; `None` if it is not one of this bundle.
    fn offset(&self, file: &File) -> Option<u64> {
        let index = self.manifest.files.iter().position(|f| f.path == file.path)?;
        Some(self.offsets[index])
    }
}

/// The id of a bundle with this manifest.
fn id(manifest: &[u8]) -> String {
    hex(&Sha256::digest(manifest)[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
