//! The record: what is on disk about one cluster. Not an API; `dojo inspect` has its own format.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{ClusterName, KubernetesVersion, Machine};
use crate::spec::ClusterSpec;

use super::Error;

/// The schema that this version writes.
pub const SCHEMA: u32 = 1;

/// How far a cluster has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `up` began and has not ended well yet.
    Creating,
    /// `up` ended well.
    Ready,
    /// Machines that the spec no longer has are being taken away.
    Scaling,
    /// The nodes are being brought to the release that the spec names.
    Upgrading,
    /// `down` began.
    Destroying,
}

/// What is remembered of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this format.
    pub schema: u32,
    /// The random id that labels carry.
    pub cluster_id: String,
    /// When `up` first began.
    pub created: Timestamp,
    /// How far it has come.
    pub phase: Phase,
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The machines as last seen.
    pub machines: Vec<Machine>,
    /// The release of Kubernetes that its nodes have; absent until there is one, and while it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<KubernetesVersion>,
}

impl Record {
    /// The record of a cluster of which nothing exists yet.
    pub fn new(spec: ClusterSpec) -> Self {
        Self {
            schema: SCHEMA,
            cluster_id: format!("{:016x}", rand::random::<u64>()),
            created: Timestamp::now(),
            phase: Phase::Creating,
            spec,
            machines: Vec::new(),
            release: None,
        }
    }

    pub(super) fn parse(cluster: &ClusterName, text: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let damaged = |source| Error::Damaged { cluster: cluster.clone(), source };
        let Version { schema } = serde_json::from_slice(text).map_err(damaged)?;
        if schema > SCHEMA {
            return Err(Error::Newer { cluster: cluster.clone(), found: schema });
        }
        serde_json::from_slice(text).map_err(damaged)
    }
}
