//! Names within lessons.

use std::fmt;

use serde::Deserialize;

/// The name of a step, a parameter, a question or an option: `too-slow`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Name(pub(super) String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused =
            || format!("`{text}` is no name: expected lower-case letters, digits and hyphens");
        if is_name(&text) { Ok(Self(text)) } else { Err(refused()) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(fits) && text.len() <= 40
}

/// The name of a lesson: `swarm/replicas`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct LessonName(pub(super) String);

impl TryFrom<String> for LessonName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits =
            text.split_once('/').is_some_and(|(track, name)| is_name(track) && is_name(name));
        let refused = || format!("`{text}` is no lesson: expected one like swarm/replicas");
        if fits { Ok(Self(text)) } else { Err(refused()) }
    }
}
