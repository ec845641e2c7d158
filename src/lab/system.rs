//! Signals and waiting for several things at once: all that the standard library does not have, and the only
//! room with unsafe code.

use std::ffi::{c_int, c_short, c_ulong};
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, BorrowedFd, IntoRawFd as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

const SIGINT: c_int = 2;
const SIGTERM: c_int = 15;
const POLLIN: c_short = 1;

#[repr(C)]
struct Poll {
    descriptor: c_int,
    events: c_short,
    happened: c_short,
}

// SAFETY: these are the declarations of the C library, which every program for Linux is linked with.
unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn write(descriptor: c_int, from: *const u8, count: usize) -> isize;
    fn poll(descriptors: *mut Poll, count: c_ulong, milliseconds: c_int) -> c_int;
}

/// The end that the handler writes to. It stays open as long as the program runs.
static BELL: AtomicI32 = AtomicI32::new(-1);

extern "C" fn ring(_: c_int) {
    // SAFETY: `write` is allowed in a handler. The descriptor is open, or -1, which writes nothing, and one byte is
    // what the pointer has. Nothing reads more than one, so there is always room and `errno` is left alone.
    unsafe { write(BELL.load(Ordering::Relaxed), [0_u8].as_ptr(), 1) };
}

/// Waits for the signal to end, SIGTERM or SIGINT. From when it is made, they do not end the program themselves.
pub(crate) struct Ending {
    bell: UnixStream,
    rung: bool,
}

impl Ending {
    pub(crate) fn new() -> std::io::Result<Self> {
        let (bell, end) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        end.set_nonblocking(true)?;
        BELL.store(end.into_raw_fd(), Ordering::Relaxed);
        for number in [SIGTERM, SIGINT] {
            // SAFETY: the handler does nothing but what is allowed in one, and is there as long as the program.
            unsafe { signal(number, ring) };
        }
        Ok(Self { bell, rung: false })
    }

    /// Waits until one of the descriptors can be read, the signal comes, or the time is up.
    pub(crate) fn wait(&mut self, others: &[BorrowedFd<'_>], most: Option<Duration>) -> bool {
        if self.rung && others.is_empty() {
            return true;
        }
        // The bell is not looked at again once it rang: it would cut every wait short.
        let bell = if self.rung { -1 } else { self.bell.as_raw_fd() };
        let all = others.iter().map(std::os::fd::AsRawFd::as_raw_fd).chain([bell]);
        let mut all: Vec<Poll> =
            all.map(|descriptor| Poll { descriptor, events: POLLIN, happened: 0 }).collect();
        // Rounded up, for what is asked again before its time would be asked many times.
        let most = most.map_or(-1, |time| {
            c_int::try_from(time.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
        });
        // SAFETY: the pointer and the count are those of one vector, which nothing else touches meanwhile.
        unsafe { poll(all.as_mut_ptr(), all.len() as c_ulong, most) };
        // Whatever woke it: a failure, such as EINTR, is like a wait that was too short.
        self.rung |= matches!((&self.bell).read(&mut [0]), Ok(1));
        self.rung
    }

    /// Waits for the signal or until the time is up, and tells whether it has come.
    pub(crate) fn within(&mut self, time: Duration) -> bool {
        let began = std::time::Instant::now();
        loop {
            let left = time.saturating_sub(began.elapsed());
            if self.wait(&[], Some(left)) || left.is_zero() {
                return self.rung;
            }
        }
    }

    /// Whether the signal has come.
    pub(crate) fn has_come(&mut self) -> bool {
        self.wait(&[], Some(Duration::ZERO))
    }
}
