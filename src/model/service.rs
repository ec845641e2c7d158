//! What this computer talks to on a machine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something on a machine that this computer talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// sshd.
    Ssh,
    /// The Docker engine's API, mutual TLS.
    Engine,
    /// The Kubernetes API, mutual TLS.
    Api,
}

impl Service {
    /// The port on the machine itself: 22; 2376, which IANA registers for Docker over TLS; and 6443, on
    /// which kubeadm has the API server listen ("Ports and Protocols", kubernetes.io).
    pub fn port(self) -> u16 {
        match self {
            Self::Ssh => 22,
            Self::Engine => 2376,
            Self::Api => 6443,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ssh => "SSH server",
            Self::Engine => "Docker engine",
            Self::Api => "Kubernetes API",
        })
    }
}
