//! Text that must not be shown.

use std::fmt;

/// A private key or a token. It has no `Display`, its `Debug` is redacted, and reading it takes a
/// call that stands out in review.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for a file of mode 0600, a script's standard input or a request body, never
    /// for a command line, a log or an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
