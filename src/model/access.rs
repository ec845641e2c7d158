//! How a finished cluster is reached.

use std::fmt;
use std::net::SocketAddr;

use super::{KubeCredentials, TlsFiles};

/// How a cluster's API is reached from this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// A Docker engine over mutual TLS: a swarm manager, or the first of the plain Docker hosts.
    Engine {
        /// Where the engine listens, as seen from this computer.
        endpoint: SocketAddr,
        /// The client's side of the mutual TLS.
        tls: TlsFiles,
    },
    /// A Kubernetes API server over mutual TLS.
    Kubernetes {
        /// Where it listens, as seen from this computer.
        endpoint: SocketAddr,
        /// The administrator's side of the mutual TLS.
        credentials: KubeCredentials,
    },
}

/// A program of the user's that speaks to clusters, with contexts that say to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `docker`.
    Docker,
    /// `kubectl`.
    Kubectl,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Docker => "docker",
            Self::Kubectl => "kubectl",
        })
    }
}
