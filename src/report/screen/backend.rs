//! What ratatui draws, written to the terminal.

use std::io::{self, Write};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::terminal::{Clear, ClearType as Part, size};
use ratatui_core::backend::{Backend, ClearType, WindowSize};
use ratatui_core::buffer::Cell;
use ratatui_core::layout::{Position, Size};
use ratatui_core::style::{Color, Modifier};

/// Writes cells to a terminal.
#[derive(Debug)]
pub(super) struct Terminal<W: Write>(pub(super) W);

impl<W: Write> Backend for Terminal<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut style = None;
        // Where the terminal's cursor is, if it is known.
        let mut at = None;
        for (x, y, cell) in content {
            if at != Some((x, y)) {
                queue!(self.0, MoveTo(x, y))?;
            }
            if style != Some((cell.fg, cell.modifier)) {
                self.0.write_all(select(cell.fg, cell.modifier).as_bytes())?;
                style = Some((cell.fg, cell.modifier));
            }
            self.0.write_all(cell.symbol().as_bytes())?;
            // Behind what may be wider than one column, terminals do not agree.
            at = cell.symbol().is_ascii().then_some((x + 1, y));
        }
        self.0.write_all(b"\x1b[0m")
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        queue!(self.0, Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        queue!(self.0, Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // It is hidden, and never asked for.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        queue!(self.0, MoveTo(x, y))
    }

    fn clear(&mut self) -> io::Result<()> {
        queue!(self.0, Clear(Part::All))
    }

    fn clear_region(&mut self, part: ClearType) -> io::Result<()> {
        let part = match part {
            ClearType::All => Part::All,
            ClearType::AfterCursor => Part::FromCursorDown,
            ClearType::BeforeCursor => Part::FromCursorUp,
            ClearType::CurrentLine => Part::CurrentLine,
            ClearType::UntilNewLine => Part::UntilNewLine,
        };
        queue!(self.0, Clear(part))
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        // Nobody draws pixels.
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The sequence for a style, ECMA-48's `SGR`. Only what `look.rs` has.
fn select(colour: Color, modifier: Modifier) -> String {
    let mut codes = String::from("\u{1b}[0");
    for (is, code) in [(Modifier::BOLD, ";1"), (Modifier::DIM, ";2")] {
        if modifier.contains(is) {
            codes.push_str(code);
        }
    }
    codes.push_str(match colour {
        Color::Red => ";31",
        Color::Green => ";32",
        Color::Yellow => ";33",
        Color::Magenta => ";35",
        Color::Cyan => ";36",
        _ => "",
    });
    codes.push('m');
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui_core::style::Style;

    #[test]
    fn what_follows_a_wide_character_is_placed_by_its_column() {
        let mut wide = Cell::new("가");
        wide.set_style(Style::new().fg(Color::Green).add_modifier(Modifier::BOLD));
        let (narrow, next) = (Cell::new("a"), Cell::new("b"));
        let mut terminal = Terminal(Vec::new());
        let cells = [(0, 0, &wide), (2, 0, &narrow), (3, 0, &next)];
        terminal.draw(cells.into_iter()).unwrap();
        let written = String::from_utf8(terminal.0).unwrap();
        let expected = "\u{1b}[1;1H\u{1b}[0;1;32m가\u{1b}[1;3H\u{1b}[0mab\u{1b}[0m";
        assert_eq!(written, expected);
    }
}
