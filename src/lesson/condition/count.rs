//! How many something is to be.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// `2`, `">=2"` or `"<=2"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exactly(u32),
    /// So many or more.
    AtLeast(u32),
    /// So many or fewer.
    AtMost(u32),
}

impl Count {
    /// Whether so many are too few.
    pub(super) fn has_too_few(self, number: usize) -> bool {
        match self {
            Self::Exactly(least) | Self::AtLeast(least) => number < least as usize,
            Self::AtMost(_) => false,
        }
    }

    /// Whether so many are too many.
    pub(super) fn has_too_many(self, number: usize) -> bool {
        match self {
            Self::Exactly(most) | Self::AtMost(most) => number > most as usize,
            Self::AtLeast(_) => false,
        }
    }

    /// Whether so many are right.
    pub(super) fn fits(self, number: usize) -> bool {
        !self.has_too_few(number) && !self.has_too_many(number)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(number) => write!(f, "{number}"),
            Self::AtLeast(number) => write!(f, ">={number}"),
            Self::AtMost(number) => write!(f, "<={number}"),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number like 2, \">=2\" or \"<=2\"")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Count, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Count, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Count, E> {
                let (make, number): (fn(u32) -> Count, &str) =
                    match (text.strip_prefix(">="), text.strip_prefix("<=")) {
                        (Some(number), _) => (Count::AtLeast, number),
                        (_, Some(number)) => (Count::AtMost, number),
                        (None, None) => (Count::Exactly, text),
                    };
                let refused = |_| {
                    E::custom(format!("`{text}` is no number: expected one like 2, >=2 or <=2"))
                };
                number.trim().parse().map(make).map_err(refused)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_or_limits() {
        let read = |text: &str| serde_json::from_str::<Count>(text);
        let fits = |text: &str| (0..4).filter(|n| read(text).unwrap().fits(*n)).collect::<Vec<_>>();
        assert_eq!(fits("2"), [2]);
        assert_eq!(fits("\">=2\""), [2, 3]);
        assert_eq!(fits("\"<= 1\""), [0, 1]);
        assert_eq!(read("\">=2\"").unwrap().to_string(), ">=2");
        for wrong in ["-1", "\">2\"", "\"\"", "[]", "1.5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
