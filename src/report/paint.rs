//! Colours of the terminal, or none.

/// Whether to colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    /// False under `NO_COLOR`, <https://no-color.org>.
    pub(super) colour: bool,
}

/// What a text is painted like. Of the terminal's own palette, so that it fits any theme.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Paint {
    /// The text, painted; blank text stays as it is.
    pub(super) fn tone(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.trim().is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Dim => 2,
            Tone::Red => 31,
            Tone::Green => 32,
            Tone::Yellow => 33,
            Tone::Cyan => 36,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
