//! Locks on files and directories. All but [`LockFile`] are the kernel's, and go with the process that has them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::{directory_of, open, open_directory, open_private};
use crate::pace::stretch;

/// What a lock file of ours says.
const OURS: &str = "clusterdojo\n";

/// Waits for the lock on a file, which is made if it is absent, and holds it until the value is dropped.
/// Whoever held it before may have put another file in its place, so only a lock on the file that is there
/// counts.
pub fn wait(path: &Path) -> io::Result<File> {
    loop {
        let file = open_private(path)?;
        file.lock()?;
        match fs::metadata(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            found if is_same(&file, &found) => return Ok(file),
            _ => {}
        }
    }
}

/// Locks a file that is open, if no other process has the lock; whether it is still the one at its path. Else it
/// has been replaced or removed meanwhile, and is to be opened again.
pub fn try_at(file: &File, path: &Path) -> Result<bool, TryLockError> {
    file.try_lock()?;
    Ok(is_same(file, &fs::metadata(path)))
}

/// Waits for the lock on a directory, which must exist: no lock file is left in it. `false` says that its file
/// system has no locks.
///
/// # Errors
/// [`TimedOut`](io::ErrorKind::TimedOut) after `patience`.
pub fn wait_for_directory(path: &Path, patience: Duration) -> io::Result<(File, bool)> {
    let directory = open_directory(path)?;
    let end = Instant::now() + stretch(patience);
    loop {
        match directory.try_lock() {
            Ok(()) => return Ok((directory, true)),
            Err(TryLockError::WouldBlock) => pause(end)?,
            Err(TryLockError::Error(_)) => return Ok((directory, false)),
        }
    }
}

/// A lock as kubectl takes it: a file beside another, of its name with `.lock`.
///
/// kubectl makes it with `O_EXCL`, writes and removes it (`lockFile` and `unlockFile` in client-go's
/// `tools/clientcmd/loader.go`). Killed in between it leaves the file, and nobody can tell; so do
/// we, but the kernel's lock on the file goes with its process. A lock file of ours that no process
/// holds is thus known to be left behind and is removed; one of anybody else never is.
#[derive(Debug)]
pub struct LockFile {
    path: PathBuf,
    file: File,
}

impl LockFile {
    /// The lock file beside a file.
    pub fn path(beside: &Path) -> PathBuf {
        let mut name = OsString::from(beside);
        name.push(".lock");
        PathBuf::from(name)
    }

    /// Waits for the lock on a file, which need not exist; its directory must.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) after `patience`.
    pub fn acquire(beside: &Path, patience: Duration) -> io::Result<Self> {
        let path = Self::path(beside);
        let end = Instant::now() + stretch(patience);
        loop {
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    // In this order, so that the mark of a living process never stands there without
                    // the kernel's lock. On a file system that has no locks, ours are never removed.
                    if file.try_lock().is_ok() {
                        let _ = file.write_all(OURS.as_bytes());
                    }
                    return Ok(Self { path, file });
                }
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => match left_behind(&path) {
                    // While the kernel's lock is held on it here, no other process removes it or makes another.
                    Some(file) => remove_same(&file, &path),
                    None => pause(end)?,
                },
            }
        }
    }

    /// Takes the lock on each of the files, in the order of their names, as kubectl does; returns those that are
    /// locked. A file of which this user cannot lock anything is left out.
    ///
    /// # Errors
    /// What [`acquire`](Self::acquire) says, and of which file.
    pub fn acquire_all(
        files: &[PathBuf],
        patience: Duration,
    ) -> Result<(Vec<Self>, Vec<PathBuf>), (PathBuf, io::Error)> {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        let (mut locks, mut locked, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
        for path in files.iter().collect::<BTreeSet<_>>() {
            // By a link to the directory, one lock may be asked for twice; kubectl fails at that.
            let real = fs::canonicalize(directory_of(path)).ok();
            if let (Some(directory), Some(name)) = (real, path.file_name())
                && !known.insert(directory.join(name))
            {
                locked.push(path.clone());
                continue;
            }
            match Self::acquire(path, patience) {
                Ok(lock) => {
                    locks.push(lock);
                    locked.push(path.clone());
                }
                Err(error) => match error.kind() {
                    NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem => {}
                    _ => return Err((path.clone(), error)),
                },
            }
        }
        Ok((locks, locked))
    }

    /// Whether a process of ours was killed while it held the lock on a file.
    pub fn is_left_behind(beside: &Path) -> bool {
        left_behind(&Self::path(beside)).is_some()
    }

    /// Waits until nobody holds the lock on a file.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) after `patience`.
    pub fn wait(beside: &Path, patience: Duration) -> io::Result<()> {
        let path = Self::path(beside);
        let end = Instant::now() + stretch(patience);
        while fs::symlink_metadata(&path).is_ok() && left_behind(&path).is_none() {
            pause(end)?;
        }
        Ok(())
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        remove_same(&self.file, &self.path);
    }
}

/// Whether a file that is open is the one that was found at its path. Who waited for a lock may hold it on a file
/// that another process has replaced or removed meanwhile.
fn is_same(file: &File, found: &io::Result<Metadata>) -> bool {
    match (file.metadata(), found) {
        (Ok(open), Ok(found)) => (open.dev(), open.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

/// Removes a file, if it is the one that is open.
fn remove_same(file: &File, path: &Path) {
    if is_same(file, &fs::symlink_metadata(path)) {
        let _ = fs::remove_file(path);
    }
}

fn pause(end: Instant) -> io::Result<()> {
    if Instant::now() >= end {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "another process keeps it locked"));
    }
    thread::sleep(Duration::from_millis(5));
    Ok(())
}

/// The lock file if it is ours and no process holds it.
fn left_behind(path: &Path) -> Option<File> {
    let file = open(path).ok()?;
    file.try_lock().ok()?;
    let mut text = String::new();
    (&file).take(64).read_to_string(&mut text).ok()?;
    (text == OURS).then_some(file)
}
