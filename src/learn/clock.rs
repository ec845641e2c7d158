//! The clock of a cluster, by which all evidence is dated: what it tells of containers and pods is by that clock, and that of
//! this computer may be another one.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::remote::{self, Remote, Script};

/// How far a clock is ahead of that of this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Clock {
    ahead: SignedDuration,
}

impl Clock {
    /// Reads the clock of a machine.
    ///
    /// # Errors
    /// Those of running a script.
    pub(super) async fn of(machine: &dyn Remote) -> Result<Self, remote::Error> {
        let script = Script::new(
            "read the clock",
            "What happens is dated by the clock of the cluster.",
            "date +%s%N\n",
        );
        let script = script.within(Duration::from_secs(10));
        let before = Timestamp::now();
        let said = machine.run(&script).await?;
        let after = Timestamp::now();
        let there = said.trim().parse().ok().and_then(|n| Timestamp::from_nanosecond(n).ok());
        let Some(there) = there else { return Ok(Self::default()) };
        // It was read somewhere in between, so that less than that says nothing.
        let is_same = before <= there && there <= after;
        let middle = before + after.duration_since(before) / 2;
        Ok(Self {
            ahead: if is_same { SignedDuration::ZERO } else { there.duration_since(middle) },
        })
    }

    /// What it shows.
    pub(super) fn now(self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }
}
