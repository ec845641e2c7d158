//! Another release of Kubernetes, the way its documentation shows it ("Upgrading kubeadm clusters", kubernetes.io).

use async_trait::async_trait;

use crate::bootstrap;
use crate::event::Progress;
use crate::kind::{Running, Upgrade};
use crate::model::KubernetesVersion;
use crate::provision::{Error, Install, Node};

use super::install::{self, Release, Source};
use super::kubeadm::upgrade as kubeadm;

/// The way to a release.
pub(super) struct To(pub Release);

#[async_trait]
impl Upgrade for To {
    fn as_they_are(&self) -> Box<dyn Install> {
        Box::new(Release { source: Source::Present, ..self.0.clone() })
    }

    async fn running(&self, leader: &Node) -> Result<Running, bootstrap::Error> {
        kubeadm::running(leader).await
    }

    async fn admits(&self, node: &Node) -> Result<(), Error> {
        install::admits(node, &self.0).await
    }

    async fn newest(&self, node: &Node) -> Result<KubernetesVersion, Error> {
        install::newest(node, &self.0).await
    }

    fn settle(&mut self, target: KubernetesVersion) {
        if let Source::Packages { version, .. } = &mut self.0.source {
            *version = target;
        }
    }

    async fn prepare(&self, node: &Node, progress: &Progress) -> Result<(), Error> {
        install::replace_kubeadm(node, &self.0, progress).await
    }

    async fn decide(
        &self,
        node: &Node,
        target: KubernetesVersion,
        first: bool,
        progress: &Progress,
    ) -> Result<(), bootstrap::Error> {
        kubeadm::upgrade(node, target, first, progress).await
    }

    async fn replace(&self, node: &Node, progress: &Progress) -> Result<(), Error> {
        install::replace_kubelet(node, &self.0, progress).await
    }

    async fn restart(
        &self,
        leader: &Node,
        node: &Node,
        target: KubernetesVersion,
    ) -> Result<(), bootstrap::Error> {
        kubeadm::restart(leader, node, target).await
    }

    async fn give_work(&self, leader: &Node, node: &Node) -> Result<(), bootstrap::Error> {
        kubeadm::uncordon(leader, node).await
    }
}
