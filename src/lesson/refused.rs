//! Where in which file something is wrong.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_saphyr::Location;

use crate::yaml;

/// Why a lesson was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", if *line == 0 { String::new() } else { format!(":{line}:{column}") })]
pub struct Refused {
    /// Which file of its folder.
    pub file: String,
    /// Where, counted from 1; 0 where it is about the file as a whole.
    pub line: u64,
    /// Where in that line, counted from 1.
    pub column: u64,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl At {
    pub(super) fn refuse(self, file: &str, problem: impl fmt::Display) -> Refused {
        let (file, problem) = (file.to_owned(), problem.to_string());
        Refused { file, line: self.line, column: self.column, problem }
    }

    /// A place that YAML tells, in a file where it begins with the second line.
    pub(super) fn in_front(location: Location) -> Self {
        Self { line: location.line() + 1, column: location.column() }
    }
}

/// Reads the YAML at the head of a file, after its first line.
pub(super) fn typed<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Refused> {
    yaml::read(text).map_err(|error| At::in_front(error.place).refuse(file, error.problem))
}
