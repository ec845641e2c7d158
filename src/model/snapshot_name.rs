//! The name of a snapshot.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::name::InvalidName;

/// What a snapshot of a cluster is called. It becomes the name of a directory on each machine, so it is a word in which
/// no path can hide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotName(String);

impl SnapshotName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 40;
}

impl FromStr for SnapshotName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let valid = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text.chars().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Snapshot(text.to_owned())) }
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for SnapshotName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<SnapshotName> for String {
    fn from(name: SnapshotName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_snapshots_are_words_and_no_paths() {
        for good in ["a", "7", "before-lunch", "Lesson-2", &"a".repeat(40)] {
            let name: SnapshotName = good.parse().unwrap();
            assert_eq!(name.to_string(), good);
        }
        for bad in
            ["", "-x", "x-", ".", "..", "a/b", "a.new", "two words", "a_b", "ä", &"a".repeat(41)]
        {
            assert!(bad.parse::<SnapshotName>().is_err(), "{bad}");
        }
    }
}
