//! Files changed in one step, with the errors of this module; see [`durable::shared`].

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::durable::{self, shared};

use super::Error;

/// A directory that only this process changes until the value is dropped.
#[derive(Debug)]
pub(super) struct Locked(shared::Locked);

impl Locked {
    /// Waits for the lock on a directory, which must exist.
    pub(super) fn acquire(dir: &Path) -> Result<Self, Error> {
        match shared::Locked::acquire(dir) {
            Ok(locked) => Ok(Self(locked)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Error::Busy(dir.into())),
            Err(error) => Err(Error::io("lock", dir)(error)),
        }
    }

    /// Removes temporary files of ours from `scratch`; whether there were any.
    pub(super) fn sweep(&self, scratch: &Path) -> Result<bool, Error> {
        self.0.sweep(scratch).map_err(Error::io("clear", scratch))
    }

    /// Puts a file in place in one step; `scratch` holds it before.
    pub(super) fn replace(
        &self,
        path: &Path,
        scratch: &Path,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), Error> {
        self.0.replace(path, scratch, bytes, mode).map_err(Error::io("write", path))
    }
}

/// Follows a symbolic link; whether it was one.
pub(super) fn follow(path: &Path) -> Result<(PathBuf, bool), Error> {
    shared::follow(path).map_err(Error::io("follow", path))
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), Error> {
    durable::sync_directory(dir).map_err(Error::io("sync", dir))
}

/// Makes a directory and its missing parents, all with this mode.
pub(super) fn make_dir(dir: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(mode).create(dir).map_err(Error::io("create", dir))
}

/// Removes a file or a directory with all that is in it; whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool, Error> {
    shared::remove(path).map_err(Error::io("remove", path))
}
