//! What tells that something fetched is what was meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The fingerprint of an `OpenPGP` key, 40 hexadecimal digits (RFC 9580, 5.5.4.2), as `gpg --show-keys` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

/// A SHA-256 sum, 64 hexadecimal digits, as `sha256sum` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Sum(String);

/// The digits, if it is so many of them; people group them in several ways.
fn digits(text: &str, number: usize) -> Option<String> {
    let bare: String = text.chars().filter(|c| !c.is_whitespace() && *c != ':').collect();
    let bare = bare.strip_prefix("0x").unwrap_or(&bare);
    let is_it = bare.len() == number && bare.bytes().all(|b| b.is_ascii_hexdigit());
    is_it.then(|| bare.to_owned())
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        digits(text, 40).map(|digits| Self(digits.to_uppercase())).ok_or_else(|| {
            format!(
                "`{text}` is not the fingerprint of a key: it has 40 hexadecimal digits, and \
                 `gpg --show-keys FILE` prints it"
            )
        })
    }
}

impl FromStr for Sha256Sum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        digits(text, 64).map(|digits| Self(digits.to_lowercase())).ok_or_else(|| {
            format!(
                "`{text}` is not a SHA-256 sum: it has 64 hexadecimal digits, and `sha256sum FILE` prints it"
            )
        })
    }
}

macro_rules! text {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}

text!(Fingerprint);
text!(Sha256Sum);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_however_they_are_grouped() {
        let bare = "DE15B14486CD377B9E876E1A234654DA9A296436";
        for text in [bare, &bare.to_lowercase(), "0xDE15B14486CD377B9E876E1A234654DA9A296436"] {
            assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), bare);
        }
        let grouped = "DE15 B144 86CD 377B 9E87  6E1A 2346 54DA 9A29 6436";
        assert_eq!(grouped.parse::<Fingerprint>().unwrap().to_string(), bare);
        for bad in
            ["", "9A296436", "234654DA9A296436", &bare.replace('D', "G"), &format!("{bare}0")]
        {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
        let sum = "Ab".repeat(32);
        assert_eq!(sum.parse::<Sha256Sum>().unwrap().to_string(), "ab".repeat(32));
        assert!(bare.parse::<Sha256Sum>().is_err());
    }
}
