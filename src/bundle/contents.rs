//! What is in a bundle, and what a whole cluster would need beside it.

use serde::Serialize;

use crate::model::split_tag;

use super::{Kind, Manifest};

/// Programs that a node has, by name, and what is not possible without them.
const PROGRAMS: [(&str, &str); 3] = [
    ("kubeadm", "no node can be set up"),
    ("kubelet", "no node can run"),
    ("kubectl", "the cluster cannot be asked from its own machines"),
];
/// Images that a cluster asks for, by the last part of their names, and what is not there without them.
const IMAGES: [(&str, &str); 8] = [
    ("kube-apiserver", "no control plane can start"),
    ("kube-controller-manager", "no control plane can start"),
    ("kube-scheduler", "no control plane can start"),
    ("etcd", "no control plane can start"),
    ("pause", "no pod can start"),
    ("kube-proxy", "services have no addresses"),
    ("coredns", "services have no names"),
    ("local-path-provisioner", "volumes that are claimed are never made"),
];

/// Something that a whole cluster has and a bundle lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What.
    pub what: &'static str,
    /// What follows from that, as a clause.
    pub consequence: &'static str,
}

impl Manifest {
    /// What a whole cluster would need and the bundle does not bring. It may still be there otherwise:
    /// on the machines already, or from a registry.
    pub fn missing(&self) -> Vec<Missing> {
        let programs = PROGRAMS.into_iter().filter(|(program, _)| !self.has_program(program));
        let images = IMAGES.into_iter().filter(|(image, _)| !self.has_image(image));
        let all = programs.chain(images);
        all.map(|(what, consequence)| Missing { what, consequence }).collect()
    }

    fn has_program(&self, program: &str) -> bool {
        self.files.iter().any(|file| match &file.kind {
            Kind::Binary { target } => target.rsplit('/').next() == Some(program),
            // A package is named NAME_VERSION_ARCHITECTURE.deb.
            Kind::Package => {
                let name = file.path.rsplit('/').next().unwrap_or_default();
                name.split('_').next() == Some(program)
            }
            Kind::Image { .. } => false,
        })
    }

    fn has_image(&self, name: &str) -> bool {
        self.files.iter().any(|file| match &file.kind {
            Kind::Image { image } => split_tag(image).0.rsplit('/').next() == Some(name),
            Kind::Binary { .. } | Kind::Package => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_lose_tags_and_digests_but_no_ports() {
        for (image, expected) in [
            ("k8s.gcr.io/etcd:3.4.13-0", "k8s.gcr.io/etcd"),
            ("localhost:5000/etcd", "localhost:5000/etcd"),
            ("localhost:5000/coredns/coredns:v1.8.0@sha256:00", "localhost:5000/coredns/coredns"),
            ("etcd", "etcd"),
        ] {
            assert_eq!(split_tag(image).0, expected);
        }
    }
}
