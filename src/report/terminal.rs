//! Progress for people: one line a machine, redrawn in place, and a compact record that remains.
//!
//! ```text
//! ! cluster: no IPVS in this kernel
//! ✓ manager-1  ready              1.9 s
//! ⠸ worker-1   start Docker               systemctl restart docker
//! ✗ worker-2   boot               2.0 s  exit status 1
//! ⠸ cluster    initialise swarm
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

use super::board::Board;
use super::layout::Size;
use super::line::{duration, one_line, wrap};
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
        let state =
            State { board: Board::default(), picture: None, pictures: 0, bar, out, size, paint };
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), ended: Condvar::new() }),
            verbose,
        }
    }

    fn begin(&self, state: &mut State) {
        state.pictures += 1;
        let picture = state.pictures;
        state.picture = Some(picture);
        let shared = Arc::clone(&self.shared);
        // Without the thread there is still the record.
        let _ =
            thread::Builder::new().name("terminal".to_owned()).spawn(move || shared.draw(picture));
    }

    fn end(&self) {
        let mut state = self.shared.lock();
        state.bar.finish_and_clear();
        state.picture = None;
        let columns = (state.size)().columns;
        let record = std::mem::take(&mut state.board).record(columns, state.paint);
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
                let lines = wrap(&text, (state.size)().columns, "  ");
                let paint = |line: &String| state.paint.tone(Tone::Yellow, line);
                let lines: Vec<String> = lines.iter().map(paint).collect();
                state.print(&lines);
            }
            Kind::Finished { step, elapsed } if self.verbose => {
                let text = format!("  {:9}  {:24}  ", event.subject, one_line(step));
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
            let rows = state.board.live(Instant::now(), turn, (state.size)(), state.paint);
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
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
        }
        _ => Size { columns: 80, rows: 24 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MachineName, Role};
    use indicatif::{InMemoryTerm, TermLike};

    const PLAIN: Paint = Paint { colour: false };

    /// Writes lines as a terminal shows them.
    struct Out(InMemoryTerm);

    impl Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
                match line.strip_suffix('\n') {
                    Some(line) => self.0.write_line(line)?,
                    None => self.0.write_str(line)?,
                }
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn screen(verbose: bool) -> (InMemoryTerm, Terminal) {
        let screen = InMemoryTerm::new(10, 60);
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let size = || Size { columns: 60, rows: 10 };
        let out = Box::new(Out(screen.clone()));
        let terminal = Terminal::on(target, out, size, PLAIN, verbose);
        (screen, terminal)
    }

    fn say(terminal: &Terminal, subject: Subject, kind: Kind) {
        terminal.report(&Event { subject, kind });
    }

    fn worker(number: u16) -> Subject {
        Subject::Machine(MachineName::new(Role::Worker, number))
    }

    fn started(step: &str) -> Kind {
        Kind::Started { step: step.into() }
    }

    fn finished(step: &str) -> Kind {
        Kind::Finished { step: step.into(), elapsed: Duration::from_millis(420) }
    }

    fn warning(text: &str) -> Kind {
        Kind::Warning { text: text.into() }
    }

    /// What stands on the screen once it ends like this; the wheel stands still for comparison.
    fn wait_for(screen: &InMemoryTerm, end: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let wheel = |c: char| ('\u{2800}'..='\u{28ff}').contains(&c);
            let shown = screen.contents().replace(wheel, "*");
            if shown.ends_with(end) {
                return shown;
            }
            assert!(Instant::now() < deadline, "still shows:\n{shown}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn draws_rows_below_warnings_and_leaves_the_record() {
        let (screen, terminal) = screen(false);
        say(&terminal, worker(2), started("boot"));
        say(&terminal, worker(1), started("start Docker"));
        wait_for(&screen, "* worker-1   start Docker\n* worker-2   boot");
        say(&terminal, Subject::Cluster, warning("no IPVS"));
        let shown = wait_for(&screen, "* worker-1   start Docker\n* worker-2   boot");
        assert!(shown.starts_with("! cluster: no IPVS\n*"), "{shown}");

        say(&terminal, worker(1), finished("start Docker"));
        say(&terminal, worker(1), Kind::Ready);
        crate::report::finish(&terminal);
        // The program goes on printing where the record ends.
        Out(screen.clone()).write_all(b"summary\n").unwrap();
        let shown = screen.contents();
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "! cluster: no IPVS");
        assert!(lines[1].starts_with("✓ worker-1   ready"), "{shown}");
        assert!(lines[2].starts_with("– worker-2   boot"), "{shown}");
        assert!(lines[2].ends_with("unfinished"), "{shown}");
        assert_eq!(lines[3..], ["summary"]);

        // Nobody draws any more, and saying so again changes nothing.
        crate::report::finish(&terminal);
        drop(terminal);
        thread::sleep(FRAME * 2);
        assert_eq!(screen.contents(), shown);
    }

    #[test]
    fn what_is_over_at_once_draws_only_the_record() {
        let (screen, terminal) = screen(false);
        let begin = Instant::now();
        say(&terminal, worker(1), started("stop"));
        let shown = screen.contents();
        // On a machine that stands still for so long, the picture is rightly there.
        assert!(shown.is_empty() || begin.elapsed() >= QUIET_START, "{shown}");
        say(&terminal, worker(1), finished("stop"));
        drop(terminal);
        assert!(screen.contents().starts_with("✓ worker-1   stop"));
    }

    #[test]
    fn warning_before_any_step_is_shown_at_once() {
        let (screen, terminal) = screen(false);
        let text = "this is a long sentence that takes more than one line here";
        say(&terminal, Subject::Cluster, warning(text));
        let lines = "! cluster: this is a long sentence that takes more than one\n  line here";
        assert_eq!(screen.contents(), lines);
    }

    #[test]
    fn verbose_keeps_a_line_for_every_step() {
        let (screen, terminal) = screen(true);
        say(&terminal, worker(1), started("boot"));
        say(&terminal, worker(1), finished("boot"));
        assert_eq!(screen.contents(), "  worker-1   boot                      0.4 s");
    }

    #[test]
    fn step_that_begins_after_the_end_opens_a_new_picture() {
        let (screen, terminal) = screen(false);
        say(&terminal, worker(1), started("stop"));
        say(&terminal, worker(1), finished("stop"));
        crate::report::finish(&terminal);
        say(&terminal, worker(1), started("start"));
        let shown = wait_for(&screen, "* worker-1   start");
        assert!(shown.starts_with("✓ worker-1   stop"), "{shown}");
    }
}
