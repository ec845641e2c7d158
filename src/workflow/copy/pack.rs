//! A file or folder of this computer, as an archive. A file is called `it` there, and what is in a folder by its path
//! within.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::super::copy_error::{CopyError as Error, HERE, file};
use super::kind::Kind;

/// What is in an archive, before it is written. How long that will be is known then.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) kind: Kind,
    items: Vec<Item>,
    /// What is left out, because it is neither a file nor a folder nor a link.
    pub(super) left_out: Vec<PathBuf>,
}

#[derive(Debug)]
struct Item {
    /// On this computer.
    path: PathBuf,
    /// In the archive.
    name: PathBuf,
    metadata: Metadata,
    /// Where it leads, if it is a link.
    link: Option<PathBuf>,
}

impl Pack {
    /// Looks at what is to be copied. A link is followed; those in a folder are copied as links.
    pub(super) fn of(source: &Path) -> Result<Self, Error> {
        let (path, place) = (source.display().to_string(), HERE.to_owned());
        let metadata = match fs::metadata(source) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::Missing { path, place });
            }
            other => other.map_err(file("read", source))?,
        };
        let item = |name: &str, metadata| Item {
            path: source.to_owned(),
            name: name.into(),
            metadata,
            link: None,
        };
        if metadata.is_file() {
            let items = vec![item("it", metadata)];
            return Ok(Self { kind: Kind::File, items, left_out: Vec::new() });
        }
        if !metadata.is_dir() {
            return Err(Error::Special { path, place });
        }
        let items = vec![item(".", metadata)];
        let mut pack = Self { kind: Kind::Folder, items, left_out: Vec::new() };
        pack.add_all(source, Path::new(""))?;
        Ok(pack)
    }

    fn add_all(&mut self, folder: &Path, within: &Path) -> Result<(), Error> {
        let entries = fs::read_dir(folder).map_err(file("read", folder))?;
        let entries: io::Result<Vec<_>> = entries.collect();
        let mut entries = entries.map_err(file("read", folder))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), within.join(entry.file_name()));
            let metadata = entry.metadata().map_err(file("read", &path))?;
            let kind = metadata.file_type();
            let link = if kind.is_symlink() {
                Some(fs::read_link(&path).map_err(file("read", &path))?)
            } else {
                None
            };
            if !kind.is_symlink() && !kind.is_dir() && !kind.is_file() {
                self.left_out.push(path);
                continue;
            }
            let inner = kind.is_dir().then(|| (path.clone(), name.clone()));
            self.items.push(Item { path, name, metadata, link });
            if let Some((path, name)) = inner {
                self.add_all(&path, &name)?;
            }
        }
        Ok(())
    }

    /// How many bytes the archive will have.
    pub(super) fn length(&self) -> u64 {
        struct Counter(u64);
        impl Write for Counter {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += bytes.len() as u64;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let nothing = |_: &Item| Ok(io::empty());
        let Counter(around) = self.write_with(Counter(0), nothing).expect("counting does not fail");
        // What is in files is made of whole blocks.
        let files = self.items.iter().filter(|item| item.link.is_none() && item.metadata.is_file());
        around + files.map(|item| item.metadata.len().next_multiple_of(512)).sum::<u64>()
    }

    /// Writes it. A file that has grown meanwhile is copied as far as it was.
    ///
    /// # Errors
    /// Where a file cannot be read, or has become shorter.
    pub(super) fn write(&self, to: impl Write) -> Result<(), Error> {
        let open = |item: &Item| {
            let source = File::open(&item.path).map_err(file("read", &item.path))?;
            Ok(Whole { rest: item.metadata.len(), source })
        };
        self.write_with(to, open).map(drop)
    }

    fn write_with<W: Write, R: Read>(
        &self,
        to: W,
        open: impl Fn(&Item) -> Result<R, Error>,
    ) -> Result<W, Error> {
        let mut archive = Builder::new(to);
        for item in &self.items {
            let mut header = Header::new_gnu();
            header.set_mode(item.metadata.permissions().mode() & 0o777);
            header.set_mtime(u64::try_from(item.metadata.mtime()).unwrap_or(0));
            header.set_size(0);
            let added = if let Some(target) = &item.link {
                header.set_entry_type(EntryType::Symlink);
                archive.append_link(&mut header, &item.name, target)
            } else if item.metadata.is_dir() {
                header.set_entry_type(EntryType::Directory);
                archive.append_data(&mut header, &item.name, io::empty())
            } else {
                header.set_entry_type(EntryType::Regular);
                header.set_size(item.metadata.len());
                archive.append_data(&mut header, &item.name, open(item)?)
            };
            added.map_err(file("read", &item.path))?;
        }
        archive.into_inner().map_err(file("send", &self.items[0].path))
    }
}

/// As many bytes of a file as it had.
struct Whole {
    source: File,
    rest: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest == 0 {
            return Ok(0);
        }
        let most = usize::try_from(self.rest).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.source.read(&mut buffer[..most])?;
        if read == 0 {
            let text = "it has become shorter while it was read";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        self.rest -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_as_long_as_was_told() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a b/-r")).unwrap();
        fs::write(root.join(format!("a b/{}", "n".repeat(200))), vec![7; 70_001]).unwrap();
        fs::write(root.join("a b/-r/line\nfeed"), "x").unwrap();
        std::os::unix::fs::symlink("/".repeat(150), root.join("link")).unwrap();
        let pack = Pack::of(root).unwrap();
        let mut written = Vec::new();
        pack.write(&mut written).unwrap();
        assert_eq!(pack.length(), written.len() as u64);
        let mut archive = tar::Archive::new(&*written);
        let names: Vec<_> =
            archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().into_owned()).collect();
        assert!(names.contains(&PathBuf::from("a b/-r/line\nfeed")), "{names:?}");
        assert_eq!(names.len(), 6);
    }

    #[test]
    fn a_file_that_shrinks_meanwhile_is_no_copy() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        fs::write(&path, "long text").unwrap();
        let pack = Pack::of(&path).unwrap();
        fs::write(&path, "short").unwrap();
        let error = pack.write(Vec::new()).unwrap_err();
        assert!(crate::event::chain(&error).contains("shorter"), "{error}");
    }
}
