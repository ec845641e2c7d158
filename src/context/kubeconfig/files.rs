//! The files of `$KUBECONFIG`, seen as the one configuration that kubectl makes of them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access};

use super::document::{Document, Refused, Section};
use super::entry::{Before, Mark, name};
use super::lock::Lock;
use super::node::Node;
use super::yaml::Problem;
use super::{Error, replace};
use crate::durable;
use crate::failpoint;

/// One kubeconfig, which need not exist.
pub(super) struct KubeFile {
    /// As `$KUBECONFIG` names it.
    pub(super) path: PathBuf,
    /// The file behind symbolic links.
    target: PathBuf,
    /// Which file that is: device and number; `None` if there is no file.
    inode: Option<(u64, u64)>,
    /// Its mode; `None` if there is no file.
    mode: Option<u32>,
    /// Whether it is a file, or none is there: `/dev/null` can be read, and must not be replaced.
    regular: bool,
    /// What it says; operations change this, and [`Files::save`] the file.
    pub(super) document: Document,
    /// The text that was read.
    text: String,
    /// The mode that it gets when it is next written.
    pub(super) new_mode: Option<u32>,
    /// Goes when it is next saved.
    pub(super) gone: bool,
    /// Whether the lock is held on it.
    locked: bool,
}

/// The files in the order in which kubectl reads them. Of entries of one name the first one counts,
/// and of selected contexts too (`ClientConfigLoadingRules.Load` in client-go's
/// `tools/clientcmd/loader.go`).
pub(super) struct Files {
    pub(super) files: Vec<KubeFile>,
    locks: Vec<Lock>,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) index: usize,
}

/// Which of the files kubectl writes new entries and the selected context into: the first of the
/// list that exists, or else the last (`PathOptions.GetDefaultFilename` in client-go's
/// `tools/clientcmd/config.go`).
pub(super) fn default_path(paths: &[PathBuf]) -> &Path {
    let existing = paths.iter().find(|path| path.exists());
    existing.or(paths.last()).map_or(Path::new(""), PathBuf::as_path)
}

impl Files {
    /// Reads the files as they are now.
    ///
    /// # Errors
    /// [`Error::Damaged`] for a file that kubectl could not read either.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut files: Vec<KubeFile> = Vec::new();
        for path in paths {
            let file = KubeFile::read(path)?;
            // By a link, one file may be in the list twice. It says the same each time.
            if file.inode.is_none() || files.iter().all(|known| known.inode != file.inode) {
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(Error::NoFile);
        }
        Ok(Self { files, locks: Vec::new() })
    }

    /// Locks the files and then reads them. kubectl locks all of them, those that are missing too,
    /// in the order of their names (`ModifyConfig` in client-go's `tools/clientcmd/config.go`). What
    /// this user may not lock, kubectl of this user cannot change; nor can we then.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Damaged`].
    pub(super) fn lock(paths: &[PathBuf], patience: Duration) -> Result<Self, Error> {
        let mut locks = Vec::new();
        let mut locked = BTreeSet::new();
        let mut known = BTreeSet::new();
        for path in paths.iter().collect::<BTreeSet<_>>() {
            // By a link to the directory, one lock may be asked for twice; kubectl fails at that.
            if let (Ok(dir), Some(name)) = (fs::canonicalize(parent(path)), path.file_name())
                && !known.insert(dir.join(name))
            {
                locked.insert(path);
                continue;
            }
            match Lock::acquire(path, patience) {
                Ok(lock) => {
                    locks.push(lock);
                    locked.insert(path);
                }
                Err(Error::Files(super::super::Error::Io { source, .. }))
                    if matches!(
                        source.kind(),
                        io::ErrorKind::NotFound
                            | io::ErrorKind::NotADirectory
                            | io::ErrorKind::PermissionDenied
                            | io::ErrorKind::ReadOnlyFilesystem
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        let mut files = Self::read(paths)?;
        for file in &mut files.files {
            file.locked = locked.contains(&file.path);
        }
        files.locks = locks;
        Ok(files)
    }

    /// The file that new entries and the selected context go into; see [`default_path`].
    pub(super) fn default_file(&self) -> usize {
        let existing = self.files.iter().position(|file| file.mode.is_some());
        existing.unwrap_or(self.files.len() - 1)
    }

    /// The selected context, and which file says so.
    pub(super) fn current(&self) -> Option<(usize, &str)> {
        let mut files = self.files.iter().enumerate();
        files.find_map(|(number, file)| Some((number, file.document.current()?)))
    }

    /// All entries of a list in all files, the ones that count before the others of their name.
    pub(super) fn entries(&self, section: Section) -> impl Iterator<Item = (Place, &Node)> {
        self.files.iter().enumerate().flat_map(move |(file, found)| {
            let entries = found.document.entries(section).iter().enumerate();
            entries.map(move |(index, entry)| (Place { file, index }, entry))
        })
    }

    /// All entries of a name.
    pub(super) fn named<'a>(
        &'a self,
        section: Section,
        wanted: &'a str,
    ) -> impl Iterator<Item = (Place, &'a Node)> {
        self.entries(section).filter(move |(_, entry)| name(entry) == Some(wanted))
    }

    /// Whether there is a context of this name.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.named(Section::Contexts, name).next().is_some()
    }

    /// Our mark on the context of a name, and where that is; `None` if it is not ours.
    pub(super) fn mark(&self, name: &str) -> Option<(Place, Mark)> {
        let (place, entry) = self.named(Section::Contexts, name).next()?;
        Some((place, Mark::read(entry, Section::Contexts)?))
    }

    /// Changes our mark on a context.
    pub(super) fn remark(&mut self, place: Place, mark: &Mark) -> Result<(), Error> {
        let section = Section::Contexts;
        let mut entry = self.files[place.file].document.entries(section)[place.index].clone();
        mark.write(&mut entry, section);
        self.change(place.file, |document| document.put(section, Some(place.index), entry))
    }

    /// Changes what a file says.
    pub(super) fn change(
        &mut self,
        file: usize,
        change: impl FnOnce(&mut Document) -> Result<(), Refused>,
    ) -> Result<(), Error> {
        let file = &mut self.files[file];
        change(&mut file.document).map_err(|Refused| Error::Unchangeable(file.path.clone()))
    }

    /// Removes temporary files that a killed process left beside the files.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        for file in self.files.iter().filter(|file| file.locked) {
            let dir = parent(&file.target);
            if dir.is_dir() {
                replace::Locked::acquire(dir)?.sweep(dir)?;
            }
        }
        Ok(())
    }

    /// Writes the files that have changed, `first` before the others, and gives the locks back. The
    /// points are passed while the locks are held, before and after the files change.
    pub(super) fn save(self, first: usize, points: Option<[&str; 2]>) -> Result<(), Error> {
        for file in &self.files {
            if file.changed() && !file.locked {
                return Err(Error::Files(super::super::Error::NotWritable(file.path.clone())));
            }
            file.check_writable()?;
        }
        if let Some([before, _]) = points {
            failpoint::reached(before);
        }
        let (early, late): (Vec<_>, Vec<_>) =
            self.files.iter().enumerate().partition(|(number, _)| *number == first);
        for (_, file) in early.into_iter().chain(late) {
            file.save()?;
        }
        if let Some([_, after]) = points {
            failpoint::reached(after);
        }
        drop(self.locks);
        Ok(())
    }
}

impl KubeFile {
    fn read(path: &Path) -> Result<Self, Error> {
        let (target, _) = replace::follow(path)?;
        let damaged = |source| Error::Damaged { path: path.to_owned(), source };
        let bytes = match durable::read(&target, durable::TEXT) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(super::super::Error::io("read", path)(error).into()),
        };
        let metadata = bytes.as_ref().and_then(|_| fs::metadata(&target).ok());
        let mode = metadata.as_ref().map(|found| found.permissions().mode() & 0o7777);
        let inode = metadata.as_ref().map(|found| (found.dev(), found.ino()));
        let regular = metadata.is_none_or(|found| found.is_file());
        let text = String::from_utf8(bytes.unwrap_or_default())
            .map_err(|_| damaged(Problem::new("", 0, "not UTF-8")))?;
        let document = Document::parse(text.clone()).map_err(damaged)?;
        Ok(Self {
            path: path.to_owned(),
            target,
            inode,
            mode,
            regular,
            document,
            text,
            new_mode: None,
            gone: false,
            locked: false,
        })
    }

    /// What to note before the first entry of ours comes in.
    pub(super) fn before(&self) -> Before {
        // Others may read it: not with our key in it.
        let mode = self.mode.filter(|mode| mode & 0o077 != 0);
        Before::of(&self.document, self.mode.is_none(), mode)
    }

    /// Makes sure that a key in the file is for its owner alone.
    pub(super) fn make_private(&mut self) {
        if let Some(mode) = self.mode {
            self.new_mode = Some(mode & 0o7700);
        }
    }

    /// Gives back the mode that [`make_private`](Self::make_private) took, if it is still that.
    pub(super) fn make_public(&mut self, mode: u32) {
        if self.mode == Some(mode & 0o7700) {
            self.new_mode = Some(mode);
        }
    }

    fn changed(&self) -> bool {
        let mode = self.mode.is_some() && self.new_mode.is_some_and(|new| Some(new) != self.mode);
        self.document.text() != self.text || mode || self.gone
    }

    /// Whether there is an entry of ours, of any cluster.
    pub(super) fn has_ours(&self) -> bool {
        Section::ALL.into_iter().any(|section| {
            let mut entries = self.document.entries(section).iter();
            entries.any(|entry| Mark::read(entry, section).is_some())
        })
    }

    /// Refuses a file that is there to be read only, if it has been changed. Renaming a new file over
    /// it would succeed, against the wish of whoever took the right away; and to root all is allowed.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        if !self.changed() {
            return Ok(());
        }
        let not_writable =
            |path: &Path| Err(Error::Files(super::super::Error::NotWritable(path.to_owned())));
        let refused = |path: &Path, rights| {
            let mode = fs::metadata(path).map_or(0o200, |found| found.permissions().mode());
            mode & 0o222 == 0 || access(path, rights).is_err()
        };
        if !self.regular || self.mode.is_some() && refused(&self.target, Access::WRITE_OK) {
            return not_writable(&self.path);
        }
        for path in [&self.target, &self.path] {
            let existing = path.ancestors().skip(1).find(|dir| !dir.as_os_str().is_empty());
            let existing = existing.unwrap_or(Path::new("."));
            let existing = existing.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("."));
            if refused(existing, Access::WRITE_OK | Access::EXEC_OK) {
                return not_writable(existing);
            }
        }
        Ok(())
    }

    fn save(&self) -> Result<(), Error> {
        if !self.changed() {
            return Ok(());
        }
        let parent = parent(&self.target);
        replace::make_dir(parent, 0o700)?;
        let locked = replace::Locked::acquire(parent)?;
        locked.sweep(parent)?;
        if self.gone {
            replace::remove(&self.target)?;
            return Ok(replace::sync_dir(parent)?);
        }
        let mode = self.new_mode.or(self.mode).unwrap_or(0o600);
        Ok(locked.replace(&self.target, parent, self.document.text().as_bytes(), mode)?)
    }
}

/// The directory of a file; a name alone is below the working directory.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
