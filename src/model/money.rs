//! What machines cost.

use std::fmt;
use std::iter::Sum;
use std::ops::Mul;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const MILLION: f64 = 1e6;
/// More than this is a slip of the pen.
const MOST: f64 = 1e6;

/// An amount of US dollars, exact to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(into = "f64", try_from = "f64")]
pub struct Dollars {
    millionths: u64,
}

impl Dollars {
    /// What comes together in a time at so much an hour.
    #[must_use]
    pub fn for_the(self, time: Duration) -> Self {
        let exact = u128::from(self.millionths) * u128::from(time.as_secs()) / 3600;
        Self { millionths: u64::try_from(exact).unwrap_or(u64::MAX) }
    }
}

impl TryFrom<f64> for Dollars {
    type Error = String;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was looked at"
    )]
    fn try_from(amount: f64) -> Result<Self, String> {
        if (0.0..=MOST).contains(&amount) {
            return Ok(Self { millionths: (amount * MILLION).round() as u64 });
        }
        Err(format!("`{amount}` is not an amount of dollars from 0 to {MOST}"))
    }
}

impl From<Dollars> for f64 {
    #[expect(clippy::cast_precision_loss, reason = "millionths of a million fit")]
    fn from(amount: Dollars) -> Self {
        amount.millionths as Self / MILLION
    }
}

impl FromStr for Dollars {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number: f64 = text
            .parse()
            .map_err(|_| format!("`{text}` is not an amount of dollars: write it as 0.50 or 2"))?;
        Self::try_from(number)
    }
}

/// In cents; in tenths of them below ten cents.
impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = f64::from(*self);
        if amount < 0.1 { write!(f, "${amount:.3}") } else { write!(f, "${amount:.2}") }
    }
}

impl Sum for Dollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self { millionths: amounts.map(|amount| amount.millionths).sum() }
    }
}

impl Mul<u64> for Dollars {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self { millionths: self.millionths.saturating_mul(times) }
    }
}

/// What a machine costs while it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// For an hour in which it is on.
    pub hourly: Dollars,
    /// Since when it is there.
    pub since: Timestamp,
}

impl Cost {
    /// What it has cost until then; less, if it was off in the meantime.
    pub fn until(&self, then: Timestamp) -> Dollars {
        let time = Duration::try_from(then.duration_since(self.since));
        self.hourly.for_the(time.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_back_as_written() {
        for (text, written) in
            [("0.0418", "$0.042"), ("1", "$1.00"), ("0.165", "$0.17"), ("12.3456", "$12.35")]
        {
            assert_eq!(text.parse::<Dollars>().unwrap().to_string(), written);
        }
        for bad in ["", "$1", "-1", "1e9", "NaN", "1,50"] {
            assert!(bad.parse::<Dollars>().is_err(), "{bad}");
        }
        let kept = serde_json::to_string(&"0.0418".parse::<Dollars>().unwrap()).unwrap();
        assert_eq!(kept, "0.0418");
    }

    #[test]
    fn a_machine_costs_by_the_hour() {
        let since: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let cost = Cost { hourly: "0.05".parse().unwrap(), since };
        assert_eq!(cost.until("2030-01-01T08:30:00Z".parse().unwrap()).to_string(), "$0.42");
        assert_eq!(cost.until(since), Dollars::default());
        assert_eq!(cost.until("2029-12-31T23:00:00Z".parse().unwrap()), Dollars::default());
    }
}
