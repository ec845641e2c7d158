//! Amounts of memory and processor, as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why an amount was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuantity {
    /// Not an amount of memory.
    #[error("`{0}` is not an amount of memory: write it as 512MiB, 2GiB or 2GB")]
    Bytes(String),
    /// Not a number of processors.
    #[error("`{0}` is not a number of processors: write it as 2 or 0.5")]
    Cpus(String),
}

/// An amount of memory, in bytes. Written `512MiB` or `2GiB`. Understood are also `512Mi` and `2Gi` as in Kubernetes,
/// docker's `512m` and `2g`, which mean the same powers of two, and `512MB` and `2GB`, which are powers of ten (IEC
/// 80000-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MB: u64 = 1_000_000;
const GB: u64 = 1_000_000_000;

impl FromStr for Bytes {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let invalid = || InvalidQuantity::Bytes(text.to_owned());
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let (number, unit) = text.split_at(digits);
        let unit = match unit {
            "MiB" | "Mi" | "m" | "M" => MIB,
            "GiB" | "Gi" | "g" | "G" => GIB,
            "MB" => MB,
            "GB" => GB,
            _ => return Err(invalid()),
        };
        let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        bytes.filter(|b| *b > 0).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes % GIB == 0 => write!(f, "{}GiB", bytes / GIB),
            bytes if bytes % MIB == 0 => write!(f, "{}MiB", bytes / MIB),
            bytes if bytes % GB == 0 => write!(f, "{}GB", bytes / GB),
            bytes => write!(f, "{}MB", bytes / MB),
        }
    }
}

impl TryFrom<String> for Bytes {
    type Error = InvalidQuantity;

    fn try_from(text: String) -> Result<Self, InvalidQuantity> {
        text.parse()
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        bytes.to_string()
    }
}

/// A number of processors, in thousandths, so that `0.5` is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Cpus {
    /// Thousandths of a processor.
    pub milli: u32,
}

impl TryFrom<f64> for Cpus {
    type Error = InvalidQuantity;

    fn try_from(number: f64) -> Result<Self, InvalidQuantity> {
        if !(0.001..=1024.0).contains(&number) {
            return Err(InvalidQuantity::Cpus(number.to_string()));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "range checked"
        )]
        Ok(Self { milli: (number * 1000.0).round() as u32 })
    }
}

impl FromStr for Cpus {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let number: f64 = text.parse().map_err(|_| InvalidQuantity::Cpus(text.to_owned()))?;
        Self::try_from(number)
    }
}

impl From<Cpus> for f64 {
    fn from(cpus: Cpus) -> Self {
        Self::from(cpus.milli) / 1000.0
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(*self))
    }
}

/// So many of something: "1 volume", "2 volumes".
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_reads_back_as_written() {
        for text in ["512MiB", "2GiB", "1536MiB", "2GB", "1500MB"] {
            assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
        }
        for same in ["2g", "2G", "2Gi", "2048m", "2048Mi"] {
            assert_eq!(same.parse::<Bytes>().unwrap(), Bytes(2 << 30), "{same}");
        }
        for bad in ["", "2", "GiB", "-1GiB", "0GiB", "2 GiB", "99999999999999999999GiB", "2TB"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn processors_are_exact_thousandths() {
        assert_eq!("0.5".parse::<Cpus>().unwrap().milli, 500);
        for bad in ["0", "-1", "nan", "inf", "two", "4096"] {
            assert!(bad.parse::<Cpus>().is_err(), "{bad}");
        }
    }
}
