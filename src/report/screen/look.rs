//! Signs and styles: which text looks how.

use ratatui_core::style::{Color, Modifier, Style};

use super::view::{Health, Sign};

/// Styles of the terminal's own palette, so that they fit any theme.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// False under `NO_COLOR`, <https://no-color.org>.
    pub(super) colour: bool,
}

/// What is not said by a style.
pub(super) const NORMAL: Style = Style::new();
/// What matters most.
pub(super) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
/// What is there for whoever looks for it.
pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);

impl Look {
    fn of(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { NORMAL }
    }

    /// Commands, and whatever else is typed.
    pub(super) fn code(self) -> Style {
        self.of(Color::Cyan)
    }

    /// A key.
    pub(super) fn key(self) -> Style {
        self.of(Color::Cyan).patch(BOLD)
    }

    /// The line that the cursor is on.
    pub(super) fn cursor(self) -> Style {
        self.of(Color::Cyan).patch(BOLD)
    }

    /// What was passed, or is right.
    pub(super) fn good(self) -> Style {
        self.of(Color::Green)
    }

    /// What is wrong.
    pub(super) fn bad(self) -> Style {
        self.of(Color::Red)
    }

    /// How a condition stands.
    pub(super) fn sign(self, sign: Sign) -> (&'static str, Style) {
        match sign {
            Sign::Passed => ("✓", self.good()),
            Sign::NotYet => ("○", self.of(Color::Yellow)),
            Sign::Unmet => ("✗", self.bad()),
            Sign::Lost => ("!", self.bad().patch(BOLD)),
            Sign::CannotTell => ("?", self.of(Color::Magenta)),
            Sign::Waiting => ("·", DIM),
        }
    }

    /// How a machine is.
    pub(super) fn machine(self, health: Health) -> (&'static str, Style) {
        match health {
            Health::Good => ("●", self.good()),
            Health::Changing => ("◌", self.of(Color::Yellow)),
            Health::Bad => ("✗", self.bad()),
            Health::Off => ("○", DIM),
            Health::Unknown => ("?", self.of(Color::Magenta)),
        }
    }

    /// How a task or a pod is.
    pub(super) fn tile(self, health: Health) -> (&'static str, Style) {
        match health {
            Health::Good => ("✓", self.good()),
            Health::Changing => ("◌", self.of(Color::Yellow)),
            Health::Bad => ("✗", self.bad()),
            Health::Off => ("–", DIM),
            Health::Unknown => ("?", self.of(Color::Magenta)),
        }
    }
}
