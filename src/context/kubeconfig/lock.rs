//! The lock that kubectl takes before it changes a kubeconfig: a file of that name with `.lock`.
//!
//! kubectl makes it with `O_EXCL`, writes and removes it (`lockFile` and `unlockFile` in client-go's
//! `tools/clientcmd/loader.go`). Killed in between it leaves the file, and nobody can tell; so do
//! we, but the kernel's lock on the file goes with its process. A lock file of ours that no process
//! holds is thus known to be left behind and is removed; one of anybody else never is.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::durable;
use crate::pace::stretch;

use super::Error;

/// What a lock file of ours says.
const MARK: &str = "clusterdojo\n";

/// A kubeconfig that nobody else changes until the value is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Waits for the lock on a file, which need not exist; its directory must.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process keeps it for longer than `patience`.
    pub(super) fn acquire(config: &Path, patience: Duration) -> Result<Self, Error> {
        let path = lock_path(config);
        let end = Instant::now() + stretch(patience);
        loop {
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(mut file) => {
                    // In this order, so that the mark of a living process never stands there without
                    // the kernel's lock. On a file system that has no locks, ours are never removed.
                    if file.try_lock().is_ok() {
                        let _ = file.write_all(MARK.as_bytes());
                    }
                    return Ok(Self { path, file });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    wait(&path, end)?;
                }
                Err(error) => return Err(super::super::Error::io("lock", &path)(error).into()),
            }
        }
    }

    /// Whether a process of ours was killed while it held the lock on a file.
    pub(super) fn is_left_behind(config: &Path) -> bool {
        left_behind(&lock_path(config)).is_some()
    }

    /// Waits until nobody holds the lock on a file.
    ///
    /// # Errors
    /// [`Error::Locked`] as above.
    pub(super) fn wait(config: &Path, patience: Duration) -> Result<(), Error> {
        let path = lock_path(config);
        let end = Instant::now() + stretch(patience);
        while fs::symlink_metadata(&path).is_ok() && left_behind(&path).is_none() {
            pause(&path, end)?;
        }
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if durable::is_same(&self.file, &fs::symlink_metadata(&self.path)) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a lock file of ours that was left behind, else pauses.
fn wait(path: &Path, end: Instant) -> Result<(), Error> {
    let Some(file) = left_behind(path) else {
        return pause(path, end);
    };
    // While the kernel's lock is held on it here, no other process removes it or makes another.
    if durable::is_same(&file, &fs::symlink_metadata(path)) {
        let _ = fs::remove_file(path);
    }
    Ok(())
}

fn pause(path: &Path, end: Instant) -> Result<(), Error> {
    if Instant::now() >= end {
        return Err(Error::Locked(path.to_owned()));
    }
    thread::sleep(Duration::from_millis(5));
    Ok(())
}

/// The lock file if it is ours and no process holds it.
fn left_behind(path: &Path) -> Option<File> {
    let mut file = durable::open(path).ok()?;
    file.try_lock().ok()?;
    let mut text = String::new();
    Read::by_ref(&mut file).take(64).read_to_string(&mut text).ok()?;
    (text == MARK).then_some(file)
}

fn lock_path(config: &Path) -> PathBuf {
    let mut name = OsString::from(config);
    name.push(".lock");
    PathBuf::from(name)
}
