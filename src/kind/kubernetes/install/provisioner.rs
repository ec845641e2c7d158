//! The image of what makes volumes.

/// Makes volumes of directories of nodes, as in kind and k3s (github.com/rancher/local-path-provisioner).
pub(super) const PROVISIONER: &str = "local-path-provisioner";
const PROVISIONER_TAG: &str = "v0.0.30";
/// Where its project publishes it.
const PROVISIONER_REGISTRY: &str = "docker.io/rancher";

/// Its name in a registry, or where its project publishes it.
pub(super) fn provisioner_in(registry: Option<&str>) -> String {
    let registry = registry.unwrap_or(PROVISIONER_REGISTRY);
    format!("{registry}/{PROVISIONER}:{PROVISIONER_TAG}")
}
