//! Files that are either as they were or as they shall be, whenever the power goes; and that are read only if
//! they are files, and up to a limit.

pub mod lock;
pub mod shared;

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::path::Path;

use rustix::fs::{OFlags, makedev};
use tempfile::NamedTempFile;

/// The most that is read of a key, a certificate or a note, in bytes.
pub const KEY: u64 = 1 << 20;
/// The most that is read of a text that a person or a program wrote, in bytes: a spec, a manifest, a record, a
/// kubeconfig.
pub const TEXT: u64 = 8 << 20;
/// The most that is read of a log, in bytes.
pub const LOG: u64 = 256 << 20;

/// Opens a file to read it. What is no file (a directory, a device, a pipe, which may wait for ever for
/// somebody to write to it) is refused at once.
pub fn open(path: &Path) -> io::Result<File> {
    let file = without_waiting().open(path)?;
    refuse(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a file of at most `most` bytes. `/dev/null` is an empty one, as it is meant to be.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = without_waiting().open(path)?;
    let metadata = file.metadata()?;
    let is_null = metadata.file_type().is_char_device() && metadata.rdev() == makedev(1, 3);
    if !is_null {
        refuse(metadata.file_type())?;
    }
    limited(file, most)
}

/// Reads a file of at most `most` bytes as text.
pub fn read_to_string(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?)
}

/// Reads what a user gives to a command: a file as [`read_to_string`] does, and also what the shell hands over
/// as an open pipe: `-`, `/dev/stdin`, `<(command)`.
pub fn read_input(path: &Path, most: u64) -> io::Result<String> {
    let handed_over = ["/dev/fd", "/proc/self/fd"].iter().any(|fds| path.starts_with(fds));
    if path == Path::new("-") {
        text(limited(io::stdin().lock(), most)?)
    } else if handed_over || path == Path::new("/dev/stdin") {
        text(limited(File::open(path)?, most)?)
    } else {
        read_to_string(path, most)
    }
}

/// Opens a directory, and nothing else.
pub fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

fn without_waiting() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

fn refuse(kind: FileType) -> io::Result<()> {
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else {
        "a device"
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file")))
}

fn limited(source: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let text = format!("it is larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(bytes).map_err(wrong)
}

/// Replaces a file by new contents: written to a temporary file beside it, synced, renamed over it,
/// and the directory synced. `mode` holds from the first moment, so a key is never readable by others.
pub fn replace(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    replace_with(path, mode, |file| file.write_all(contents))
}

/// The same for contents that are too large to have in memory: `write` writes them to the file that it
/// is given. If it fails, nothing has changed.
pub fn replace_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    check_replaceable(path)?;
    beside(path, mode, write)?.persist(path).map_err(|e| e.error)?;
    sync_directory(directory_of(path))
}

/// Makes a file with these contents, all of them from its first moment on; `false` if there is one already.
pub fn create(path: &Path, contents: &[u8], mode: u32) -> io::Result<bool> {
    match beside(path, mode, |file| file.write_all(contents))?.persist_noclobber(path) {
        Ok(_) => sync_directory(directory_of(path)).map(|()| true),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e.error),
    }
}

/// A temporary file beside another one, written and synced.
fn beside(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let permissions = fs::Permissions::from_mode(mode);
    let mut temporary = tempfile::Builder::new()
        .prefix(".dojo-")
        .suffix(".tmp")
        .permissions(permissions.clone())
        .tempfile_in(directory_of(path))?;
    write(temporary.as_file_mut())?;
    // The permissions given at creation are cut by the umask.
    temporary.as_file().set_permissions(permissions)?;
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// The directory of a file; a name alone is in the working directory.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses a path at which there is something other than a file: a rename would put a file in the place of a
/// device, for everybody.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_symlink() => refuse(found.file_type()),
        _ => Ok(()),
    }
}

/// Makes a directory, and those above it, that only the user can enter.
pub fn private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes renames and removals within a directory last.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    open_directory(path)?.sync_all()
}

/// Opens a file that only the user can read, for reading and writing, making it if it is absent.
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = without_waiting();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
    refuse(file.metadata()?.file_type())?;
    Ok(file)
}

/// Whether an error means that nothing can be written there, by this user or by anybody.
pub fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_sets_contents_and_mode_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_files_are_read_and_only_so_much_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "1234").unwrap();
        assert_eq!(read_to_string(&path, 4).unwrap(), "1234");
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        fs::write(&path, [0xff]).unwrap();
        assert!(read_to_string(&path, 4).unwrap_err().to_string().contains("UTF-8"));

        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for (path, what) in [
            (pipe.as_path(), "a pipe"),
            (directory.path(), "a directory"),
            ("/dev/zero".as_ref(), "a device"),
        ] {
            for refused in
                [open(path).map(drop), read(path, 4).map(drop), read_input(path, 4).map(drop)]
            {
                assert!(refused.unwrap_err().to_string().contains(what), "{}", path.display());
            }
        }
        assert!(open_private(&pipe).is_err());
        assert!(replace(&pipe, b"new", 0o600).unwrap_err().to_string().contains("a pipe"));
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(open_directory(&pipe).is_err());
        assert_eq!(read(Path::new("/dev/null"), 4).unwrap(), b"");
    }

    #[test]
    fn a_failed_replacement_keeps_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"new", 0o600).is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
