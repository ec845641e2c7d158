//! With which status something ends.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// `0` or `"!=0"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// With this one.
    Is(i64),
    /// With any other.
    IsNot(i64),
}

impl Exit {
    pub(super) fn fits(self, status: i64) -> bool {
        match self {
            Self::Is(wanted) => status == wanted,
            Self::IsNot(unwanted) => status != unwanted,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(status) => write!(f, "{status}"),
            Self::IsNot(status) => write!(f, "!={status}"),
        }
    }
}

impl<'de> Deserialize<'de> for Exit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Exit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status like 0 or \"!=0\"")
            }

            fn visit_u64<E: Error>(self, status: u64) -> Result<Exit, E> {
                self.visit_str(&status.to_string())
            }

            fn visit_i64<E: Error>(self, status: i64) -> Result<Exit, E> {
                self.visit_str(&status.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Exit, E> {
                let (make, status): (fn(i64) -> Exit, &str) = match text.strip_prefix("!=") {
                    Some(status) => (Exit::IsNot, status),
                    None => (Exit::Is, text),
                };
                let refused =
                    |_| E::custom(format!("`{text}` is no status: expected one like 0 or !=0"));
                status.trim().parse().map(make).map_err(refused)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_wanted_or_unwanted() {
        let read = |text: &str| serde_json::from_str::<Exit>(text);
        let fits = |text: &str| [0, 1, -1].map(|status| read(text).unwrap().fits(status));
        assert_eq!(fits("0"), [true, false, false]);
        assert_eq!(fits("-1"), [false, false, true]);
        assert_eq!(fits("\"!=0\""), [false, true, true]);
        for wrong in ["\">0\"", "[]", "\"\"", "1.5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
