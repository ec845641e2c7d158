//! What connects the pods of different nodes.

use crate::model::{Machine, MachineName, Role, Subnet};
use crate::remote::Script;

/// The size of each node's share of the pods' addresses: 254 pods, more than kubelet allows by default.
const SHARE: u8 = 24;

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

/// The `bridge` plugin on a node, and a route to each peer.
pub(super) fn bridge(machine: &Machine, all: &[&Machine], pods: Subnet) -> Script {
    let peers: String = all
        .iter()
        .filter(|peer| peer.id != machine.id)
        .map(|peer| format!("{} {}\n", share(pods, peer.id.name), peer.private_ip))
        .collect();
    Script::new(
        "connect its pods with others",
        "Every pod has an address of its own that all others reach as it is. Each node has a share of \
         the addresses and a bridge for its pods; a route leads to each other node's share.",
        include_str!("../../../templates/kubernetes/network.sh"),
    )
    .with("NODE_PODS", share(pods, machine.id.name).to_string())
    .with("ALL_PODS", pods.to_string())
    .with("PEERS", peers.trim_end())
    .with("ROUTES", include_str!("../../../templates/kubernetes/routes.sh").trim_end())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
