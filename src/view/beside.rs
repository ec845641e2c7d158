//! What the page shows beside a cluster, as plain data: how it stands with the lesson that is done on it, and how requests go
//! that are sent to it all along.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::model::Language;

/// How much of the past the strip of requests shows.
const PAST: SignedDuration = SignedDuration::from_secs(120);

/// All that is beside a cluster. Nothing is there where no lesson is done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Beside {
    /// The lesson that is done on it.
    pub lesson: Option<Lesson>,
    /// The requests that are sent to it.
    pub probe: Option<Probe>,
}

/// How it stands with a lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lesson {
    /// What it is called.
    pub title: String,
    /// What its step is called.
    pub step: String,
    /// Which step it is, from 1 on.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// What is to be done.
    pub goal: String,
    /// The language of all this.
    pub language: Language,
    /// How the step stands; absent as long as nobody has looked.
    pub verdict: Option<Sign>,
    /// What has to be so.
    pub conditions: Vec<Condition>,
}

/// What has to be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// How it stands.
    pub sign: Sign,
    /// In words.
    pub words: String,
    /// What was seen of it, where that decides.
    pub seen: Option<String>,
    /// How many conditions it is a part of.
    pub depth: usize,
}

/// How it stands with a condition, or with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// It is met.
    Passed,
    /// It is not met yet.
    NotYet,
    /// It cannot be met any more, unless the step begins again.
    Lost,
    /// Nothing that was seen tells.
    CannotTell,
    /// Something else comes first.
    Waiting,
}

/// How requests go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// What is asked.
    pub to: String,
    /// How many were answered since it began.
    pub served: u64,
    /// How many were not, or with an error.
    pub dropped: u64,
    /// How long the slowest answer took, in milliseconds.
    pub slowest_ms: u64,
    /// How they went of late, the oldest first.
    pub past: Vec<Span>,
}

/// How requests went for about a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// When it was over, by the clock of the machine that asks.
    pub at: Timestamp,
    /// How long it was, in milliseconds.
    pub ms: u64,
    /// How many were answered.
    pub served: u64,
    /// How many were not.
    pub dropped: u64,
    /// How long those that were answered took together, in milliseconds.
    pub took_ms: u64,
}

/// What a probe had counted at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// What is asked.
    pub to: String,
    /// When it began.
    pub began: Timestamp,
    /// When that was so.
    pub at: Timestamp,
    /// How many were answered.
    pub served: u64,
    /// How many were not.
    pub dropped: u64,
    /// How long those that were answered took together, in milliseconds.
    pub took_ms: u64,
    /// How long the slowest answer took, in milliseconds.
    pub slowest_ms: u64,
}

/// Remembers how requests went.
#[derive(Debug, Default)]
pub struct Strip {
    last: Option<Counts>,
    past: Vec<Span>,
}

impl Strip {
    /// What is to be shown now that a probe has counted that much.
    pub fn look(&mut self, now: Counts) -> Probe {
        let is_same = |last: &&Counts| last.began == now.began && last.served <= now.served;
        if let Some(last) = self.last.as_ref().filter(is_same) {
            let ms = now.at.duration_since(last.at).as_millis();
            // It may not have written again since.
            if let Ok(ms @ 1..) = u64::try_from(ms) {
                self.past.push(Span {
                    at: now.at,
                    ms,
                    served: now.served - last.served,
                    dropped: now.dropped.saturating_sub(last.dropped),
                    took_ms: now.took_ms.saturating_sub(last.took_ms),
                });
            }
        } else {
            self.past.clear();
        }
        self.past.retain(|span| now.at.duration_since(span.at) <= PAST);
        let Counts { to, served, dropped, slowest_ms, .. } = now.clone();
        self.last = Some(now);
        Probe { to, served, dropped, slowest_ms, past: self.past.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(second: i64, served: u64, dropped: u64) -> Counts {
        let at = |second| Timestamp::from_second(second).unwrap();
        let to = "http://nodes/".to_owned();
        let (took_ms, slowest_ms) = (served * 3, 9);
        Counts { to, began: at(1), at: at(second), served, dropped, took_ms, slowest_ms }
    }

    #[test]
    fn a_strip_shows_what_came_in_between() {
        let mut strip = Strip::default();
        assert!(strip.look(counts(10, 100, 0)).past.is_empty());
        let probe = strip.look(counts(12, 140, 5));
        let span = Span { served: 40, dropped: 5, took_ms: 120, ms: 2000, at: counts(12, 0, 0).at };
        assert_eq!((probe.served, probe.dropped, &probe.past[..]), (140, 5, &[span][..]));
        // Nothing has come since.
        assert_eq!(strip.look(counts(12, 140, 5)).past.len(), 1);
        // What is long past goes.
        assert_eq!(strip.look(counts(140, 190, 5)).past.len(), 1);
        // Another probe of the next step.
        let next = Counts { began: Timestamp::from_second(141).unwrap(), ..counts(142, 3, 0) };
        assert!(strip.look(next).past.is_empty());
    }
}
