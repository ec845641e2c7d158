//! Where a cluster's credentials lie on this computer. Paths only: the bytes stay in their files
//! until the moment they are used.

use std::path::PathBuf;

/// What it takes to reach a cluster's machines over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshFiles {
    /// The cluster's private key, OpenSSH format.
    pub identity: PathBuf,
    /// Pinned host keys, one line a machine, by [`MachineId::alias`](super::MachineId::alias).
    pub known_hosts: PathBuf,
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
