//! YAML that people write. What is wrong with it is told in one line, apart from where it stands.

use serde::de::DeserializeOwned;
use serde_saphyr::Location;

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {problem}", place.line(), place.column())]
pub struct Refused {
    /// Where, counted from 1.
    pub place: Location,
    /// What is wrong, without the place.
    pub problem: String,
}

/// What the library calls numbers, which is nothing to those who write YAML.
const NUMBERS: [&str; 5] =
    ["invalid u16", "invalid u32", "invalid i64", "invalid i32", "invalid usize"];

/// What it says to programmers only.
const FOR_PROGRAMMERS: &str = ", set DuplicateKeyPolicy in Options if acceptable";

/// Reads a text.
///
/// # Errors
/// [`Refused`], if it is no YAML, or not of that type.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Refused> {
    // A multi-line excerpt of the text does not belong in a one-line error.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().unwrap_or(Location::UNKNOWN);
        let told = error.without_snippet().to_string();
        let at = format!(" at line {}, column {}", place.line(), place.column());
        let problem = told.replace(&at, "").replace(FOR_PROGRAMMERS, "");
        let is_number = NUMBERS.contains(&problem.as_str());
        let problem = if is_number { "expected a whole number".to_owned() } else { problem };
        Refused { place, problem }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_for_people() {
        let told = |text: &str| read::<BTreeMap<String, u16>>(text).unwrap_err().to_string();
        assert_eq!(told("a: 1\nb: x\n"), "2:4: expected a whole number");
        assert_eq!(told("a: 1\na: 2\n"), "2:1: duplicate mapping key: a");
        assert!(told("a: *b\n").starts_with("1:4: "));
    }
}
