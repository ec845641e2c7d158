//! What is asked again and again while a step is done.

use std::time::Duration;

use serde::Deserialize;

use super::time::Time;

/// `probe: { to: URL, every: 50ms, from: manager-1 }`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// What is asked.
    pub to: String,
    /// The time from one request to the next.
    #[serde(default = "every")]
    pub every: Time,
    /// The machine that asks.
    pub from: String,
}

fn every() -> Time {
    Time(Duration::from_millis(50))
}

impl Probe {
    pub(super) fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.to);
        with(&mut self.from);
    }
}
