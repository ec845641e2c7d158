//! Commands that a person gives.

/// Commands for the shell of this computer. `on MACHINE COMMAND` runs one on a machine, and a variable with the
/// machine's name holds its address: `$worker_1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// What they do, as a short imperative.
    pub title: String,
    /// Why that is needed, in a sentence for a learner.
    pub why: String,
    /// The commands.
    pub text: String,
}

impl Commands {
    /// Commands with their title and their reason.
    pub fn new(title: &str, why: &str, text: impl Into<String>) -> Self {
        Self { title: title.to_owned(), why: why.to_owned(), text: text.into() }
    }
}
