//! What connects the pods of different nodes.

use std::net::IpAddr;

use serde_json::json;

use crate::model::{
    KubernetesOptions, Machine, MachineName, PodNetwork, Role, Service, Sha256Sum, Subnet,
};
use crate::remote::Script;

/// The size of each node's share of the pods' addresses: 254 pods, more than kubelet allows by default.
const SHARE: u8 = 24;
/// The addresses of pods in flannel's manifest.
pub(super) const FLANNELS_PODS: &str = "10.244.0.0/16";

/// The addresses of a node's pods. They follow from the node's name alone, so that nodes joining in
/// parallel need not agree on anything and a node that is made anew gets the same.
pub(super) fn share(pods: Subnet, name: MachineName) -> Subnet {
    let first = match name.role {
        Role::ControlPlane => 0,
        _ => 10,
    };
    let index = first + u32::from(name.number);
    pods.part(SHARE, index).expect("a valid spec has a large enough pod subnet")
}

/// The `bridge` plugin on a node, a route to each peer, and the way to the API.
pub(super) fn bridge(
    machine: &Machine,
    all: &[&Machine],
    api: Option<IpAddr>,
    options: &KubernetesOptions,
) -> Script {
    let pods = options.pod_subnet;
    let peers: String = all
        .iter()
        .filter(|peer| peer.id != machine.id)
        .map(|peer| format!("{} {}\n", share(pods, peer.id.name), peer.private_ip))
        .collect();
    // The first address is that of the service `kubernetes` ("GetAPIServerVirtualIP" in kubeadm's constants).
    let service = options.service_subnet.address(1);
    let api =
        service.zip(api).map(|(service, api)| format!("{service} {api}:{}", Service::Api.port()));
    Script::new(
        "connect its pods with others",
        "Every pod has an address of its own that all others reach as it is. Each node has a share of \
         the addresses and a bridge for its pods; a route leads to each other node's share.",
        include_str!("../../../../templates/kubernetes/network.sh"),
    )
    .with("NODE_PODS", share(pods, machine.id.name).to_string())
    .with("ALL_PODS", pods.to_string())
    .with("PEERS", peers.trim_end())
    .with("API", api.unwrap_or_default())
    .with("ROUTES", include_str!("../../../../templates/kubernetes/routes.sh").trim_end())
}

/// Prints the manifest that is published there, unless the cluster has it already.
pub(super) fn manifest(address: &str, sum: Option<&Sha256Sum>) -> Script {
    Script::new(
        "fetch the pod network",
        "The manifest is fetched once, as its project publishes it, and applied as `kubectl apply` does it.",
        concat!(
            include_str!("../../../../templates/keyring.sh"),
            include_str!("../../../../templates/kubernetes/manifest.sh")
        ),
    )
    .with("ADDRESS", address)
    .with("SHA256", sum.map(ToString::to_string).unwrap_or_default())
}

/// A manifest that was fetched, with the addresses of this cluster's pods in it. Other networks than
/// flannel ask the cluster for them.
pub(super) fn fitted(manifest: String, options: &KubernetesOptions) -> String {
    match options.cni {
        PodNetwork::Flannel => manifest.replace(FLANNELS_PODS, &options.pod_subnet.to_string()),
        _ => manifest,
    }
}

/// What says in a cluster that a manifest was applied as a whole.
pub(super) fn applied(address: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "clusterdojo-pod-network", "namespace": "kube-system" },
        "data": { "manifest": address },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn flannel_is_told_of_the_pod_subnet() {
        let published = r#"net-conf.json: { "Network": "10.244.0.0/16" }"#.to_owned();
        let mut options = KubernetesOptions {
            cni: PodNetwork::Flannel,
            pod_subnet: "10.99.0.0/16".parse().unwrap(),
            ..KubernetesOptions::default()
        };
        let told = fitted(published.clone(), &options);
        assert_eq!(told, r#"net-conf.json: { "Network": "10.99.0.0/16" }"#);
        options.cni = PodNetwork::Calico;
        assert_eq!(fitted(published.clone(), &options), published);
    }

    #[test]
    fn no_two_nodes_share_addresses() {
        let pods: Subnet = "10.244.0.0/17".parse().unwrap();
        let mut seen = BTreeSet::new();
        let names = (1..=9).map(|n| MachineName::new(Role::ControlPlane, n));
        let names = names.chain((1..=99).map(|n| MachineName::new(Role::Worker, n)));
        for name in names {
            assert!(seen.insert(share(pods, name).to_string()), "{name}");
        }
    }
}
