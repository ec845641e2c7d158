//! Where machines come from, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most characters of a driver's name; it is a part of a program's name.
const LONGEST: usize = 32;

/// Where machines come from: one of the drivers inside, or a program named `dojo-driver-NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DriverName {
    /// Containers of a Docker engine.
    #[default]
    Docker,
    /// Instances of Amazon EC2.
    Ec2,
    /// Hosts that are there already.
    Ssh,
    /// Nowhere: for tests of the command line.
    #[cfg(feature = "fake")]
    Fake,
    /// Wherever a program of somebody else makes them.
    External(String),
}

impl DriverName {
    /// Whether options of another driver mean something for machines from here.
    pub fn heeds_options_of(&self, other: &Self) -> bool {
        // Tests of the command line have nothing to lose.
        #[cfg(feature = "fake")]
        if *self == Self::Fake && *other == Self::Docker {
            return true;
        }
        self == other
    }
}

impl FromStr for DriverName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        match text {
            "docker" => Ok(Self::Docker),
            "ec2" => Ok(Self::Ec2),
            "ssh" => Ok(Self::Ssh),
            #[cfg(feature = "fake")]
            "fake" => Ok(Self::Fake),
            other
                if other.starts_with(|c: char| c.is_ascii_lowercase())
                    && other.len() <= LONGEST
                    && other.chars().all(plain) =>
            {
                Ok(Self::External(other.to_owned()))
            }
            other => Err(format!(
                "`{other}` is not a driver: expected docker, ec2, ssh or the NAME of a program \
                 `dojo-driver-NAME`, of lower-case letters, digits and hyphens"
            )),
        }
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Docker => "docker",
            Self::Ec2 => "ec2",
            Self::Ssh => "ssh",
            #[cfg(feature = "fake")]
            Self::Fake => "fake",
            Self::External(name) => name,
        })
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
        name.to_string()
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
        assert_eq!("podbox".parse(), Ok(DriverName::External("podbox".to_owned())));
        for bad in ["", "Docker", "../x", "a b", "2go", &"x".repeat(33)] {
            assert!(bad.parse::<DriverName>().is_err(), "{bad}");
        }
    }
}
