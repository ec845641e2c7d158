//! What a machine lacks of a snapshot.

use std::fmt;

/// What a machine lacks of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// All of it: it was made anew since, or the files were removed.
    Absent,
    /// Files of it have changed.
    Damaged,
    /// What it has is of another moment.
    Other,
    /// It does not answer.
    Silent,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "has nothing of it",
            Self::Damaged => "has it damaged",
            Self::Other => "has it from another time",
            Self::Silent => "does not answer",
        })
    }
}
