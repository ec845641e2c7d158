//! A cluster's network, as the engine has it.

use crate::model::Subnet;

/// A cluster's network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterNetwork {
    /// The engine's id for it; its name need not be unique.
    pub id: String,
    /// Its address range.
    pub subnet: Subnet,
}
