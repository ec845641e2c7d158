//! What is looked at on machines, as data, and what was found there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something to be looked at on a machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// A file: how many lines it has, and its end.
    File {
        /// Where it is.
        path: String,
    },
    /// A unit of systemd.
    Unit {
        /// Its name.
        unit: String,
    },
    /// The lines of a journal since the step began that fit.
    Journal {
        /// The unit that has written them.
        unit: String,
        /// An extended regular expression.
        #[serde(rename = "match")]
        pattern: String,
    },
    /// A script for bash.
    Script {
        /// Its text.
        run: String,
    },
    /// What the probe of the step has counted.
    Probe,
}

/// What was seen of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// Its name.
    pub machine: String,
    /// What was looked at.
    pub look: Look,
    /// What was found.
    pub found: Found,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// A file.
    File {
        /// How many lines it has.
        lines: u64,
        /// Its end, or all of it.
        text: String,
    },
    /// There is no such file.
    Missing,
    /// A unit, in the words of systemd.
    Unit {
        /// `loaded`, or `not-found`.
        load: String,
        /// `active`, `inactive`, `failed`, `activating` or `deactivating`.
        active: String,
        /// More of that: `running`, `exited`, `dead`.
        sub: String,
    },
    /// Lines of a journal, oldest first.
    Journal {
        /// The last ones.
        lines: Vec<Line>,
    },
    /// A script has run.
    Script {
        /// Its status.
        exit: i32,
        /// The first line that it has printed.
        said: String,
    },
    /// It could not be looked at.
    Failed {
        /// Why.
        error: String,
    },
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub text: String,
}
