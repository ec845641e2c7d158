//! A host in the hands of the driver: asked what it is, not more often than needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::claim::Claim;
use super::facts::Facts;
use super::openssh::Host;
use crate::driver::Error;
use crate::model::Machine;

const PROBE: &str = concat!(
    include_str!("../../../templates/ssh/places.sh"),
    include_str!("../../../templates/ssh/probe.sh")
);

/// For how long what a host said of itself is taken for true, unless this driver has changed it since.
/// Several parts of a command ask within moments of each other.
const FRESH: Duration = Duration::from_secs(4);

/// A host and what it said last.
pub(super) struct Lent {
    pub(super) host: Host,
    seen: tokio::sync::Mutex<Option<(Instant, Arc<Facts>)>>,
    /// Given back a moment ago. If only the cluster's key was let in, nobody is let in any more.
    returned: AtomicBool,
}

impl Lent {
    pub(super) fn new(host: Host) -> Self {
        let seen = tokio::sync::Mutex::default();
        Self { host, seen, returned: AtomicBool::new(false) }
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
        Ok(claim.machine(&self.host.handle(resolved), &resolved.user, resolved.address))
    }
}
