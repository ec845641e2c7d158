//! An archive that a machine sends, as a file or folder of this computer. It is unpacked beside its place and then moved
//! there, so that nobody ever sees half of a file. Nothing of it is trusted: nothing comes to be outside of its place.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use tar::{Archive, Entry, EntryType};
use tempfile::TempDir;

use super::super::copy_error::{CopyError as Error, file};
use super::kind::Kind;
use crate::model::MachineId;

/// Where something is to be.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    /// Where it is unpacked: on the same file system.
    beside: PathBuf,
}

impl Place {
    /// Where something of this name is to be, if `target` is said: in there, if that is a folder.
    pub(super) fn of(target: &Path, name: Option<&OsStr>, kind: Kind) -> Result<Self, Error> {
        use std::os::unix::ffi::OsStrExt as _;
        let refuse = |why| Err(Error::refused_here(why));
        let is_folder = target.is_dir();
        if !is_folder && kind == Kind::File && target.as_os_str().as_bytes().ends_with(b"/") {
            return refuse(format!("there is no folder `{}`", target.display()));
        }
        let mut path = match name {
            Some(name) if is_folder => target.join(name),
            _ => target.to_owned(),
        };
        match kind {
            Kind::File if path.is_dir() => return refuse(is_a_folder(&path)),
            // As `cp` does: what a link leads to is what is meant.
            Kind::File if path.is_symlink() && path.exists() => {
                path = fs::canonicalize(&path).map_err(file("read", &path))?;
            }
            Kind::Folder if path.is_dir() => return Ok(Self { beside: path.clone(), path }),
            Kind::Folder if path.is_symlink() || path.exists() => {
                return refuse(is_no_folder(&path));
            }
            _ => {}
        }
        let beside = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if !beside.is_dir() {
            return refuse(format!("there is no folder `{}`", beside.display()));
        }
        Ok(Self { path, beside })
    }
}

/// What has come and is not at its place yet. It is removed if it does not get there.
#[derive(Debug)]
pub(super) struct Unpacked {
    directory: TempDir,
    place: Place,
    kind: Kind,
    /// Folders, with what they are to be like once all is in them: mode and time.
    folders: Vec<(PathBuf, u32, u64)>,
}

/// Unpacks what comes.
pub(super) fn unpack(
    archive: impl Read,
    kind: Kind,
    place: Place,
    machine: &MachineId,
) -> Result<Unpacked, Error> {
    let directory = tempfile::Builder::new().prefix(".dojo-copy.").tempdir_in(&place.beside);
    let directory = directory.map_err(file("write to", &place.beside))?;
    let mut unpacked = Unpacked { directory, place, kind, folders: Vec::new() };
    let top = unpacked.top();
    if kind == Kind::Folder {
        make_folder(&top).map_err(file("write", &unpacked.place.path))?;
    }
    let wrong = || file("write", unpacked.place.path.clone());
    let mut archive = Archive::new(archive);
    let mut folders = Vec::new();
    for entry in archive.entries().map_err(wrong())? {
        let mut entry = entry.map_err(wrong())?;
        let name = entry.path().map_err(wrong())?.into_owned();
        let escapes =
            || Error::Escapes { machine: machine.clone(), path: name.display().to_string() };
        if kind == Kind::File {
            if entry.header().entry_type().is_file() {
                entry.unpack(&top).map_err(wrong())?;
            }
            continue;
        }
        let within = within(&name).ok_or_else(escapes)?;
        let path = open_way(&top, &within).map_err(wrong())?.ok_or_else(escapes)?;
        match entry.header().entry_type() {
            EntryType::Directory => {
                if !path.is_dir() {
                    make_folder(&path).map_err(wrong())?;
                }
                let mode = entry.header().mode().map_err(wrong())?;
                folders.push((within, mode & 0o777, entry.header().mtime().unwrap_or(0)));
            }
            EntryType::Link => {
                let original = linked(&entry).map_err(wrong())?.ok_or_else(escapes)?;
                let original = open_way(&top, &original).map_err(wrong())?.ok_or_else(escapes)?;
                fs::hard_link(original, &path).map_err(wrong())?;
            }
            EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Symlink => {
                entry.unpack(&path).map_err(wrong())?;
            }
            // Devices and the like.
            _ => {}
        }
    }
    unpacked.folders = folders;
    Ok(unpacked)
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// A path that leads nowhere but down.
fn within(path: &Path) -> Option<PathBuf> {
    let mut within = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => within.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(within)
}

/// What a hard link leads to, in the archive.
fn linked(entry: &Entry<'_, impl Read>) -> io::Result<Option<PathBuf>> {
    Ok(entry.link_name()?.and_then(|name| within(&name)))
}

/// Where something of an archive is to be, if no link is on the way there. Folders on the way are made.
fn open_way(top: &Path, within: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = top.to_owned();
    for name in within.parent().into_iter().flat_map(Path::components) {
        path.push(name);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(_) => make_folder(&path)?,
        }
    }
    Ok(Some(match within.file_name() {
        Some(name) => path.join(name),
        None => path,
    }))
}

impl Unpacked {
    fn top(&self) -> PathBuf {
        self.directory.path().join("it")
    }

    /// Moves it to its place. In a folder that is there already, what has another name stays.
    pub(super) fn put(self) -> Result<(), Error> {
        let (top, path) = (self.top(), &self.place.path);
        let mut mixed = HashSet::new();
        if self.kind == Kind::Folder && path.is_dir() {
            if let Some(why) = clash(&top, path).map_err(file("read", path))? {
                return Err(Error::refused_here(why));
            }
            mix(&top, path, Path::new(""), &mut mixed)?;
        } else {
            fs::rename(&top, path).map_err(file("write", path))?;
        }
        // From within, because what is done to a folder changes the time of the one above.
        for (within, mode, time) in self.folders.iter().rev() {
            if !mixed.contains(within) {
                let folder = path.join(within);
                finish(&folder, *mode, *time).map_err(file("write", &folder))?;
            }
        }
        Ok(())
    }
}

fn finish(folder: &Path, mode: u32, time: u64) -> io::Result<()> {
    File::open(folder)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(time))?;
    fs::set_permissions(folder, Permissions::from_mode(mode))
}

fn is_real_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// Why a file cannot be put there.
fn is_a_folder(there: &Path) -> String {
    format!("`{}` is a folder, and no file can be put in its place", there.display())
}

/// Why a folder cannot be put there.
fn is_no_folder(there: &Path) -> String {
    format!("`{}` is no folder, and no folder can be put in its place", there.display())
}

/// Why what is in a folder cannot be put in another one.
fn clash(from: &Path, to: &Path) -> io::Result<Option<String>> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (it, there) = (entry.path(), to.join(entry.file_name()));
        let is_there = there.symlink_metadata().is_ok();
        let why = match (is_real_folder(&it), is_real_folder(&there)) {
            (true, true) => clash(&it, &there)?,
            (true, false) if is_there => Some(is_no_folder(&there)),
            (false, true) => Some(is_a_folder(&there)),
            _ => None,
        };
        if why.is_some() {
            return Ok(why);
        }
    }
    Ok(None)
}

/// Moves what is in a folder to another one, and notes the folders that were there already.
fn mix(from: &Path, to: &Path, within: &Path, mixed: &mut HashSet<PathBuf>) -> Result<(), Error> {
    mixed.insert(within.to_owned());
    for entry in fs::read_dir(from).map_err(file("read", from))? {
        let entry = entry.map_err(file("read", from))?;
        let (it, there) = (entry.path(), to.join(entry.file_name()));
        if is_real_folder(&it) && is_real_folder(&there) {
            mix(&it, &there, &within.join(entry.file_name()), mixed)?;
        } else {
            fs::rename(&it, &there).map_err(file("write", &there))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use tar::{Builder, Header};

    use super::*;

    /// Entries of an archive whose names nobody has looked at: type, name, what it leads to or has in it.
    fn archive(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (kind, name, text) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(if *kind == EntryType::Directory { 0o555 } else { 0o4640 });
            header.set_mtime(1_000_000_000);
            let data = if kind.is_file() { text.as_bytes() } else { b"" };
            if !kind.is_file() && !kind.is_dir() {
                header.set_link_name_literal(text).unwrap();
            }
            header.set_size(data.len() as u64);
            header.set_cksum();
            archive.append(&header, data).unwrap();
        }
        archive.into_inner().unwrap()
    }

    fn machine() -> MachineId {
        MachineId { cluster: "practice".parse().unwrap(), name: "worker-1".parse().unwrap() }
    }

    fn folder(bytes: &[u8], target: &Path) -> Result<(), Error> {
        let place = Place::of(target, Some(OsStr::new("new")), Kind::Folder)?;
        unpack(bytes, Kind::Folder, place, &machine())?.put()
    }

    /// What is in a folder, hidden things too.
    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = names.map(|n| n.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    const FILE: EntryType = EntryType::Regular;
    const FOLDER: EntryType = EntryType::Directory;

    #[test]
    fn nothing_comes_to_be_outside_of_its_place() {
        let bad: [&[(EntryType, &str, &str)]; 6] = [
            &[(FILE, "../out", "x")],
            &[(FILE, "a/../../out", "x")],
            &[(FILE, "/tmp/clusterdojo-out", "x")],
            &[(EntryType::Symlink, "way", ".."), (FILE, "way/out", "x")],
            &[(EntryType::Symlink, "way", "/tmp"), (FOLDER, "way/clusterdojo-out", "")],
            &[(EntryType::Link, "stolen", "../secret")],
        ];
        for entries in bad {
            let home = tempfile::tempdir().unwrap();
            fs::write(home.path().join("secret"), "mine").unwrap();
            let target = home.path().join("target");
            fs::create_dir(&target).unwrap();
            let error = folder(&archive(entries), &target).unwrap_err();
            assert!(matches!(error, Error::Escapes { .. }), "{entries:?}: {error:?}");
            assert_eq!(names(home.path()), ["secret", "target"], "{entries:?}");
            assert_eq!(names(&target), [""; 0], "{entries:?}");
        }
        assert!(!Path::new("/tmp/clusterdojo-out").exists());
    }

    #[test]
    fn a_link_of_the_archive_is_not_written_through() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("victim"), "as it was").unwrap();
        let bytes = archive(&[(EntryType::Symlink, "f", "../victim"), (FILE, "f", "other")]);
        folder(&bytes, &home.path().join("target")).unwrap();
        assert_eq!(fs::read_to_string(home.path().join("victim")).unwrap(), "as it was");
        assert_eq!(fs::read_to_string(home.path().join("target/f")).unwrap(), "other");
    }

    #[test]
    fn modes_and_times_are_kept_but_nobody_gets_the_rights_of_others() {
        let home = tempfile::tempdir().unwrap();
        let bytes = archive(&[(FOLDER, "./", ""), (FOLDER, "./d", ""), (FILE, "./d/f", "text")]);
        let target = home.path().join("target");
        folder(&bytes, &target).unwrap();
        for (path, mode) in [("", 0o555), ("d", 0o555), ("d/f", 0o640)] {
            let metadata = fs::metadata(target.join(path)).unwrap();
            assert_eq!(metadata.mode() & 0o7777, mode, "{path}");
            assert_eq!(metadata.mtime(), 1_000_000_000, "{path}");
        }
        assert_eq!(names(home.path()), ["target"]);
    }

    #[test]
    fn a_folder_that_is_there_keeps_what_has_another_name() {
        let home = tempfile::tempdir().unwrap();
        let new = home.path().join("new");
        fs::create_dir_all(new.join("d")).unwrap();
        fs::write(new.join("d/own"), "mine").unwrap();
        fs::write(new.join("d/f"), "old").unwrap();
        let bytes = archive(&[(FOLDER, "d", ""), (FILE, "d/f", "text"), (FILE, "e/g", "x")]);
        folder(&bytes, home.path()).unwrap();
        assert_eq!(fs::read_to_string(new.join("d/own")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(new.join("d/f")).unwrap(), "text");
        assert_eq!(names(&new), ["d", "e"]);
        // What cannot be put there is seen before anything is.
        fs::remove_file(new.join("d/f")).unwrap();
        symlink("..", new.join("link")).unwrap();
        let bytes = archive(&[(FILE, "d/f", "later"), (FILE, "link/x", "through it")]);
        let error = folder(&bytes, home.path()).unwrap_err();
        assert!(error.to_string().contains("link` is no folder"), "{error}");
        assert_eq!(names(&new.join("d")), ["own"]);
    }

    #[test]
    fn half_an_archive_leaves_what_was_there() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        fs::write(&path, "old").unwrap();
        let bytes = archive(&[(FILE, "it", &"new".repeat(1000))]);
        let place = Place::of(&path, None, Kind::File).unwrap();
        unpack(&bytes[..1500], Kind::File, place, &machine()).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(home.path()), ["f"]);
    }

    #[test]
    fn a_target_is_a_folder_or_a_new_name() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("d")).unwrap();
        fs::write(home.path().join("f"), "").unwrap();
        let place = |target: &str, kind| {
            let place = Place::of(&home.path().join(target), Some(OsStr::new("n")), kind);
            place
                .map(|p| p.path.strip_prefix(home.path()).unwrap().to_owned())
                .map_err(|e| e.to_string())
        };
        assert_eq!(place("d", Kind::File).unwrap(), Path::new("d/n"));
        assert_eq!(place("d/", Kind::Folder).unwrap(), Path::new("d/n"));
        assert_eq!(place("f", Kind::File).unwrap(), Path::new("f"));
        assert_eq!(place("e/", Kind::Folder).unwrap(), Path::new("e"));
        assert!(place("e/", Kind::File).unwrap_err().contains("there is no folder"));
        assert!(place("e/g", Kind::File).unwrap_err().contains("there is no folder"));
        assert!(place("f", Kind::Folder).unwrap_err().contains("is no folder"));
    }
}
