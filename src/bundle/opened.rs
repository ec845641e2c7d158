//! A bundle that is open, and what it says of itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::manifest::{File, Kind, Manifest};
use crate::model::{KubernetesVersion, Role};

/// A bundle that is open: its structure is sound, its checksums are another matter, see
/// [`verify`](Self::verify).
///
/// The file stays open, so that a bundle that is replaced meanwhile does not change under our hands.
#[derive(Debug, Clone)]
pub struct Bundle {
    pub(super) path: PathBuf,
    pub(super) file: Arc<fs::File>,
    pub(super) manifest: Manifest,
    pub(super) id: String,
    /// Where the bytes of each of the manifest's files begin.
    pub(super) offsets: Vec<u64>,
    pub(super) length: u64,
}

impl Bundle {
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
    pub(super) fn offset(&self, file: &File) -> Option<u64> {
        let index = self.manifest.files.iter().position(|f| f.path == file.path)?;
        Some(self.offsets[index])
    }
}
