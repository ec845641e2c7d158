//! The kinds of cluster: plain Docker hosts, swarms and Kubernetes. Each is one folder, which has all that is
//! different about it behind one trait; nobody else asks which kind a cluster is.

pub mod engines;
pub mod kubernetes;
pub mod swarm;

mod certificate;
mod contract;
mod error;
mod images;
mod majority;
mod upgrade;

use std::sync::Arc;

use crate::bootstrap::Bootstrapper;
use crate::model::Orchestrator;

pub use certificate::Certificate;
pub use contract::Kind;
pub use error::{Error, ImageError};
pub use images::ImageStore;
pub use majority::{Majority, Seen};
pub use upgrade::{Running, Upgrade};

/// The kind that is meant by a name.
pub fn of(name: Orchestrator) -> &'static dyn Kind {
    match name {
        Orchestrator::Engines => &engines::Engines,
        Orchestrator::Swarm => &swarm::Swarm,
        Orchestrator::Kubernetes => &kubernetes::Kubernetes,
    }
}

/// What makes clusters of nodes: each kind by itself, or for all of them a stand-in that touches nothing.
#[derive(Clone, Default)]
pub struct Bootstrappers {
    stand_in: Option<Arc<dyn Bootstrapper>>,
}

impl Bootstrappers {
    /// What stands in for each kind that has one.
    pub fn replaced_by(stand_in: Arc<dyn Bootstrapper>) -> Self {
        Self { stand_in: Some(stand_in) }
    }

    /// What makes a cluster of that kind; nothing does for plain Docker hosts.
    pub fn of(&self, name: Orchestrator) -> Option<&dyn Bootstrapper> {
        let own = of(name).bootstrapper()?;
        Some(self.stand_in.as_deref().unwrap_or(own))
    }
}
