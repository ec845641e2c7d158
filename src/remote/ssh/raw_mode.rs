//! The local terminal, handed to the other side as it is.

use std::env;
use std::io;

use rustix::stdio::stdin;
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};

/// Whether standard input is a terminal.
pub(super) fn is_terminal() -> bool {
    isatty(stdin())
}

/// The terminal's width and height in characters; what was usual in 1978 if it does not say.
pub(super) fn size() -> (u32, u32) {
    match tcgetwinsize(stdin()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => (80, 24),
    }
}

/// The terminal's type.
pub(super) fn kind() -> String {
    env::var("TERM").ok().filter(|kind| !kind.is_empty()).unwrap_or_else(|| "xterm".to_owned())
}

/// The terminal passes every key on, until the value is dropped.
pub(super) struct RawMode {
    before: Termios,
}

impl RawMode {
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that has gone.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}
