//! A program on a terminal of its own, which it must leave as it was.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use clusterdojo::report::screen::{Error, Key, Screen, View};
use indicatif::{InMemoryTerm, TermLike};
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

use super::moments::met_by_half;

/// What the tests below run on a terminal: it tells each key, and panics when it is asked to begin the step again.
#[test]
#[ignore = "needs a terminal: the tests beside it run it on one"]
fn program() {
    let mut screen = match Screen::open() {
        Ok(screen) => screen,
        Err(Error::NotATerminal) => return,
        Err(error) => panic!("{error}"),
    };
    let mut view = met_by_half();
    let told = |key| match key {
        Key::Reset => panic!("it panics"),
        key => format!("pressed {key:?}"),
    };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        loop {
            screen.draw(&view).unwrap();
            match screen.next_key().await {
                Key::Quit => break,
                key => view = View { notice: Some(told(key)), ..view },
            }
        }
    });
}

/// Long enough for a computer that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal and the program on it.
struct Terminal {
    controller: File,
    // Held open, so that the terminal outlives the program and can be looked at.
    user: OwnedFd,
    before: Termios,
    program: Child,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn start(columns: u16, rows: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let user = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        tcsetwinsize(&controller, size(columns, rows)).unwrap();
        let before = tcgetattr(&user).unwrap();
        let end = || user.try_clone().unwrap();
        // The terminal has to be the program's own, or it is not told of other sizes.
        let program = Command::new("setsid")
            .arg("--ctty")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "screen::terminal::program", "--ignored", "--nocapture"])
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let controller = File::from(controller);
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut from, into) = (controller.try_clone().unwrap(), Arc::clone(&written));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                into.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self { controller, user, before, program, written }
    }

    fn press(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits until a screen of this size shows a text, and tells all that it shows.
    fn wait_for(&self, wanted: &str, (columns, rows): (u16, u16)) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = InMemoryTerm::new(rows, columns);
            screen.write_str(&self.output()).unwrap();
            let shown = screen.contents();
            if shown.contains(wanted) {
                return shown;
            }
            assert!(Instant::now() < deadline, "no `{wanted}` in:\n{shown}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn local_modes(&self) -> LocalModes {
        tcgetattr(self.user.as_fd()).unwrap().local_modes
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.program);
        kill_process(pid, signal).unwrap();
    }

    /// Waits until the program has ended, and looks at what it leaves behind.
    fn left(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.program.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(20));
        };
        let after = tcgetattr(self.user.as_fd()).unwrap();
        assert_eq!(format!("{after:?}"), format!("{:?}", self.before));
        // What it wrote last may not have been read yet.
        let is_off =
            |output: &str, on, off| output.contains(on) && output.rfind(off) > output.rfind(on);
        for (on, off) in [("\u{1b}[?1049h", "\u{1b}[?1049l"), ("\u{1b}[?25l", "\u{1b}[?25h")] {
            while !is_off(&self.output(), on, off) {
                assert!(Instant::now() < deadline, "{:?}", self.output());
                thread::sleep(Duration::from_millis(20));
            }
        }
        status
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

#[test]
fn keys_and_sizes_are_answered_and_ctrl_c_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::start(80, 24);
    let shown = terminal.wait_for("q quit", (80, 24));
    assert!(shown.contains("swarm/healthcheck"), "{shown}");
    let modes = terminal.local_modes();
    assert!(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));

    terminal.press("h");
    terminal.wait_for("pressed Hint", (80, 24));

    terminal.written.lock().unwrap().clear();
    tcsetwinsize(&terminal.controller, size(120, 40)).unwrap();
    let shown = terminal.wait_for("q quit", (120, 40));
    assert_eq!(shown.lines().count(), 40, "{shown}");
    assert!(shown.contains("pressed Hint"), "{shown}");

    // Not looked for any more: what was cleared above is known to have been written.
    terminal.written.lock().unwrap().extend_from_slice(b"\x1b[?1049h\x1b[?25l");
    terminal.press("\u{3}");
    assert!(terminal.left().success());
}

#[test]
fn a_signal_ends_it_as_it_always_does_and_the_terminal_is_as_it_was() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut terminal = Terminal::start(80, 24);
        terminal.wait_for("q quit", (80, 24));
        terminal.signal(signal);
        assert_eq!(terminal.left().signal(), Some(signal.as_raw()));
    }
}

#[test]
fn what_is_said_of_a_panic_can_be_read() {
    let mut terminal = Terminal::start(80, 24);
    terminal.wait_for("q quit", (80, 24));
    terminal.press("x");
    assert!(!terminal.left().success());
    let deadline = Instant::now() + PATIENCE;
    while !terminal.output().contains("it panics") {
        assert!(Instant::now() < deadline, "{:?}", terminal.output());
        thread::sleep(Duration::from_millis(20));
    }
    let output = terminal.output();
    let said = output.find("it panics").unwrap();
    assert!(said > output.rfind("\u{1b}[?1049l").unwrap(), "{output:?}");
}
