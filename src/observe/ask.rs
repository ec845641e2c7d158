//! What is to be asked.

/// What is to be asked beside how machines are, and the nodes of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// For what runs in the cluster: nodes, services and tasks, workloads and pods.
    pub workloads: bool,
    /// For the images of each machine.
    pub images: bool,
    /// For the certificates on this computer.
    pub certificates: bool,
}

impl Ask {
    /// For all that there is, except images.
    pub const ALL: Self = Self { workloads: true, images: false, certificates: true };
}
