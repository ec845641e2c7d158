//! Which lesson comes next, and in which language.

use std::env;

use crate::cli::error::Error;
use crate::cli::services::Context;
use crate::learn::Desk;
use crate::lesson::{Lesson, built_in};
use crate::model::Language;

/// The first lesson after another one that is not passed.
pub(super) fn next(context: &Context, after: Option<&str>) -> Result<Option<Lesson>, Error> {
    let passed = Desk::of(&context.home).progress().passed()?;
    let all = built_in();
    let at = after.and_then(|after| all.iter().position(|lesson| lesson.id == after));
    let mut rest = all.into_iter().skip(at.map_or(0, |at| at + 1));
    Ok(rest.find(|lesson| passed.count(lesson) < lesson.steps.len()))
}

/// The language of the user's surroundings (POSIX.1-2024, Base Definitions, 8.2).
pub(super) fn language() -> Language {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    let is_korean = locale.is_some_and(|locale| locale.starts_with("ko"));
    if is_korean { Language::Ko } else { Language::En }
}
