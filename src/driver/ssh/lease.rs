//! A host in the hands of the driver: asked what it is, not more often than needed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::claim::Claim;
use super::facts::Facts;
use super::openssh::{Host, Route, port_of};
use super::tunnel::ForwardedPorts;
use crate::driver::Error;
use crate::model::{Machine, Service};

const PROBE: &str = concat!(
    include_str!("../../../templates/ssh/places.sh"),
    include_str!("../../../templates/ssh/probe.sh")
);

/// For how long what a host said of itself is taken for true, unless this driver has changed it since.
/// Several parts of a command ask within moments of each other.
const FRESH: Duration = Duration::from_secs(4);

/// A host and what it said last.
pub(super) struct Lease {
    pub(super) host: Host,
    /// Where hosts are found that this computer does not reach by itself.
    forwarded: Arc<Mutex<ForwardedPorts>>,
    seen: tokio::sync::Mutex<Option<(Instant, Arc<Facts>)>>,
    /// Given back a moment ago. If only the cluster's key was let in, nobody is let in any more.
    returned: AtomicBool,
}

impl Lease {
    pub(super) fn new(host: Host, forwarded: Arc<Mutex<ForwardedPorts>>) -> Self {
        let seen = tokio::sync::Mutex::default();
        Self { host, forwarded, seen, returned: AtomicBool::new(false) }
    }

    pub(super) fn is_returned(&self) -> bool {
        self.returned.load(Ordering::Relaxed)
    }

    pub(super) fn set_returned(&self, returned: bool) {
        self.returned.store(returned, Ordering::Relaxed);
    }

    /// What the host says of itself.
    pub(super) async fn look(&self) -> Result<Arc<Facts>, Error> {
        let mut seen = self.seen.lock().await;
        if let Some((when, facts)) = &*seen
            && when.elapsed() < FRESH
        {
            return Ok(Arc::clone(facts));
        }
        let login = &self.host.resolved().await?.user;
        let facts = Arc::new(Facts::parse(&self.host.run(&[("LOGIN", login)], PROBE).await?));
        *seen = Some((Instant::now(), Arc::clone(&facts)));
        Ok(facts)
    }

    /// It has been changed.
    pub(super) async fn forget(&self) {
        *self.seen.lock().await = None;
    }

    /// The machine that a mark on the host speaks of.
    pub(super) async fn machine(&self, claim: &Claim) -> Result<Option<Machine>, Error> {
        let resolved = self.host.resolved().await?;
        let Some(machine) = claim.machine(&self.host.handle(resolved), &resolved.user) else {
            return Ok(None);
        };
        let services = machine.orchestrator.services(machine.id.name.role);
        let endpoints = match resolved.route {
            Route::Direct(address) => beside(address, &services),
            Route::Tunnel(_) => {
                let mut forwarded = self.forwarded.lock().unwrap_or_else(PoisonError::into_inner);
                forwarded.to(&machine.id, &services)?
            }
        };
        Ok(Some(Machine { endpoints, ..machine }))
    }
}

/// Where the services of a host are whose sshd is at this address.
fn beside(sshd: SocketAddr, services: &[Service]) -> BTreeMap<Service, SocketAddr> {
    let port = |service: &Service| port_of(*service, sshd.port());
    let at = |service: &Service| (*service, SocketAddr::new(sshd.ip(), port(service)));
    services.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sshd_may_be_at_a_port_of_its_own() {
        let endpoints = beside("192.0.2.1:2222".parse().unwrap(), &[Service::Ssh, Service::Engine]);
        assert_eq!(endpoints[&Service::Ssh].to_string(), "192.0.2.1:2222");
        assert_eq!(endpoints[&Service::Engine].to_string(), "192.0.2.1:2376");
    }
}
