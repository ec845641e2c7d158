//! Where in which file something is wrong.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_saphyr::Location;

/// Why a lesson was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
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
    // A multi-line excerpt of the file does not belong in a one-line error.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let location = error.location().unwrap_or(Location::UNKNOWN);
        let message = error.without_snippet().to_string();
        // The place is told apart from the problem, so it need not stand in the text again.
        let at = format!(" at line {}, column {}", location.line(), location.column());
        let message = message.replace(&at, "");
        // What Rust calls a number is nothing to those who write lessons.
        let is_number = ["invalid u16", "invalid i64", "invalid i32", "invalid usize"];
        let is_number = is_number.contains(&message.as_str());
        let message = if is_number { "expected a whole number" } else { message.as_str() };
        At::in_front(location).refuse(file, message)
    })
}
