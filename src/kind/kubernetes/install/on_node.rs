//! Kubernetes, as it is on a node.

use crate::model::{KubernetesOptions, KubernetesVersion, NoService, Service};
use crate::provision::Node;

/// Kubernetes, as it is installed on a node.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::kind::kubernetes) struct OnNode {
    /// The release, with its patch number. A load balancer has none and tells what was asked for.
    pub version: KubernetesVersion,
    /// The image of what makes volumes.
    pub provisioner: String,
    /// What was chosen.
    pub options: KubernetesOptions,
    /// The text of the manifest that was chosen as the pod network, if one was.
    pub network: Option<String>,
}

/// The Kubernetes of a node.
///
/// # Errors
/// [`NoService`] if it has none.
pub(in crate::kind::kubernetes) fn on(node: &Node) -> Result<&OnNode, NoService> {
    let machine = node.machine();
    let lacking = || NoService { machine: machine.id.clone(), service: Service::Api };
    node.runtime().ok_or_else(lacking)
}
