//! `probe`: how requests went that a machine has sent all along.
//!
//! The step says in `probe` what is asked, how often, and from which machine; a unit there counts from when the step began.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::lesson::look::{Found, Look};
use crate::lesson::looking::PROBE;
use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Ask;

use super::count::Count;
use super::leaf::Leaf;
use super::lookout::{Lookout, On};
use super::looks::last;
use super::span::Span;
use super::story::{Met, Moment, Unmet, unknown};

/// Requests went so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// How many were answered.
    pub served: Option<Count>,
    /// How many were not, or with 400 and more.
    pub dropped: Option<Count>,
    /// How many different versions have answered.
    pub versions: Option<Count>,
    /// How many different hosts have answered.
    pub hosts: Option<Count>,
    /// How long the slowest answer took.
    slowest: Option<Span>,
    /// The machine from which they were sent: the step says it.
    #[serde(skip)]
    pub from: String,
}

/// What the probe has written.
#[derive(Debug, Deserialize)]
struct Counts {
    served: usize,
    dropped: usize,
    #[serde(default)]
    reasons: BTreeMap<String, u64>,
    #[serde(default)]
    versions: BTreeMap<String, u64>,
    #[serde(default)]
    hosts: BTreeMap<String, u64>,
    #[serde(default)]
    slowest_ms: u64,
}

fn names(names: &BTreeMap<String, u64>) -> String {
    names.keys().cloned().collect::<Vec<_>>().join(", ")
}

impl Probe {
    fn lookout(&self) -> Lookout {
        Lookout { on: On::Name(self.from.clone()), namespace: None, look: Look::Probe }
    }

    fn counts(&self, moment: Moment<'_>) -> Result<Counts, Unmet> {
        if self.from.is_empty() {
            return Err(unknown("the step has no `probe`"));
        }
        let looks = last(moment, &self.lookout())?;
        match looks.values().next() {
            Some(Found::File { text, .. }) => serde_json::from_str(text)
                .map_err(|error| unknown(&format!("the counts cannot be read: {error}"))),
            Some(Found::Failed { error }) => Err(unknown(error)),
            _ => Err(Unmet::new(Reason::NoProbe).saw("machine", &self.from)),
        }
    }
}

impl Leaf for Probe {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let counts = self.counts(moment)?;
        let with = |unmet: Unmet| {
            unmet
                .saw("served", counts.served)
                .saw("dropped", counts.dropped)
                .saw("why", names(&counts.reasons))
                .saw("versions", names(&counts.versions))
                .saw("hosts", names(&counts.hosts))
                .saw(
                    "slowest",
                    format!("{:.1}s", Duration::from_millis(counts.slowest_ms).as_secs_f64()),
                )
        };
        // What was counted is never taken back.
        let lost = |reason| Err(with(Unmet::lost(reason)));
        let not_yet = |reason| Err(with(Unmet::new(reason)));
        let too_many =
            |count: Option<Count>, number| count.is_some_and(|it| it.has_too_many(number));
        let too_few = |count: Option<Count>, number| count.is_some_and(|it| it.has_too_few(number));
        if too_many(self.dropped, counts.dropped) {
            return lost(Reason::Dropped);
        }
        if too_many(self.versions, counts.versions.len()) {
            return lost(Reason::TooManyVersions);
        }
        if too_many(self.hosts, counts.hosts.len()) {
            return lost(Reason::TooManyHosts);
        }
        let slowest = Duration::from_millis(counts.slowest_ms);
        if let Some(span) = self.slowest
            && counts.served > 0
            && !span.fits(slowest)
        {
            // A slower one may still come, a faster one does not help.
            return if span.is_too_long(slowest) {
                lost(Reason::TooSlow)
            } else {
                not_yet(Reason::TooFast)
            };
        }
        if too_few(self.served, counts.served) {
            return not_yet(Reason::TooFewServed);
        }
        if too_few(self.dropped, counts.dropped) {
            return not_yet(Reason::NotDropped);
        }
        if too_few(self.versions, counts.versions.len()) {
            return not_yet(Reason::TooFewVersions);
        }
        if too_few(self.hosts, counts.hosts.len()) {
            return not_yet(Reason::TooFewHosts);
        }
        let seen = with(Unmet::new(Reason::NoProbe)).seen;
        Ok(Met { seen, at: None })
    }

    fn is_live(&self) -> bool {
        // The unit counts whether anybody looks or not.
        false
    }

    fn wanted(&self) -> Values {
        let counts = [
            ("served", self.served),
            ("dropped", self.dropped),
            ("versions", self.versions),
            ("hosts", self.hosts),
        ];
        let counts = counts.into_iter();
        let mut wanted: Values =
            counts.filter_map(|(name, count)| Some((name, count?.to_string()))).collect();
        wanted.extend(self.slowest.map(|span| ("slowest", span.to_string())));
        wanted
    }

    fn command(&self) -> String {
        format!("dojo ssh {} -- cat {}", self.from, PROBE)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoProbe,
            Reason::Dropped,
            Reason::NotDropped,
            Reason::TooFewServed,
            Reason::TooManyVersions,
            Reason::TooFewVersions,
            Reason::TooManyHosts,
            Reason::TooFewHosts,
            Reason::TooSlow,
            Reason::TooFast,
        ]
    }

    fn asks(&self) -> Ask {
        Ask::default()
    }

    fn lookout(&self) -> Option<Lookout> {
        Some(self.lookout())
    }

    fn probe_from(&mut self, machine: &str) {
        machine.clone_into(&mut self.from);
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.from);
    }
}
