//! The keys of the labels or tags that machines carry from birth.

/// The key of the label or tag that holds the cluster's name; whatever lacks it is not ours.
pub const LABEL_CLUSTER: &str = "io.clusterdojo.cluster";
/// The key of the label or tag that holds the cluster's random id.
pub const LABEL_CLUSTER_ID: &str = "io.clusterdojo.cluster-id";
/// The key of the label or tag that holds the random id of the home that made it.
pub const LABEL_HOME: &str = "io.clusterdojo.home";
/// The key of the label or tag that holds a machine's name within the cluster.
pub const LABEL_MACHINE: &str = "io.clusterdojo.machine";
/// The key of the label or tag that holds a machine's role.
pub const LABEL_ROLE: &str = "io.clusterdojo.role";
/// The key of the label or tag that holds what the cluster was to be.
pub const LABEL_ORCHESTRATOR: &str = "io.clusterdojo.orchestrator";
