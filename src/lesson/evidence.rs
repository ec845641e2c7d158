//! What is known of a learner's work on a step: plain data that can be kept, sent and judged again.
//!
//! All moments are of the cluster's clock, since what the cluster tells of tasks and containers is so too.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::Facts;

use super::look::Looked;

/// What was seen since a step began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// The lesson.
    pub lesson: String,
    /// Its step.
    pub step: String,
    /// When the step began, and how everything was then. Only what is newer counts.
    pub since: Mark,
    /// What was seen, oldest first. Each holds until the next one, so that changes are enough.
    pub seen: Vec<Sample>,
    /// Until when somebody looked; if absent, until the last sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When nobody looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// What the learner has answered, by the key of the question.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, Answer>,
}

/// How everything was when a step began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// How it was.
    pub facts: Facts,
    /// What was found on machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Looked>,
}

/// How everything was at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How it was.
    pub facts: Facts,
    /// What was found on machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Looked>,
}

/// A time in which nobody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// What a learner has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// The words; of a question with options, the keys of those that were chosen.
    pub said: Vec<String>,
}
