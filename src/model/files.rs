//! Where a cluster's credentials lie on this computer. Paths only: the bytes stay in their files
//! until the moment they are used.

use std::path::{Path, PathBuf};

/// What it takes to reach a cluster's machines over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshFiles {
    /// The cluster's private key, OpenSSH format.
    pub identity: PathBuf,
    /// Pinned host keys, one line a machine, by [`MachineId::alias`](super::MachineId::alias).
    pub known_hosts: PathBuf,
}

impl SshFiles {
    /// The files under the names that they have in a cluster's directory.
    pub fn in_directory(directory: &Path) -> Self {
        Self { identity: directory.join("id_ed25519"), known_hosts: directory.join("known_hosts") }
    }
}

/// What it takes to talk to an engine over mutual TLS. All PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that signed the engine's certificate.
    pub ca: PathBuf,
    /// The client's certificate.
    pub cert: PathBuf,
    /// The client's private key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// The files under the names that docker looks for in a directory (`DOCKER_CERT_PATH`).
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            cert: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}
