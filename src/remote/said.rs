//! What an engine's API says, as it is kept.

use jiff::Timestamp;

/// A word of the API, where there is one.
pub(super) fn said(word: Option<&impl ToString>) -> Option<String> {
    word.map(ToString::to_string).filter(|word| !word.is_empty())
}

/// A moment of the API; what has not happened is in the year 1 there.
pub(super) fn moment(time: Option<&String>) -> Option<Timestamp> {
    time.and_then(|t| t.parse().ok()).filter(|t: &Timestamp| *t > Timestamp::UNIX_EPOCH)
}
