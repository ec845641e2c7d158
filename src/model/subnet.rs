//! Ranges of IPv4 addresses.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of IPv4 addresses, in CIDR notation (RFC 4632): `10.200.7.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

/// Ranges that no network of machines can have (IANA IPv4 Special-Purpose Address Registry; RFC 5771).
const SPECIAL: [(Subnet, &str); 5] = [
    (Subnet::containing(Ipv4Addr::UNSPECIFIED, 8), "is for a host that has no address yet"),
    (Subnet::containing(Ipv4Addr::LOCALHOST, 8), "is for loopback"),
    (Subnet::containing(Ipv4Addr::new(169, 254, 0, 0), 16), "is for one link only"),
    (Subnet::containing(Ipv4Addr::new(224, 0, 0, 0), 4), "is for multicast"),
    (Subnet::containing(Ipv4Addr::new(240, 0, 0, 0), 4), "is reserved"),
];

impl Subnet {
    /// Why there can be no hosts with addresses of this range, if so: "127.0.0.0/8 is for loopback".
    pub fn without_hosts(self) -> Option<String> {
        let (range, why) = SPECIAL.iter().find(|(range, _)| range.overlaps(self))?;
        Some(format!("{range} {why}"))
    }

    /// Refuses a range in which there can be no hosts. `what` has it, and `flag` chooses another one.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn refuse_without_hosts(self, what: &str, flag: &str) -> Result<(), String> {
        match self.without_hosts() {
            Some(why) => Err(format!(
                "{what} subnet {self} ({flag}) cannot be used: {why}; take a private range, as in \
                 10.201.7.0/24"
            )),
            None => Ok(()),
        }
    }

    /// The range of that size around an address.
    pub const fn containing(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = if prefix > 32 { 32 } else { prefix };
        let mask = if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) };
        Self { base: address.to_bits() & mask, prefix }
    }

    /// How many leading bits its addresses have in common.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Whether the ranges share an address.
    pub fn overlaps(self, other: Self) -> bool {
        let shorter = self.prefix.min(other.prefix);
        let cut = |s: Self| Self::containing(s.base.into(), shorter);
        cut(self) == cut(other)
    }

    /// Whether an address is in the range.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        self == Self::containing(address, self.prefix)
    }

    /// The address at an offset from the first one; `None` if that is outside.
    pub fn address(self, offset: u32) -> Option<Ipv4Addr> {
        let address = Ipv4Addr::from(self.base.checked_add(offset)?);
        self.contains(address).then_some(address)
    }

    /// The part with an index, counted from 0, of those with a longer prefix; `None` if there are not as
    /// many.
    pub fn part(self, prefix: u8, index: u32) -> Option<Self> {
        let size = 1_u32.checked_shl(32_u32.checked_sub(prefix.into())?)?;
        let base = self.address(size.checked_mul(index)?)?;
        (prefix >= self.prefix).then(|| Self::containing(base, prefix))
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |hint: &str| format!("`{text}` is not a subnet: {hint}");
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
        f.pad(&format!("{}/{}", Ipv4Addr::from(self.base), self.prefix))
    }
}

impl TryFrom<String> for Subnet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Subnet> for String {
    fn from(subnet: Subnet) -> Self {
        subnet.to_string()
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
        let error = "10.200.7.9/24".parse::<Subnet>().unwrap_err();
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
    fn ranges_without_hosts_are_known_whole_and_in_part() {
        for (bad, why) in [
            ("0.0.0.0/8", "no address yet"),
            ("0.1.2.0/24", "no address yet"),
            ("127.0.0.0/8", "loopback"),
            ("127.99.0.0/16", "loopback"),
            ("126.0.0.0/7", "loopback"),
            ("169.254.0.0/16", "one link"),
            ("169.254.7.0/24", "one link"),
            ("169.0.0.0/8", "one link"),
            ("224.0.0.0/24", "multicast"),
            ("239.255.255.0/24", "multicast"),
            ("240.0.0.0/8", "reserved"),
            ("255.255.255.0/24", "reserved"),
        ] {
            let (address, prefix) = bad.split_once('/').unwrap();
            let range = Subnet::containing(address.parse().unwrap(), prefix.parse().unwrap());
            let said = range.without_hosts().unwrap_or_default();
            assert!(said.contains(why), "{bad}: {said}");
        }
        for good in
            ["10.200.7.0/24", "1.0.0.0/8", "100.64.0.0/16", "169.253.0.0/16", "223.255.255.0/24"]
        {
            assert_eq!(subnet(good).without_hosts(), None, "{good}");
        }
    }

    #[test]
    fn parts_lie_side_by_side_and_end_with_the_whole() {
        let whole = subnet("10.244.0.0/16");
        assert_eq!(whole.part(24, 11), Some(subnet("10.244.11.0/24")));
        assert_eq!(whole.part(24, 255), Some(subnet("10.244.255.0/24")));
        assert_eq!(whole.part(24, 256), None);
        assert_eq!(subnet("10.244.7.0/24").part(16, 0), None);
    }
}
