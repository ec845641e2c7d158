//! What is fetched is what was meant: TLS says so, or a fingerprint that was given.

/// What proves that something is what was meant, where its address does not.
pub(super) struct Proof {
    what: &'static str,
    key: &'static str,
    flag: &'static str,
}

pub(super) const ENGINE_KEY: Proof = Proof {
    what: "the fingerprint of the key that signs it",
    key: "engine.repository-key",
    flag: "--engine-repository-key",
};
pub(super) const KUBERNETES_KEY: Proof = Proof {
    what: "the fingerprint of the key that signs it",
    key: "kubernetes.repository-key",
    flag: "--kubernetes-repository-key",
};
pub(super) const MANIFEST_SUM: Proof =
    Proof { what: "its SHA-256 sum", key: "kubernetes.cni-sha256", flag: "--cni-sha256" };

/// What is fetched from a repository is run by root on every machine, and a manifest by the cluster's
/// administrator.
pub(super) fn refuse_unproven(address: &str, proven: bool, proof: &Proof) -> Result<(), String> {
    if proven || address.starts_with("https://") {
        return Ok(());
    }
    Err(format!(
        "`{address}` is fetched without TLS, so anybody on the way could put something else in its place: use an \
         address that begins with https://, or give {} ({}, `{}` in a spec file)",
        proof.what, proof.flag, proof.key
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{ClusterSpec, MachineGroup};
    use crate::model::{DriverName, KubernetesOptions, Orchestrator, Role};

    fn cluster(orchestrator: Orchestrator, role: Role) -> ClusterSpec {
        let machines = vec![MachineGroup::new(role, 1, DriverName::fixed("docker"))];
        ClusterSpec::new("practice".parse().unwrap(), orchestrator, machines)
    }

    #[test]
    fn what_root_will_run_is_fetched_by_tls_or_proven_otherwise() {
        let fingerprint = || Some("DE15B14486CD377B9E876E1A234654DA9A296436".parse().unwrap());
        let refused = |spec: &ClusterSpec, flag: &str| {
            let problem = spec.validate().unwrap_err().problem;
            assert!(problem.contains("without TLS") && problem.contains(flag), "{problem}");
        };
        let mut spec = cluster(Orchestrator::Kubernetes, Role::ControlPlane);
        spec.kubernetes.repository = Some("http://mirror.example".to_owned());
        refused(&spec, "--kubernetes-repository-key");
        spec.kubernetes.repository_key = fingerprint();
        assert_eq!(spec.validate(), Ok(()));
        spec.kubernetes.cni = "http://mirror.example/network.yaml".parse().unwrap();
        refused(&spec, "--cni-sha256");
        spec.kubernetes.cni_sha256 = Some("ab".repeat(32).parse().unwrap());
        assert_eq!(spec.validate(), Ok(()));
        spec.kubernetes.cni = "calico".parse().unwrap();
        assert!(spec.validate().unwrap_err().problem.contains("`calico` is not the address"));
        spec.kubernetes = KubernetesOptions::default();
        spec.kubernetes.repository = Some("https://mirror.example".to_owned());
        spec.kubernetes.cni = "https://mirror.example/network.yaml".parse().unwrap();
        assert_eq!(spec.validate(), Ok(()));

        let mut spec = cluster(Orchestrator::Swarm, Role::Manager);
        spec.engine.channel = crate::model::EngineChannel::DockerCe;
        spec.engine.repository = Some("http://mirror.example".to_owned());
        refused(&spec, "--engine-repository-key");
        // Only the beginning tells; in capitals it is no scheme that is known here.
        spec.engine.repository = Some("HTTP://mirror.example".to_owned());
        refused(&spec, "--engine-repository-key");
        spec.engine.repository_key = fingerprint();
        spec.engine.repository = Some("http://mirror.example".to_owned());
        assert_eq!(spec.validate(), Ok(()));
    }
}
