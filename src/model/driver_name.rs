//! Where machines come from, by name.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters of a driver's name; it is a part of a program's name.
const LONGEST: usize = 32;

/// Where machines come from: the name of a driver. Which of them are inside, `driver::registry` knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DriverName(Cow<'static, str>);

impl DriverName {
    /// A name that stands in the source, where it is known to be one.
    pub const fn fixed(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The first there was. Records of that time do not name it.
    pub const fn first() -> Self {
        Self::fixed("docker")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DriverName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= LONGEST
            && text.chars().all(plain);
        if is_name {
            return Ok(Self(Cow::Owned(text.to_owned())));
        }
        Err(format!(
            "`{text}` is not the name of a driver: it has up to {LONGEST} lower-case letters, digits and hyphens, and \
             begins with a letter"
        ))
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for DriverName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DriverName> for String {
    fn from(name: DriverName) -> Self {
        name.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_written() {
        for text in ["docker", "ec2", "ssh", "pod-box2"] {
            assert_eq!(text.parse::<DriverName>().unwrap().to_string(), text);
        }
        assert_eq!("docker".parse(), Ok(DriverName::fixed("docker")));
        for bad in ["", "Docker", "../x", "a b", "2go", &"x".repeat(33)] {
            assert!(bad.parse::<DriverName>().is_err(), "{bad}");
        }
    }
}
