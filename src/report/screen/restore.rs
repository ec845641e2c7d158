//! Leaves the terminal as it was, however the program ends.
//!
//! Signals and panics are watched from the first screen on until the program ends, because what watches them cannot be taken
//! away again. Where no screen is open, they do what they always do.

use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Whether the terminal is ours.
static OPEN: AtomicBool = AtomicBool::new(false);
/// Held while something is drawn.
static DRAWING: Mutex<()> = Mutex::new(());
/// Whether signals and panics are watched.
static WATCHED: Mutex<bool> = Mutex::new(false);

/// Takes the terminal: no echo, every key at once, and a screen apart from what stands in it.
pub(super) fn take() -> io::Result<()> {
    watch()?;
    enable_raw_mode()?;
    OPEN.store(true, Ordering::SeqCst);
    let taken = execute!(io::stdout(), EnterAlternateScreen, DisableLineWrap, Hide);
    if taken.is_err() {
        restore();
    }
    taken
}

/// Gives the terminal back. More than once does no harm.
pub(super) fn restore() {
    if OPEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // A terminal that has gone away needs nothing.
        let _ = execute!(out, Show, EnableLineWrap, LeaveAlternateScreen);
        let _ = out.flush();
        let _ = disable_raw_mode();
    }
}

/// Keeps a signal from giving the terminal back in the middle of a picture.
pub(super) fn drawing() -> MutexGuard<'static, ()> {
    DRAWING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until nothing is drawn, and lets nothing begin; but not for a terminal that stands still.
fn undisturbed() -> Option<MutexGuard<'static, ()>> {
    for _ in 0..20 {
        match DRAWING.try_lock() {
            Ok(drawing) => return Some(drawing),
            Err(TryLockError::Poisoned(drawing)) => return Some(drawing.into_inner()),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
        }
    }
    None
}

fn watch() -> io::Result<()> {
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if *watched {
        return Ok(());
    }
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    // A thread of its own: it answers even while the program does something else.
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let _undisturbed = undisturbed();
            restore();
            let _ = emulate_default_handler(signal);
        }
    })?;
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // First, so that what is said of the panic can be read.
        restore();
        before(info);
    }));
    *watched = true;
    Ok(())
}
