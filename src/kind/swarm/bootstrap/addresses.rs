//! Where nodes of a swarm find each other.

use crate::provision::Node;

/// The port on which swarm nodes manage each other ("Getting started with swarm mode", Docker docs).
const CLUSTER_PORT: u16 = 2377;

/// Where a node listens for its peers.
pub(super) fn listen_address() -> String {
    format!("0.0.0.0:{CLUSTER_PORT}")
}

/// Where those that are to join reach a manager.
pub(super) fn remote_address(manager: &Node) -> String {
    format!("{}:{CLUSTER_PORT}", manager.machine().private_ip)
}
