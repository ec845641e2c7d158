//! What a look at the surroundings found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Clusters work, but something in them will not.
    Warning,
    /// No cluster can be made until this is mended.
    Problem,
}

/// One thing that `dojo doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What was looked at, in a word or two: `engine`, `kernel ip_vs`.
    pub subject: String,
    /// What was seen.
    pub detail: String,
    /// What to do about it; names a command where there is one.
    pub fix: Option<String>,
}

impl Finding {
    /// All is well with `subject`.
    pub fn ok(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { level: Level::Ok, subject: subject.into(), detail: detail.into(), fix: None }
    }

    /// Clusters work, but something in them will not.
    pub fn warning(
        subject: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fix = Some(fix.into());
        Self { level: Level::Warning, subject: subject.into(), detail: detail.into(), fix }
    }

    /// No cluster can be made until this is mended.
    pub fn problem(
        subject: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fix = Some(fix.into());
        Self { level: Level::Problem, subject: subject.into(), detail: detail.into(), fix }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)?;
        match &self.fix {
            Some(fix) => write!(f, " ({fix})"),
            None => Ok(()),
        }
    }
}
