//! How long a fault lasts, if nobody undoes it before.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A machine needs a moment to be broken, and a day later nobody remembers.
const SHORTEST: u64 = 5;
const LONGEST: u64 = 24 * 60 * 60;

/// How long a fault lasts: `90s`, `10m`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(Duration);

impl Limit {
    /// The time.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(Duration::from_secs(30 * 60))
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.chars().next_back().and_then(|unit| {
            let factor = match unit {
                's' => 1,
                'm' => 60,
                'h' => 60 * 60,
                _ => return None,
            };
            text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(factor)
        });
        let seconds = seconds.filter(|seconds| (SHORTEST..=LONGEST).contains(seconds));
        seconds.map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(|| {
            format!(
                "`{text}` is not a time for a fault: write it as 90s, 10m or 2h, from 5s to 24h"
            )
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            s if s % 3600 == 0 => f.pad(&format!("{}h", s / 3600)),
            s if s % 60 == 0 => f.pad(&format!("{}m", s / 60)),
            s => f.pad(&format!("{s}s")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_as_meant() {
        for (text, written) in [("90s", "90s"), ("10m", "10m"), ("120m", "2h"), ("24h", "24h")] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), written);
        }
        for bad in ["", "s", "4s", "25h", "10", "-1m", "1 m", "1d", "99999999999999999999h", "3é"]
        {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
        assert_eq!(Limit::default().to_string(), "30m");
    }
}
