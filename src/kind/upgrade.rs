//! Another release on the nodes of a cluster.

use async_trait::async_trait;

use crate::bootstrap;
use crate::event::Progress;
use crate::model::KubernetesVersion;
use crate::provision::{self, Install, Node};
use crate::remote::NodeStatus;

/// What a cluster runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The release of the API server that was asked.
    pub api: KubernetesVersion,
    /// The members. Their kubelets are the last to be replaced on a node, so their versions tell which
    /// nodes are done.
    pub nodes: Vec<NodeStatus>,
}

/// The way to one release. Each step may be done again.
#[async_trait]
pub trait Upgrade: Send + Sync {
    /// What makes nodes of machines as they are: nothing is installed on the way.
    fn as_they_are(&self) -> Box<dyn Install>;
    /// What the cluster runs.
    async fn running(&self, leader: &Node) -> Result<Running, bootstrap::Error>;
    /// Refuses what is for other machines than this one.
    async fn admits(&self, node: &Node) -> Result<(), provision::Error>;
    /// The release that a node would get. Nothing is changed.
    async fn newest(&self, node: &Node) -> Result<KubernetesVersion, provision::Error>;
    /// Has all nodes get that release, whichever is the newest later.
    fn settle(&mut self, target: KubernetesVersion);
    /// Puts there what the node is upgraded with. What runs goes on running.
    async fn prepare(&self, node: &Node, progress: &Progress) -> Result<(), provision::Error>;
    /// Has the node decide by the release; on the `first` of those that lead, the cluster as a whole as well.
    async fn decide(
        &self,
        node: &Node,
        target: KubernetesVersion,
        first: bool,
        progress: &Progress,
    ) -> Result<(), bootstrap::Error>;
    /// Replaces what runs a node that is empty. What runs is still the former one.
    async fn replace(&self, node: &Node, progress: &Progress) -> Result<(), provision::Error>;
    /// Starts what was put there, and waits until it is a ready member.
    async fn restart(
        &self,
        leader: &Node,
        node: &Node,
        target: KubernetesVersion,
    ) -> Result<(), bootstrap::Error>;
    /// Lets work be put on a node again.
    async fn give_work(&self, leader: &Node, node: &Node) -> Result<(), bootstrap::Error>;
}
