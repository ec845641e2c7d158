//! What the user sees of an error: what happened, why, and which command helps.

use std::io::Write as _;
use std::process::ExitCode;

use crate::event::chain;

use super::error::Error;
use super::exit::code;
use super::hints::hints;

/// Writes the error to standard error and returns the exit code that belongs to it.
pub(super) fn tell(error: &Error) -> ExitCode {
    let mut text = format!("error: {}\n", chain(error));
    for hint in hints(error, None) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // If standard error is gone, the exit code still speaks.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(code(error))
}
