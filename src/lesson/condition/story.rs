//! Evidence as conditions look at it.

use std::fmt;
use std::iter;

use jiff::Timestamp;

use crate::lesson::evidence::{Answer, Evidence, Gap, Sample};
use crate::lesson::look::Looked;
use crate::lesson::reason::Reason;
use crate::lesson::told::{Outcome, Values};
use crate::observe::{Facts, Part};

/// The evidence of one step, without what is not newer than its mark.
pub(in crate::lesson) struct Story<'a> {
    evidence: &'a Evidence,
    mark: &'a Facts,
    pub(super) seen: Vec<&'a Sample>,
    /// Until when somebody looked.
    pub(super) until: Timestamp,
}

impl<'a> Story<'a> {
    pub(in crate::lesson) fn of(evidence: &'a Evidence) -> Self {
        let (began, mark) = (evidence.since.at, &evidence.since.facts);
        let seen: Vec<_> = evidence.seen.iter().filter(|sample| sample.at > began).collect();
        let last = seen.last().map_or(began, |sample| sample.at);
        let until = evidence.until.map_or(last, |until| until.max(last));
        let mut all = iter::once(mark).chain(seen.iter().map(|sample| &sample.facts));
        let mark = all.find(|facts| has_answered(facts)).unwrap_or(mark);
        Self { evidence, mark, seen, until }
    }

    /// The whole of it, as of its end.
    pub(in crate::lesson) fn end(&self) -> Moment<'_> {
        let index = self.seen.len().saturating_sub(1);
        Moment { story: self, after: self.evidence.since.at, index }
    }

    /// How everything was when the step began; where the cluster did not answer then, as soon as it did.
    pub(super) fn mark(&self) -> &'a Facts {
        self.mark
    }

    pub(super) fn looks_at_mark(&self) -> &[Looked] {
        &self.evidence.since.looks
    }

    pub(super) fn answer(&self, key: &str) -> Option<&Answer> {
        self.evidence.answers.get(key)
    }

    /// The times in which nobody looked, as far as they are later.
    pub(super) fn gaps_after(&self, after: Timestamp) -> impl Iterator<Item = Gap> {
        self.evidence.gaps.iter().copied().filter(move |gap| gap.to > after)
    }
}

/// What a condition looks at: what came after a moment, up to a sample.
#[derive(Clone, Copy)]
pub(in crate::lesson) struct Moment<'a> {
    pub(super) story: &'a Story<'a>,
    /// Only what is later counts.
    pub(super) after: Timestamp,
    /// The last sample that is looked at.
    pub(super) index: usize,
}

impl<'a> Moment<'a> {
    pub(super) fn up_to(self, index: usize) -> Self {
        Self { index, ..self }
    }

    pub(super) fn later_than(self, after: Timestamp) -> Self {
        Self { after, ..self }
    }

    /// The sample that is looked at.
    pub(super) fn sample(self) -> Result<&'a Sample, Unmet> {
        self.story.seen.get(self.index).copied().ok_or(Unmet::unknown(Reason::NothingSeen))
    }

    /// Until when that sample holds.
    pub(super) fn until(self) -> Timestamp {
        self.story.seen.get(self.index + 1).map_or(self.story.until, |next| next.at)
    }

    pub(super) fn facts(self) -> Result<&'a Facts, Unmet> {
        self.sample().map(|sample| &sample.facts)
    }

    /// All samples up to that one, oldest first.
    pub(super) fn samples(self) -> impl DoubleEndedIterator<Item = &'a Sample> {
        self.story.seen.iter().take(self.index + 1).copied()
    }

    /// How everything was when what counts began.
    pub(super) fn before(self) -> &'a Facts {
        let before = self.samples().rev().find(|sample| sample.at <= self.after);
        before.map_or(self.story.mark(), |sample| &sample.facts)
    }
}

/// Whether a cluster has told anything of what it was asked for.
fn has_answered(facts: &Facts) -> bool {
    let told = [
        facts.nodes.as_ref().map(|part| part.items.is_some()),
        facts.services.as_ref().map(|part| part.items.is_some()),
        facts.workloads.as_ref().map(|part| part.items.is_some()),
        facts.pods.as_ref().map(|part| part.items.is_some()),
    ];
    // Machines without a cluster are asked one by one.
    told.contains(&Some(true)) || !told.contains(&Some(false))
}

/// Why a condition is not met, or cannot be told.
#[derive(Debug)]
pub(super) struct Unmet {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) seen: Values,
    pub(super) since: Option<Timestamp>,
}

impl Unmet {
    pub(super) fn new(reason: Reason) -> Self {
        Self { outcome: Outcome::NotYet, reason, seen: Values::new(), since: None }
    }

    pub(super) fn lost(reason: Reason) -> Self {
        Self { outcome: Outcome::Lost, ..Self::new(reason) }
    }

    pub(super) fn unknown(reason: Reason) -> Self {
        Self { outcome: Outcome::CannotTell, ..Self::new(reason) }
    }

    pub(super) fn saw(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.seen.insert(name, value.to_string());
        self
    }

    pub(super) fn since(mut self, since: Option<Timestamp>) -> Self {
        self.since = since;
        self
    }
}

/// What was seen, where a condition is met.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) seen: Values,
    /// When it happened; absent for what is so, rather than happens.
    pub(super) at: Option<Timestamp>,
}

impl Met {
    pub(super) fn saw(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.seen.insert(name, value.to_string());
        self
    }

    pub(super) fn happened(at: Timestamp) -> Self {
        Self { at: Some(at), ..Self::default() }
    }
}

/// That something cannot be told, and why.
pub(super) fn unknown(error: &str) -> Unmet {
    Unmet::unknown(Reason::NotKnown).saw("error", error)
}

/// A list of the facts, or that it is not known and why.
pub(super) fn known<T>(part: Option<&Part<T>>) -> Result<&[T], Unmet> {
    let part = part.ok_or_else(|| unknown("it was not asked for"))?;
    let error = part.error.as_deref().unwrap_or("nobody says why");
    part.items.as_deref().ok_or_else(|| unknown(error))
}
