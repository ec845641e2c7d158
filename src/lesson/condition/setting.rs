//! How something is set, and how the lesson wants it.

use std::fmt;

use crate::lesson::reason::Reason;

use super::story::Unmet;

/// Refuses what is set to something else than a lesson wants, where it wants anything.
pub(super) fn is_set<T: PartialEq + fmt::Display>(
    setting: &str,
    seen: Option<&T>,
    wanted: Option<&T>,
) -> Result<(), Unmet> {
    if wanted.is_none() || seen == wanted {
        return Ok(());
    }
    Err(other(setting, seen, wanted))
}

pub(super) fn other(
    setting: &str,
    seen: Option<impl fmt::Display>,
    wanted: Option<impl fmt::Display>,
) -> Unmet {
    let seen = seen.map_or("not set".to_owned(), |seen| seen.to_string());
    let unmet = Unmet::new(Reason::OtherSetting).saw("setting", setting).saw("value", seen);
    match wanted {
        Some(wanted) => unmet.saw("expected", wanted),
        None => unmet,
    }
}
