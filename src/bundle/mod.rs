//! Kubernetes bundles (stand-in until the real module is merged).
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::model::{KubernetesVersion, Role};

/// Error.
#[derive(Debug, thiserror::Error)]
#[error("bad bundle: {0}")]
pub struct Error(String);

/// Kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// b
    Binary {
        /// t
        target: String,
    },
    /// i
    Image {
        /// i
        image: String,
    },
    /// p
    Package,
}

/// Entry.
#[derive(Debug, Clone, Deserialize)]
pub struct Entry {
    /// p
    pub path: String,
    /// k
    #[serde(flatten)]
    pub kind: Kind,
    /// r
    pub roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    kubernetes: KubernetesVersion,
    files: Vec<Entry>,
}

/// Bundle.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    id: String,
    manifest: Manifest,
}

impl Bundle {
    /// open
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|e| Error(e.to_string()))?;
        let mut archive = tar::Archive::new(file);
        let mut first = archive.entries().unwrap().next().unwrap().unwrap();
        let mut text = String::new();
        first.read_to_string(&mut text).unwrap();
        let id = Sha256::digest(&text).iter().take(6).map(|b| format!("{b:02x}")).collect();
        let manifest = serde_json::from_str(&text).map_err(|e| Error(e.to_string()))?;
        Ok(Self { path: path.to_owned(), id, manifest })
    }
    /// path
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// id
    pub fn id(&self) -> &str {
        &self.id
    }
    /// version
    pub fn version(&self) -> KubernetesVersion {
        self.manifest.kubernetes
    }
    /// files
    pub fn files_for(&self, role: Role) -> impl Iterator<Item = &Entry> {
        self.manifest.files.iter().filter(move |f| f.roles.contains(&role))
    }
}
