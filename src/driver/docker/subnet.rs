//! Address ranges: which one a cluster gets, and which address a machine has in it.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::driver::Error;
use crate::model::{ClusterName, MachineName, Role};

/// A range of IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subnet {
    base: u32,
    prefix: u8,
}

impl Subnet {
    /// The range of that size around an address.
    pub(super) fn containing(address: Ipv4Addr, prefix: u8) -> Self {
        let host_bits = 32 - u32::from(prefix.min(32));
        let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
        Self { base: u32::from(address) & mask, prefix: prefix.min(32) }
    }

    /// Whether the ranges share an address.
    pub(super) fn overlaps(self, other: Self) -> bool {
        let shorter = self.prefix.min(other.prefix);
        let cut = |s: Self| Self::containing(s.base.into(), shorter);
        cut(self) == cut(other)
    }

    /// The first usable address, which the engine's host has.
    pub(super) fn gateway(self) -> Ipv4Addr {
        (self.base + 1).into()
    }

    /// The address of a machine. It follows from the name alone, so machines made in parallel need
    /// not agree on anything.
    pub(super) fn address(self, name: MachineName) -> Result<Ipv4Addr, Error> {
        let (first, last) = match name.role {
            Role::Manager => (11, 50),
            Role::Worker => (51, 150),
            Role::Engine => (151, 254),
        };
        let host = first - 1 + u32::from(name.number);
        if host > last {
            return Err(Error::Unsupported(format!(
                "`{name}` has no address: a cluster of containers has at most {} machines of the \
                 role {}",
                last - first + 1,
                name.role,
            )));
        }
        Ok((self.base + host).into())
    }

    /// The ranges that a cluster may get, best first: 10.200.0.0/16 in steps of 256 addresses, from
    /// a place that depends on the name, so that a cluster mostly gets the same range again.
    pub(super) fn candidates(cluster: &ClusterName) -> impl Iterator<Item = Self> {
        let hash = Sha256::digest(cluster.as_str());
        let start = u32::from(hash[0]);
        (0..256).map(move |step| Self {
            base: u32::from(Ipv4Addr::new(10, 200, 0, 0)) + ((start + step) % 256) * 256,
            prefix: 24,
        })
    }
}

impl FromStr for Subnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |hint: &str| Error::Unsupported(format!("`{text}` is not a subnet: {hint}"));
        let example = "write it as 10.200.7.0/24";
        let (address, prefix) = text.split_once('/').ok_or_else(|| wrong(example))?;
        let address: Ipv4Addr = address.parse().map_err(|_| wrong(example))?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong(example))?;
        if !(8..=24).contains(&prefix) {
            return Err(wrong("its prefix must be from /8 to /24"));
        }
        let subnet = Self::containing(address, prefix);
        if Ipv4Addr::from(subnet.base) != address {
            return Err(wrong(&format!("did you mean {subnet}")));
        }
        Ok(subnet)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_it_writes_and_refuses_the_rest() {
        assert_eq!(subnet("10.200.7.0/24").to_string(), "10.200.7.0/24");
        for bad in ["", "10.200.7.0", "10.200.7.0/25", "10.200.7.0/33", "::/64", "x/24"] {
            assert!(bad.parse::<Subnet>().is_err(), "{bad}");
        }
        let error = "10.200.7.9/24".parse::<Subnet>().unwrap_err().to_string();
        assert!(error.contains("did you mean 10.200.7.0/24"), "{error}");
    }

    #[test]
    fn overlap_goes_both_ways() {
        let (wide, narrow) = (subnet("10.200.0.0/16"), subnet("10.200.7.0/24"));
        assert!(wide.overlaps(narrow) && narrow.overlaps(wide));
        assert!(!narrow.overlaps(subnet("10.200.8.0/24")));
        assert!(narrow.overlaps(Subnet::containing(Ipv4Addr::UNSPECIFIED, 0)));
    }

    #[test]
    fn no_two_machines_share_an_address() {
        let subnet = subnet("10.200.7.0/24");
        let mut seen = std::collections::BTreeSet::from([subnet.gateway()]);
        for role in Role::ALL {
            let of_role = (1..300).map(|n| subnet.address(MachineName::new(role, n)));
            for address in of_role.flatten() {
                assert!(seen.insert(address), "{address} twice");
            }
        }
        let first = subnet.address(MachineName::new(Role::Manager, 1)).unwrap();
        assert_eq!(first.to_string(), "10.200.7.11");
        assert!(subnet.address(MachineName::new(Role::Worker, 101)).is_err());
    }

    #[test]
    fn a_cluster_can_have_any_of_the_ranges() {
        let name = "practice".parse().unwrap();
        let all: Vec<_> = Subnet::candidates(&name).collect();
        assert_eq!(all.len(), 256);
        assert!(all.iter().all(|s| subnet("10.200.0.0/16").overlaps(*s)));
        assert_eq!(all[0], Subnet::candidates(&name).next().unwrap());
        let different = all.iter().filter(|s| **s != all[0]).count();
        assert_eq!(different, 255);
    }
}
