//! Which kind of cluster stands on machines, and what those who make machines have to know of it. All else that is
//! different about a kind is in its folder in `kind`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Role, Service};

/// The name of a kind of cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Orchestrator {
    /// Docker Swarm mode.
    #[default]
    Swarm,
    /// Kubernetes, made by kubeadm.
    Kubernetes,
    /// No cluster: plain Docker hosts. Was called `none` up to version 0.2.
    #[serde(alias = "none")]
    Engines,
}

impl Orchestrator {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Swarm, Self::Kubernetes, Self::Engines];

    /// The word as it stands in labels and spec files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Swarm => "swarm",
            Self::Kubernetes => "kubernetes",
            Self::Engines => "engines",
        }
    }

    /// What this computer talks to on a machine of such a cluster.
    pub fn services(self, role: Role) -> Vec<Service> {
        match (self, role) {
            (Self::Kubernetes, Role::ControlPlane | Role::LoadBalancer) => {
                vec![Service::Ssh, Service::Api]
            }
            (Self::Kubernetes, _) => vec![Service::Ssh],
            (Self::Swarm | Self::Engines, _) => vec![Service::Ssh, Service::Engine],
        }
    }

    /// Whether machines carry what comes from addresses that are not theirs: those of pods, which are routed from
    /// machine to machine.
    pub fn routes(self) -> bool {
        match self {
            Self::Kubernetes => true,
            Self::Swarm | Self::Engines => false,
        }
    }
}

impl fmt::Display for Orchestrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Orchestrator {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::Engines),
            _ => Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
                format!("`{text}` is not an orchestrator: expected swarm, kubernetes or engines")
            }),
        }
    }
}
