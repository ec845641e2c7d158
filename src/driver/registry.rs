//! The drivers inside, one line for each. Whatever else is called a driver is a program of somebody else.

use std::ops::Deref;

use super::{Error, Kind, docker, ec2, external, ssh};
use crate::model::DriverName;

/// The drivers inside. Their flags stand in this order in help, and the first one is meant where none is named.
static INSIDE: &[&dyn Kind] = &[
    &docker::Docker,
    &ec2::Ec2,
    &ssh::Ssh,
    #[cfg(feature = "fake")]
    &super::fake::Fake,
    #[cfg(feature = "fake")]
    &super::toy::Toy,
];

/// The drivers inside.
pub fn inside() -> impl Iterator<Item = &'static dyn Kind> {
    INSIDE.iter().copied()
}

/// The driver inside of that name, if there is one.
pub fn find(name: &str) -> Option<&'static dyn Kind> {
    inside().find(|kind| kind.name().as_str() == name)
}

/// The driver of that name: one inside, or a program.
pub fn kind(name: &DriverName) -> Known {
    find(name.as_str()).map_or_else(|| Known::Outside(external::External::new(name)), Known::Inside)
}

/// The driver that is meant where none is named.
pub fn default() -> DriverName {
    INSIDE[0].name()
}

/// The same error without the programs of drivers inside among those that there are instead: nobody who asks for
/// another one has those in mind that are known anyway.
#[must_use]
pub fn but_inside(error: Error) -> Error {
    match error {
        Error::Absent { name, mut found, help } => {
            found.retain(|name| find(name).is_none());
            Error::Absent { name, found, help }
        }
        other => other,
    }
}

/// Reads the name of a driver, as users write it.
///
/// # Errors
/// That it cannot be one, and which there are.
pub fn read_name(text: &str) -> Result<DriverName, String> {
    text.parse().map_err(|_| {
        let known = inside().filter(|kind| !kind.is_for_tests()).map(|kind| kind.name().to_string());
        format!(
            "`{text}` is not a driver: expected {} or the NAME of a program `dojo-driver-NAME`, of lower-case letters, \
             digits and hyphens",
            known.collect::<Vec<_>>().join(", ")
        )
    })
}

/// What is known of a driver.
pub enum Known {
    /// It is inside.
    Inside(&'static dyn Kind),
    /// It is a program.
    Outside(external::External),
}

impl Known {
    /// Whether it is a program of somebody else, of which nothing is known here.
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::Outside(_))
    }
}

impl Deref for Known {
    type Target = dyn Kind;

    fn deref(&self) -> &(dyn Kind + 'static) {
        match self {
            Self::Inside(kind) => *kind,
            Self::Outside(external) => external,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_flags_are_told_apart() {
        let (mut names, mut flags) = (BTreeSet::new(), BTreeSet::new());
        for kind in inside() {
            assert!(names.insert(kind.name()), "{}", kind.name());
            assert!(kind.name().to_string().parse::<DriverName>().is_ok(), "{}", kind.name());
            for flag in kind.flags() {
                assert!(flags.insert(flag.name), "{}", flag.name);
            }
        }
        assert_eq!(default().as_str(), "docker");
        assert!(kind(&DriverName::fixed("podbox")).is_outside());
    }

    #[test]
    fn every_flag_sets_an_option_that_there_is() {
        for kind in inside() {
            for flag in kind.flags() {
                let section = serde_json::json!({ flag.key: { "no": ["such", "value"] } });
                let refused = (kind.shape().admit)(section).err().unwrap_or_default();
                assert!(!refused.contains("unknown field"), "--{}: {refused}", flag.name);
            }
        }
    }
}
