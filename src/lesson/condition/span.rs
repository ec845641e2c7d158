//! How long something may take.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::lesson::time::Time;

/// `">=3s"`, `"<8s"` or `"2.4s..3s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span {
    least: Option<Time>,
    most: Option<Time>,
    /// Whether `most` itself is too long.
    is_open: bool,
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused =
            || format!("`{text}` says not how long: expected one like >=3s, <8s or 2.4s..3s");
        let time = |text: &str| text.trim().parse::<Time>().map_err(|_| refused());
        if let Some((least, most)) = text.split_once("..") {
            let (least, most) = (time(least)?, time(most)?);
            return if least <= most {
                Ok(Self { least: Some(least), most: Some(most), is_open: false })
            } else {
                Err(refused())
            };
        }
        if let Some(least) = text.strip_prefix(">=") {
            return Ok(Self { least: Some(time(least)?), most: None, is_open: false });
        }
        if let Some(most) = text.strip_prefix("<=") {
            return Ok(Self { least: None, most: Some(time(most)?), is_open: false });
        }
        let most = text.strip_prefix('<').ok_or_else(refused)?;
        Ok(Self { least: None, most: Some(time(most)?), is_open: true })
    }
}

impl Span {
    pub(super) fn fits(self, took: Duration) -> bool {
        self.least.is_none_or(|least| took >= least.0)
            && self.most.is_none_or(|most| took < most.0 || took == most.0 && !self.is_open)
    }
}

impl Span {
    /// Whether it took so long that it does not fit.
    pub(super) fn is_too_long(self, took: Duration) -> bool {
        !self.fits(took) && self.least.is_none_or(|least| took >= least.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (Some(least), Some(most)) => write!(f, "{least}..{most}"),
            (Some(least), None) => write!(f, ">={least}"),
            (None, Some(most)) if self.is_open => write!(f, "<{most}"),
            (None, most) => write!(f, "<={}", most.unwrap_or(Time(Duration::MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_limit_or_two() {
        let fits = |text: &str| {
            let span = Span::try_from(text.to_owned()).unwrap();
            assert_eq!(span.to_string(), text);
            let times = [1000, 2400, 2999, 3000, 3001].map(Duration::from_millis);
            times.map(|time| span.fits(time))
        };
        assert_eq!(fits(">=3s"), [false, false, false, true, true]);
        assert_eq!(fits("<3s"), [true, true, true, false, false]);
        assert_eq!(fits("<=3s"), [true, true, true, true, false]);
        assert_eq!(fits("2.4s..3s"), [false, true, true, true, false]);
        for wrong in ["3s", "", ">3s", "3s..2s", "..3s", "<x"] {
            assert!(Span::try_from(wrong.to_owned()).unwrap_err().contains(">=3s"), "{wrong}");
        }
    }
}
