//! Where overlay networks get their addresses from.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::Subnet;
use crate::provision::Node;

/// What the engine cuts overlay networks out of if nobody says otherwise. Networks within one machine
/// (`docker0`, `docker_gwbridge`) get ranges of 172.16.0.0/12 and 192.168.0.0/16, so they never meet.
const USUAL: Subnet = Subnet::containing(Ipv4Addr::new(10, 0, 0, 0), 8);
/// The part of it that a swarm gets: the largest network that machines of ours have, and 4,096 overlays.
const POOL_PREFIX: u8 = 12;
/// Each overlay network gets a range of this size.
pub(super) const NETWORK_PREFIX: u8 = 24;

/// The range for a swarm of these nodes.
pub(super) fn of(nodes: &[Node]) -> Subnet {
    beside(nodes.iter().map(|node| node.machine().private_ip))
}

/// The first range that holds no address of a machine. In an overlay network that took the range of the
/// machines, nobody could reach them.
fn beside(machines: impl IntoIterator<Item = IpAddr>) -> Subnet {
    let machines: Vec<IpAddr> = machines.into_iter().collect();
    let is_free = |range: &Subnet| {
        !machines.iter().any(|ip| matches!(ip, IpAddr::V4(ip) if range.contains(*ip)))
    };
    let mut parts = (0..).map_while(|index| USUAL.part(POOL_PREFIX, index));
    // With machines in all of them there is nothing better than what the engine does by itself.
    parts.find(is_free).unwrap_or(USUAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(machines: &[&str]) -> String {
        beside(machines.iter().map(|ip| ip.parse().unwrap())).to_string()
    }

    #[test]
    fn overlay_networks_keep_clear_of_the_machines() {
        // As everybody has seen them, where that does no harm.
        assert_eq!(pool(&["10.200.7.11", "10.200.7.51"]), "10.0.0.0/12");
        assert_eq!(pool(&["192.168.1.20", "172.31.4.5", "2001:db8::1"]), "10.0.0.0/12");
        assert_eq!(pool(&["10.0.1.11"]), "10.16.0.0/12");
        assert_eq!(pool(&["10.0.44.3", "10.20.0.9"]), "10.32.0.0/12");
        let everywhere: Vec<String> = (0..16).map(|n| format!("10.{}.0.1", n * 16)).collect();
        let everywhere: Vec<&str> = everywhere.iter().map(String::as_str).collect();
        assert_eq!(pool(&everywhere), "10.0.0.0/8");
    }
}
