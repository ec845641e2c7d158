//! Files changed in one step, and the lock that keeps two of us from changing them at once.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::durable;
use crate::pace::stretch;

use super::Error;

/// Marks temporary files as ours, so that those of a killed process can be found and removed.
const TEMPORARY: &str = ".clusterdojo-";

/// How long the lock is waited for. It is held for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory that only this process changes until the value is dropped.
///
/// The kernel's lock on the directory itself leaves no lock file behind and goes with the process.
/// It keeps copies of `dojo` apart; docker has no lock of its own that we could take.
#[derive(Debug)]
pub(super) struct Locked {
    dir: PathBuf,
    held: bool,
    _lock: File,
}

impl Locked {
    /// Waits for the lock on a directory, which must exist.
    pub(super) fn acquire(dir: &Path) -> Result<Self, Error> {
        let lock = durable::open_directory(dir).map_err(Error::io("open", dir))?;
        let end = Instant::now() + stretch(PATIENCE);
        let held = loop {
            match lock.try_lock() {
                Ok(()) => break true,
                Err(TryLockError::WouldBlock) if Instant::now() < end => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => return Err(Error::Busy(dir.to_owned())),
                // Some network file systems cannot lock a directory. docker never locks at all, so
                // going on is no worse than what the user's own commands do.
                Err(TryLockError::Error(_)) => break false,
            }
        };
        Ok(Self { dir: dir.to_owned(), held, _lock: lock })
    }

    /// Removes temporary files of ours from `scratch`. Under the lock they can only be leftovers of
    /// a process that was killed.
    pub(super) fn sweep(&self, scratch: &Path) -> Result<bool, Error> {
        debug_assert!(scratch.starts_with(&self.dir), "not covered by the lock");
        if !self.held {
            return Ok(false);
        }
        let entries = match fs::read_dir(scratch) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io("list", scratch)(error)),
        };
        let mut found = false;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let path = entry.path();
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                found = true;
            }
        }
        Ok(found)
    }

    /// Puts a file in place in one step, durable before the next step begins. `scratch` holds the
    /// temporary file and must be on the same file system as `path`.
    pub(super) fn replace(
        &self,
        path: &Path,
        scratch: &Path,
        bytes: &[u8],
        mode: u32,
    ) -> Result<(), Error> {
        debug_assert!(scratch.starts_with(&self.dir), "not covered by the lock");
        let write = || -> io::Result<()> {
            // tempfile makes it 0600, so a key is never readable by others on its way.
            let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(scratch)?;
            temporary.write_all(bytes)?;
            temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
            if let Ok(old) = fs::metadata(path) {
                // Under sudo the file stays its owner's. Others cannot give files away and own
                // the old one anyway, so a refusal means nothing.
                let _ = std::os::unix::fs::fchown(
                    temporary.as_file(),
                    Some(old.uid()),
                    Some(old.gid()),
                );
            }
            temporary.as_file().sync_all()?;
            temporary.persist(path)?;
            Ok(())
        };
        write().map_err(Error::io("write", path))?;
        if let Some(parent) = path.parent() {
            sync_dir(parent)?;
        }
        Ok(())
    }
}

/// Follows a symbolic link, so that the file behind it is replaced and not the link; whether it was
/// one.
pub(super) fn follow(path: &Path) -> Result<(PathBuf, bool), Error> {
    let Ok(target) = fs::read_link(path) else {
        return Ok((path.to_owned(), false));
    };
    match fs::canonicalize(path) {
        Ok(path) => Ok((path, true)),
        // The link may be there before the file is. It leads somewhere in the end: in a circle, the
        // error is another one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let target = path.parent().unwrap_or(Path::new("/")).join(target);
            Ok((follow(&target)?.0, true))
        }
        Err(error) => Err(Error::io("follow", path)(error)),
    }
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), Error> {
    durable::open_directory(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}

/// Makes a directory and its missing parents, all with this mode.
pub(super) fn make_dir(dir: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(mode).create(dir).map_err(Error::io("create", dir))
}

/// Removes a file or a directory with all that is in it; whether there was one.
pub(super) fn remove(path: &Path) -> Result<bool, Error> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}
