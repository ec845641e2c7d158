//! What is told of a condition: data without sentences.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::reason::Reason;

/// How it stands with a condition, or with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is met.
    Passed,
    /// It can still be met.
    NotYet,
    /// It cannot be met any more, unless the step begins again.
    Lost,
    /// What would tell is not in the evidence.
    CannotTell,
}

/// Named values, as a sentence needs them.
pub type Values = BTreeMap<&'static str, String>;

/// What is told of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Which one, as lessons name it: `swarm.service`.
    pub condition: &'static str,
    /// How it stands.
    pub outcome: Outcome,
    /// Why, if it is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What the lesson wants.
    pub wanted: Values,
    /// What was seen of it.
    pub seen: Values,
    /// Since when it stands so.
    pub since: Option<Timestamp>,
    /// The command that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
    /// The conditions within it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Told>,
}

impl Told {
    pub(super) fn new(condition: &'static str, outcome: Outcome, reason: Option<Reason>) -> Self {
        Self {
            condition,
            outcome,
            reason,
            wanted: Values::new(),
            seen: Values::new(),
            since: None,
            look: None,
            parts: Vec::new(),
        }
    }

    /// Whether it is met.
    pub fn is_passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// Tells what scripts have said in other words, where there are some.
    pub fn reword(&mut self, words: &impl Fn(&str) -> Option<String>) {
        if let Some(said) = self.seen.get_mut("said")
            && let Some(told) = words(said)
        {
            *said = told;
        }
        self.parts.iter_mut().for_each(|part| part.reword(words));
    }

    /// The condition without parts that decided: the first one in the order of the lesson that stands as the whole does.
    pub fn deciding(&self) -> &Self {
        let part = self.parts.iter().find(|part| part.outcome == self.outcome);
        match part {
            Some(part) if self.reason.is_none() || self.reason == part.reason => part.deciding(),
            _ => self,
        }
    }
}
