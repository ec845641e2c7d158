//! Files of the user's that other programs change, too: they may be links, and keep their owner and mode.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};

use super::lock::LockFile;
use super::{directory_of, lock, private_directory, read, sync_directory};

/// Marks temporary files as ours, so that those of a killed process can be found and removed.
const TEMPORARY: &str = ".clusterdojo-";

/// How long the lock on a directory is waited for. It is held for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A directory in which only this process changes files until the value is dropped. It keeps copies of
/// `dojo` apart, and no other program.
#[derive(Debug)]
pub struct Locked {
    directory: PathBuf,
    /// Some network file systems cannot lock a directory. Docker never locks at all, so going on is no worse
    /// than what the user's own commands do.
    held: bool,
    _lock: File,
}

impl Locked {
    /// Waits for the lock on a directory, which must exist.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) after ten seconds.
    pub fn acquire(directory: &Path) -> io::Result<Self> {
        let (lock, held) = lock::wait_for_directory(directory, PATIENCE)?;
        Ok(Self { directory: directory.to_owned(), held, _lock: lock })
    }

    /// Removes temporary files of ours from `scratch`; whether there were any. Under the lock they can only be
    /// leftovers of a process that was killed.
    pub fn sweep(&self, scratch: &Path) -> io::Result<bool> {
        debug_assert!(scratch.starts_with(&self.directory), "not covered by the lock");
        if !self.held {
            return Ok(false);
        }
        let entries = match fs::read_dir(scratch) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            entries => entries?,
        };
        let mut found = false;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_file(entry.path())?;
                found = true;
            }
        }
        Ok(found)
    }

    /// Puts a file in place in one step, durable before the next step begins. Under sudo it stays its owner's.
    /// `scratch` holds the temporary file and must be on the same file system as `path`.
    pub fn replace(&self, path: &Path, scratch: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        debug_assert!(scratch.starts_with(&self.directory), "not covered by the lock");
        // tempfile makes it 0600, so a key is never readable by others on its way.
        let mut temporary = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(scratch)?;
        temporary.write_all(bytes)?;
        temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        if let Ok(old) = fs::metadata(path) {
            // Who is not root cannot give files away and owns the old one anyway.
            let _ = fchown(temporary.as_file(), Some(old.uid()), Some(old.gid()));
        }
        temporary.as_file().sync_all()?;
        temporary.persist(path)?;
        sync_directory(directory_of(path))
    }
}

/// A file, which need not exist: as it was when it was read, and as it shall be.
#[derive(Debug)]
pub struct SharedFile {
    /// As the user names it.
    pub path: PathBuf,
    /// Its mode; `None` if there is no file.
    pub mode: Option<u32>,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// What [`SharedFiles::save`] puts into it; `None` removes it.
    pub new_bytes: Option<Vec<u8>>,
    /// The mode that it gets.
    pub new_mode: u32,
    /// The file behind symbolic links.
    target: PathBuf,
    /// Which file that is: device and number.
    inode: Option<(u64, u64)>,
    /// Whether it is a file, or none is there: `/dev/null` can be read, and must not be replaced.
    regular: bool,
}

impl SharedFile {
    /// Reads a file of at most `most` bytes. One that is absent is empty, and will be the user's alone.
    fn read(path: &Path, most: u64) -> io::Result<Self> {
        let (target, _) = follow(path)?;
        let (bytes, found) = match read(&target, most) {
            Ok(bytes) => (bytes, fs::metadata(&target).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => return Err(error),
        };
        let mode = found.as_ref().map(|found| found.permissions().mode() & 0o7777);
        Ok(Self {
            path: path.to_owned(),
            mode,
            new_bytes: Some(bytes.clone()),
            bytes,
            new_mode: mode.unwrap_or(0o600),
            target,
            inode: found.as_ref().map(|found| (found.dev(), found.ino())),
            regular: found.is_none_or(|found| found.is_file()),
        })
    }

    /// What hinders this user from replacing the file: itself or a directory. Renaming a new file over one that
    /// is there to be read only would succeed, against the wish of whoever took the right away; and to root all
    /// is allowed.
    fn hindrance(&self) -> Option<&Path> {
        let refuses = |path: &Path, rights| {
            let mode = fs::metadata(path).map_or(0o200, |found| found.permissions().mode());
            mode & 0o222 == 0 || access(path, rights).is_err()
        };
        if !self.regular || self.mode.is_some() && refuses(&self.target, Access::WRITE_OK) {
            return Some(&self.path);
        }
        let directories = [&self.target, &self.path].map(|path| directory_of(path));
        let mut existing = directories.into_iter().map(|directory| {
            let mut above = directory.ancestors().filter(|dir| !dir.as_os_str().is_empty());
            above.find(|dir| dir.exists()).unwrap_or(Path::new("."))
        });
        existing.find(|directory| refuses(directory, Access::WRITE_OK | Access::EXEC_OK))
    }

    /// Whether it shall be something else than it is.
    fn is_changed(&self) -> bool {
        let other = self.new_bytes.is_none() || self.mode != Some(self.new_mode);
        self.mode.is_some() && other
            || self.new_bytes.as_ref().is_some_and(|new| *new != self.bytes)
    }

    /// Replaces the file in one step, or removes it.
    fn save(&self) -> io::Result<()> {
        if !self.is_changed() {
            return Ok(());
        }
        let directory = directory_of(&self.target);
        private_directory(directory)?;
        let locked = Locked::acquire(directory)?;
        locked.sweep(directory)?;
        match &self.new_bytes {
            Some(bytes) => locked.replace(&self.target, directory, bytes, self.new_mode),
            None => remove(&self.target).and_then(|_| sync_directory(directory)),
        }
    }
}

/// Files that are changed together.
#[derive(Debug, Default)]
pub struct SharedFiles {
    /// Each of them, once: by a link, one may have been named twice.
    pub files: Vec<SharedFile>,
    /// The locks that are held, and of which files.
    locks: Option<(Vec<LockFile>, Vec<PathBuf>)>,
}

/// What was refused, and of which file.
pub type Refusal = (PathBuf, io::Error);

impl SharedFiles {
    /// Reads the files as they are now, each of at most `most` bytes.
    pub fn read(paths: &[PathBuf], most: u64) -> Result<Self, Refusal> {
        let mut found = Self::default();
        for path in paths {
            let file = SharedFile::read(path, most).map_err(|error| (path.clone(), error))?;
            let is_same = |known: &SharedFile| known.inode.is_some() && known.inode == file.inode;
            if !found.files.iter().any(is_same) {
                found.files.push(file);
            }
        }
        Ok(found)
    }

    /// Locks the files, also those that are missing, and then reads them; see [`LockFile::acquire_all`].
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut) after `patience`.
    pub fn lock(paths: &[PathBuf], most: u64, patience: Duration) -> Result<Self, Refusal> {
        let locks = Some(LockFile::acquire_all(paths, patience)?);
        Ok(Self { locks, ..Self::read(paths, most)? })
    }

    /// What hinders this user from saving: a file or a directory. What cannot be locked is not changed either.
    pub fn hindrance(&self) -> Option<&Path> {
        let is_locked = |path| self.locks.as_ref().is_none_or(|(_, locked)| locked.contains(path));
        let mut changed = self.files.iter().filter(|file| file.is_changed());
        changed.find_map(|f| if is_locked(&f.path) { f.hindrance() } else { Some(&f.path) })
    }

    /// Saves the files that have changed, `first` before the others.
    pub fn save(&self, first: usize) -> Result<(), Refusal> {
        let (before, rest) = self.files.split_at(first);
        let mut files = rest.iter().take(1).chain(before).chain(rest.iter().skip(1));
        files.try_for_each(|file| file.save().map_err(|error| (file.path.clone(), error)))
    }

    /// Removes temporary files that a killed process left beside the files that are locked.
    pub fn sweep(&self) -> Result<(), Refusal> {
        let locked = self.locks.iter().flat_map(|(_, locked)| locked);
        for path in locked {
            let sweep = |(target, _): (PathBuf, bool)| {
                let directory = directory_of(&target);
                if directory.is_dir() {
                    Locked::acquire(directory)?.sweep(directory)?;
                }
                Ok(())
            };
            follow(path).and_then(sweep).map_err(|error| (path.clone(), error))?;
        }
        Ok(())
    }
}

/// Follows a symbolic link, so that the file behind it is replaced and not the link; whether it was one.
pub fn follow(path: &Path) -> io::Result<(PathBuf, bool)> {
    let Ok(target) = fs::read_link(path) else {
        return Ok((path.to_owned(), false));
    };
    match fs::canonicalize(path) {
        // The link may be there before the file is. It leads somewhere in the end: in a circle, the
        // error is another one.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let target = path.parent().unwrap_or(Path::new("/")).join(target);
            Ok((follow(&target)?.0, true))
        }
        found => Ok((found?, true)),
    }
}

/// Removes a file or a directory with all that is in it; whether there was one.
pub fn remove(path: &Path) -> io::Result<bool> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result.map(|()| true),
    }
}
