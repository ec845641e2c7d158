//! What the step is called that all sources have.

/// The step that both sources have, as `--explain` and the progress line call it, and why it is done.
pub(super) const TITLE: &str = "install Kubernetes";
pub(super) const WHY: &str = "kubeadm sets clusters up, kubelet runs the pods of a node, and containerd runs their \
                   containers.";
