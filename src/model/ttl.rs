//! How long machines live.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long machines live unless told otherwise: a long day of lessons.
const TTL: Duration = Duration::from_secs(8 * 60 * 60);

/// How long a machine lives: `3h`, `90m`, or `none` for as long as nobody removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl(Option<Duration>);

impl Ttl {
    /// The time, unless it is without end.
    pub fn duration(self) -> Option<Duration> {
        self.0
    }
}

impl Default for Ttl {
    fn default() -> Self {
        Self(Some(TTL))
    }
}

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a time to live: write it as 3h, 90m or 2d, from a minute to 30 days, or none"
            )
        };
        if text == "none" {
            return Ok(Self(None));
        }
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let minutes = match unit {
            'm' => 1,
            'h' => 60,
            'd' => 24 * 60,
            _ => return Err(wrong()),
        };
        let number = text.strip_suffix(unit).and_then(|n| n.parse::<u32>().ok());
        let minutes = number.and_then(|n| n.checked_mul(minutes)).ok_or_else(wrong)?;
        if !(1..=30 * 24 * 60).contains(&minutes) {
            return Err(wrong());
        }
        Ok(Self(Some(Duration::from_secs(u64::from(minutes) * 60))))
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|ttl| ttl.as_secs() / 60) {
            None => f.pad("none"),
            Some(minutes) if minutes % 60 == 0 => f.pad(&format!("{}h", minutes / 60)),
            Some(minutes) => f.pad(&format!("{minutes}m")),
        }
    }
}

impl TryFrom<String> for Ttl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ttl> for String {
    fn from(ttl: Ttl) -> Self {
        ttl.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_live_read_back_as_meant() {
        for (text, written) in
            [("3h", "3h"), ("90m", "90m"), ("120m", "2h"), ("2d", "48h"), ("none", "none")]
        {
            assert_eq!(text.parse::<Ttl>().unwrap().to_string(), written);
        }
        for bad in ["", "h", "0h", "3", "-1h", "31d", "3 h", "99999999999h", "3é"] {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
        assert_eq!(Ttl::default().to_string(), "8h");
    }
}
