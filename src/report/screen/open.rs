//! The terminal as a screen.

use std::env;
use std::io::{self, BufWriter, IsTerminal, Stdout};

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use ratatui_core::terminal::Terminal;

use super::backend;
use super::draw::draw;
use super::key::{Key, Pressed, pressed};
use super::place::Place;
use super::restore;
use super::view::View;

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody looks, or nobody types.
    #[error("standard input and output are no terminal that can show a screen")]
    NotATerminal,
    /// The terminal does not do what it is told.
    #[error("cannot use the terminal")]
    Terminal(#[from] io::Error),
}

/// A full screen. The terminal is as it was when this is dropped, and also when the program ends otherwise.
pub struct Screen {
    terminal: Terminal<backend::Terminal<BufWriter<Stdout>>>,
    events: EventStream,
    view: View,
    place: Place,
    colour: bool,
    // Last, so that it goes after everything that writes.
    _restored: Restored,
}

struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        restore::restore();
    }
}

impl Screen {
    /// Takes the terminal of standard input and output. Within a runtime of tokio only.
    pub fn open() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let able = set("TERM").is_some_and(|term| term != "dumb");
        if !able || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Error::NotATerminal);
        }
        restore::take()?;
        let restored = Restored;
        let terminal = Terminal::new(backend::Terminal(BufWriter::new(io::stdout())))?;
        Ok(Self {
            terminal,
            events: EventStream::new(),
            view: View::default(),
            place: Place::default(),
            colour: set("NO_COLOR").is_none(),
            _restored: restored,
        })
    }

    /// Shows a view. It stays until the next one, in whatever size the terminal gets.
    pub fn draw(&mut self, view: &View) -> io::Result<()> {
        self.place = carried(self.place, &self.view, view);
        self.view = view.clone();
        self.redraw()
    }

    fn redraw(&mut self) -> io::Result<()> {
        let Self { terminal, view, place, colour, .. } = self;
        let _drawing = restore::drawing();
        terminal.draw(|frame| *place = draw(frame, view, *place, *colour))?;
        Ok(())
    }

    /// The next key that means something to whoever fills the view; scrolling and other sizes are seen to here. If the terminal
    /// goes away, that is [`Key::Quit`]. Nothing is lost when this is dropped before it is ready.
    pub async fn next_key(&mut self) -> Key {
        while let Some(Ok(event)) = self.events.next().await {
            let what = match event {
                Event::Key(event) => pressed(event, &self.view, self.place),
                Event::Resize(..) => Pressed::Moved(self.place),
                _ => Pressed::Nothing,
            };
            let drawn = match what {
                Pressed::Key(key) => return key,
                Pressed::Nothing => continue,
                Pressed::Moved(place) => {
                    self.place = place;
                    self.redraw()
                }
                Pressed::Redraw => self.terminal.clear().and_then(|()| self.redraw()),
            };
            if drawn.is_err() {
                break;
            }
        }
        Key::Quit
    }
}

/// The place in the next view: another text begins at its top.
fn carried(place: Place, before: &View, view: &View) -> Place {
    let same_step = (&before.lesson, before.step) == (&view.lesson, view.step);
    match (&before.panel, &view.panel) {
        (Some(old), Some(new)) if old.title == new.title && old.text == new.text => place,
        (None, None) if same_step => place,
        (_, Some(new)) => Place { cursor: new.first, follows: new.first > 0, ..Place::default() },
        _ => Place::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::screen::view::Panel;

    fn showing(step: usize, text: Option<&str>, first: usize) -> View {
        let panel = text.map(|text| Panel { text: text.to_owned(), first, ..Panel::default() });
        View { step, panel, ..View::default() }
    }

    #[test]
    fn a_place_is_kept_as_long_as_the_text_is_the_same() {
        let place = Place { scroll: 4, cursor: 2, ..Place::default() };
        let kept = [
            (showing(1, None, 0), showing(1, None, 0)),
            (showing(1, Some("a"), 0), showing(2, Some("a"), 0)),
        ];
        for (before, after) in kept {
            assert_eq!(carried(place, &before, &after), place);
        }
        let other = [
            (showing(1, None, 0), showing(2, None, 0)),
            (showing(1, Some("a"), 0), showing(1, Some("b"), 0)),
            (showing(1, Some("a"), 0), showing(1, None, 0)),
        ];
        for (before, after) in other {
            assert_eq!(carried(place, &before, &after), Place::default());
        }
        let at = carried(place, &showing(1, None, 0), &showing(1, Some("a"), 7));
        assert_eq!((at.cursor, at.follows), (7, true));
    }
}
