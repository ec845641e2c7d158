//! How long something takes, as lessons write it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// `5s`, `2.5s`, `50ms` or `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Time(pub Duration);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("`{text}` is no time: expected one like 5s, 2.5s or 2m");
        let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0)];
        let mut units = units.into_iter();
        let found = units.find_map(|(unit, times)| Some((text.strip_suffix(unit)?, times)));
        let (number, unit) = found.ok_or_else(refused)?;
        if !number.starts_with(|c: char| c.is_ascii_digit())
            || !number.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            return Err(refused());
        }
        let number: f64 = number.parse().map_err(|_| refused())?;
        let time = Duration::try_from_secs_f64(number * unit).map_err(|_| refused())?;
        // Longer than a lesson can be, and short enough for all that is reckoned with it.
        (time <= Duration::from_secs(24 * 3600)).then_some(Self(time)).ok_or_else(refused)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_minutes() {
        let read = |text: &str| text.parse::<Time>().map(|time| time.0.as_millis());
        assert_eq!(read("5s"), Ok(5000));
        assert_eq!(read("2.5s"), Ok(2500));
        assert_eq!(read("2m"), Ok(120_000));
        assert_eq!(read("50ms"), Ok(50));
        for wrong in ["", "s", "5", "5 s", "-1s", "1h", ".5s", "1e3s", "2.5.1s", "999999m"] {
            assert!(read(wrong).unwrap_err().contains("2.5s"), "{wrong}");
        }
        assert_eq!("2.50s".parse::<Time>().unwrap().to_string(), "2.5s");
    }
}
