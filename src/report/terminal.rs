//! Progress for people: one line a machine, redrawn in place, and a compact record that remains.
//!
//! ```text
//! ! cluster: no IPVS in this kernel
//! ⠸ cluster    build machine image  12.3 s  Step 7/12: RUN apt-get install
//! ✓ manager-1  ready                 1.9 s
//! ⠸ worker-1   start Docker
//! ✗ worker-2   boot                  2.0 s  exit status 1
//! ```
//!
//! Events only change what is known. A thread of its own draws it ten times a second, however many
//! events there are, so that work never waits for the terminal.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::tcgetwinsize;

use super::board::{Board, Size};
use super::line::{duration, one_line};
use super::paint::{Paint, Tone};
use crate::event::{Event, Kind, Reporter, Subject};

/// What is over sooner draws nothing but the record.
const QUIET_START: Duration = Duration::from_millis(250);

/// The time between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// Draws events on a terminal.
///
/// Drawing ends with [`Kind::Ready`] of the cluster ([`finish`](super::finish)) or when the value is
/// dropped; whatever is printed after that stands below the record. A step that begins later opens
/// a new picture.
pub struct Terminal {
    shared: Arc<Shared>,
    verbose: bool,
}

struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    board: Board,
    // Counts the pictures; a thread stops once its own is over.
    picture: Option<usize>,
    pictures: usize,
    // All rows are one bar's message: one clock, and one write a picture.
    bar: ProgressBar,
    out: Box<dyn Write + Send>,
    size: fn() -> Size,
    paint: Paint,
}

impl Terminal {
    /// Draws on standard error; with `verbose`, a line a finished step scrolls by above.
    pub fn stderr(colour: bool, verbose: bool) -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(20);
        let paint = Paint { colour };
        Self::on(target, Box::new(io::stderr()), stderr_size, paint, verbose)
    }

    /// `target` takes the rows that are redrawn, `out` the lines that remain; the same terminal.
    fn on(
        target: ProgressDrawTarget,
        out: Box<dyn Write + Send>,
        size: fn() -> Size,
        paint: Paint,
        verbose: bool,
    ) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        bar.finish_and_clear();
        let state = State {
            board: Board::default(),
            picture: None,
            pictures: 0,
            bar,
            out,
            size,
            paint,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                ended: Condvar::new(),
            }),
            verbose,
        }
    }

    fn begin(&self, state: &mut State) {
        state.pictures += 1;
        let picture = state.pictures;
        state.picture = Some(picture);
        let shared = Arc::clone(&self.shared);
        // Without the thread there is still the record.
        let _ = thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || shared.draw(picture));
    }

    fn end(&self) {
        let mut state = self.shared.lock();
        state.bar.finish_and_clear();
        state.picture = None;
        let record = std::mem::take(&mut state.board).record(state.paint);
        state.print(&record);
        drop(state);
        self.shared.ended.notify_all();
    }
}

impl Reporter for Terminal {
    fn report(&self, event: &Event) {
        let mut state = self.shared.lock();
        state.board.apply(event, Instant::now());
        match &event.kind {
            Kind::Started { .. } if state.picture.is_none() => self.begin(&mut state),
            Kind::Warning { text } => {
                let text = format!("! {}: {}", event.subject, one_line(text));
                let line = state.paint.tone(Tone::Yellow, &text);
                state.print(&[line]);
            }
            Kind::Finished { step, elapsed } if self.verbose => {
                let text = format!("  {:9}  {}  ", event.subject, one_line(step));
                let time = state.paint.tone(Tone::Dim, &duration(*elapsed));
                state.print(&[text + &time]);
            }
            Kind::Ready if event.subject == Subject::Cluster => {
                drop(state);
                self.end();
            }
            _ => {}
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws one picture until it is over.
    fn draw(&self, picture: usize) {
        let over = |state: &mut State| state.picture != Some(picture);
        let mut state = self.lock();
        let mut pause = QUIET_START;
        for turn in 0.. {
            let waited = self.ended.wait_timeout_while(state, pause, |s| !over(s));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if over(&mut state) {
                return;
            }
            let rows = state
                .board
                .live(Instant::now(), turn, (state.size)(), state.paint);
            state.bar.set_message(rows.join("\n"));
            if turn == 0 {
                state.bar.reset();
            }
            pause = FRAME;
        }
    }
}

impl State {
    /// Writes lines that remain, above the rows that are redrawn.
    fn print(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let mut text = lines.join("\n");
        text.push('\n');
        // A terminal that has gone away is no reason to stop the work.
        self.bar.suspend(|| {
            let _ = self.out.write_all(text.as_bytes());
        });
    }
}

/// What the terminal says of itself, or else what it has been since the VT100.
fn stderr_size() -> Size {
    match tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
            columns: size.ws_col.into(),
            rows: size.ws_row.into(),
        },
        _ => Size {
            columns: 80,
            rows: 24,
        },
    }
}
