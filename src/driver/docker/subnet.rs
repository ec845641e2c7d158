//! Which range of addresses a cluster gets, and which address a machine has in it.

use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use crate::driver::Error;
use crate::model::{ClusterName, MachineName, Role, Subnet};

/// The ranges of all clusters that were given none.
pub(super) const ALL: Subnet = Subnet::containing(Ipv4Addr::new(10, 200, 0, 0), 16);

/// The shortest prefix of a cluster's range: overlay networks of a swarm get a range beside it.
const LEAST_PREFIX: u8 = 12;

/// Refuses a range that cannot be the network of machines.
pub(super) fn refuse_unfit(subnet: Subnet) -> Result<(), String> {
    subnet.refuse_without_hosts("machine", "--subnet")?;
    if subnet.prefix() < LEAST_PREFIX {
        return Err(format!(
            "machine subnet {subnet} (--subnet) is too large: a cluster needs a /24, and /{LEAST_PREFIX} leaves room \
             for other networks"
        ));
    }
    Ok(())
}

/// The first usable address, which the engine's host has.
pub(super) fn gateway(subnet: Subnet) -> Ipv4Addr {
    subnet.address(1).expect("no range of ours is that small")
}

/// The address of a machine. It follows from the name alone, so machines made in parallel need not
/// agree on anything.
pub(super) fn address(subnet: Subnet, name: MachineName) -> Result<Ipv4Addr, Error> {
    let (first, last) = match name.role {
        Role::ControlPlane => (2, 9),
        Role::LoadBalancer => (10, 10),
        Role::Manager => (11, 50),
        Role::Worker => (51, 150),
        Role::Engine => (151, 254),
    };
    let host = first - 1 + u32::from(name.number);
    let address = if host <= last { subnet.address(host) } else { None };
    address.ok_or_else(|| {
        Error::Unsupported(format!(
            "`{name}` has no address: a cluster of containers has at most {} machines of the role {}",
            last - first + 1,
            name.role,
        ))
    })
}

/// The prefix of the ranges that clusters get.
pub(super) const PREFIX: u8 = 24;

/// The ranges that a cluster may get, best first: 10.200.0.0/16 in steps of 256 addresses, from a place
/// that depends on the name, so that a cluster mostly gets the same range again.
pub(super) fn candidates(cluster: &ClusterName) -> impl Iterator<Item = Subnet> {
    let hash = Sha256::digest(cluster.as_str());
    let start = u32::from(hash[0]);
    (0..256).filter_map(move |step| ALL.part(PREFIX, (start + step) % 256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_machines_share_an_address() {
        let subnet: Subnet = "10.200.7.0/24".parse().unwrap();
        let mut seen = std::collections::BTreeSet::from([gateway(subnet)]);
        for role in Role::ALL {
            let of_role = (1..300).map(|n| address(subnet, MachineName::new(role, n)));
            for address in of_role.flatten() {
                assert!(seen.insert(address), "{address} twice");
            }
        }
        let first = address(subnet, MachineName::new(Role::Manager, 1)).unwrap();
        assert_eq!(first.to_string(), "10.200.7.11");
        assert!(address(subnet, MachineName::new(Role::Worker, 101)).is_err());
    }

    #[test]
    fn ranges_that_hold_no_machines_are_refused_with_the_reason() {
        for (range, why) in [
            ("127.0.0.0/8", "loopback"),
            ("127.1.2.0/24", "loopback"),
            ("0.0.0.0/8", "no address yet"),
            ("224.0.0.0/24", "multicast"),
            ("169.254.0.0/16", "one link"),
            ("255.255.255.0/24", "reserved"),
            ("10.0.0.0/8", "too large"),
        ] {
            let said = refuse_unfit(range.parse().unwrap()).unwrap_err();
            assert!(said.contains("--subnet") && said.contains(why), "{range}: {said}");
        }
        for good in ["10.201.7.0/24", "172.16.0.0/12", "192.168.0.0/16"] {
            assert_eq!(refuse_unfit(good.parse().unwrap()), Ok(()), "{good}");
        }
        assert_eq!(ALL.without_hosts(), None, "those that are chosen by themselves");
    }

    #[test]
    fn a_cluster_can_have_any_of_the_ranges() {
        let name = "practice".parse().unwrap();
        let all: Vec<_> = candidates(&name).collect();
        assert_eq!(all.len(), 256);
        assert!(all.iter().all(|s| ALL.overlaps(*s)));
        assert_eq!(all[0], candidates(&name).next().unwrap());
        let different = all.iter().filter(|s| **s != all[0]).count();
        assert_eq!(different, 255);
    }
}
