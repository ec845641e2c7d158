//! Where a learner is in what does not fit on the screen.

/// What is scrolled to, and where the cursor is among choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// How many rows are above the ones that are shown.
    pub scroll: usize,
    /// Which choice the cursor is on.
    pub cursor: usize,
    /// Whether what is shown follows the cursor.
    pub follows: bool,
    /// How many rows can be shown at once.
    pub page: usize,
}
