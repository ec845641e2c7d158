//! What a snapshot tells of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{ClusterName, MachineName, Orchestrator, SnapshotName};

/// What a snapshot tells of itself; the same lies on each of its machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name.
    pub name: SnapshotName,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The random id that the labels of its machines carry.
    pub cluster_id: String,
    /// What kind of cluster it is.
    pub orchestrator: Orchestrator,
    /// What its state belongs to: `Kubernetes v1.37.2`.
    pub runs: String,
    /// When everything stood still for it.
    pub taken: Timestamp,
    /// The machines that there were.
    pub machines: Vec<MachineName>,
}
