//! What is to be asked.

use crate::remote::Extras;

/// What is to be asked beside how machines are, and the nodes of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// For what runs in the cluster: nodes, services and tasks, workloads and pods.
    pub workloads: bool,
    /// For the images of each machine.
    pub images: bool,
    /// For the certificates on this computer.
    pub certificates: bool,
    /// For what else costs more than it tells whoever does not need it.
    pub extras: Extras,
}

impl Ask {
    /// For all that whoever looks at a cluster wants to know: not for images, nor for what costs more.
    pub const ALL: Self =
        Self { workloads: true, images: false, certificates: true, extras: Extras::NONE };

    /// For what either of two asks for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            workloads: self.workloads || other.workloads,
            images: self.images || other.images,
            certificates: self.certificates || other.certificates,
            extras: self.extras.and(other.extras),
        }
    }
}
