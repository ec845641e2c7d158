//! Several things of which each has its turn, whatever became of those before it.

use super::error::Error;
use super::failure;

/// What became of them so far.
pub(super) struct Tally {
    of: usize,
    failed: usize,
    last: Option<Error>,
}

impl Tally {
    /// Of so many.
    pub(super) fn new(of: usize) -> Self {
        Self { of, failed: 0, last: None }
    }

    /// Notes that one has failed, and tells why at once, unless it is the only one.
    pub(super) fn failed(&mut self, error: Error) {
        self.failed += 1;
        if self.of > 1 {
            failure::tell(&error);
        }
        self.last = Some(error);
    }

    /// What became of all: the error of the only one, or how many failed.
    pub(super) fn end(self) -> Result<(), Error> {
        let Self { of, failed, last } = self;
        match last {
            None => Ok(()),
            Some(error) if of == 1 => Err(error),
            Some(_) => Err(Error::Several { failed, of }),
        }
    }
}
