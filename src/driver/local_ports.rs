//! Ports of this computer that lead to machines.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

use super::Error;
use crate::model::{Protocol, Service};

/// Where ports are chosen from: below what Linux hands out to outgoing connections (32768 and up,
/// ip(7)), so that a machine that was off finds its ports free again.
const RANGE: RangeInclusive<u16> = 20_000..=32_767;

/// The ports of this computer that lead to the services of one machine.
pub(super) type HostPorts = BTreeMap<Service, u16>;

/// Ports of this computer that are known to be in use, or promised.
#[derive(Debug, Default)]
pub(super) struct PortBook {
    taken: HashSet<u16>,
    /// Whether everybody was asked who has some.
    pub(super) complete: bool,
}

impl PortBook {
    /// Notes ports that cannot be chosen.
    pub(super) fn take(&mut self, ports: impl IntoIterator<Item = u16>) {
        self.taken.extend(ports);
    }

    /// Chooses a port for each service, beginning the search at `start`, and notes them as taken.
    pub(super) fn choose(
        &mut self,
        services: &[Service],
        start: u16,
        is_free: impl Fn(u16) -> bool,
    ) -> Result<HostPorts, Error> {
        let around = (start..=*RANGE.end()).chain(*RANGE.start()..start);
        let mut free = around.filter(|port| !self.taken.contains(port) && is_free(*port));
        let ports: HostPorts = services.iter().copied().zip(&mut free).collect();
        if ports.len() < services.len() {
            return Err(Error::Unsupported(format!(
                "no free port is left on this computer from {} to {}",
                RANGE.start(),
                RANGE.end()
            )));
        }
        self.take(ports.values().copied());
        Ok(ports)
    }
}

/// A place to begin a search; random, so that processes working at the same time rarely meet.
pub(super) fn anywhere() -> u16 {
    rand::random_range(RANGE)
}

/// Whether a port can be listened on right now. A port that we may not even try counts as free: the
/// engine decides.
pub(super) fn is_free(ip: IpAddr, port: u16, protocol: Protocol) -> bool {
    let address = SocketAddr::new(ip, port);
    let result = match protocol {
        Protocol::Tcp => TcpListener::bind(address).map(drop),
        Protocol::Udp => UdpSocket::bind(address).map(drop),
    };
    !result.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_the_same_port_twice() {
        let mut book = PortBook::default();
        book.take([32_767]);
        let both = [Service::Ssh, Service::Engine];
        let ports = |ports: HostPorts| ports.into_values().collect::<Vec<_>>();
        let first = book.choose(&both, 32_766, |_| true).unwrap();
        assert_eq!(ports(first), [32_766, 20_000], "wraps around");
        let second = book.choose(&both, 32_766, |port| port != 20_001).unwrap();
        assert_eq!(ports(second), [20_002, 20_003]);
        assert!(book.choose(&both, 20_000, |_| false).is_err());
    }

    #[test]
    fn ports_are_outside_the_range_for_outgoing_connections() {
        for _ in 0..100 {
            assert!((20_000..32_768).contains(&anywhere()));
        }
    }

    #[test]
    fn sees_a_port_in_use() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(ip, port, Protocol::Tcp));
        drop(listener);
        assert!(is_free(ip, port, Protocol::Tcp));
    }
}
