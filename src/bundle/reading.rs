//! Opening a bundle: from a file that may be anything to one whose structure is sound.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::durable;

use super::hex::hex;
use super::manifest::Invalid;
use super::tape::{self, BLOCK, Block, END};
use super::{Bundle, Error, Manifest};

/// The largest manifest, in bytes; one with a hundred files has 30 KiB.
const LARGEST_MANIFEST: u64 = 4 << 20;
/// How many zeros may follow the end, in bytes. GNU tar fills its last record of 10 KiB.
const LONGEST_TAIL: u64 = 1 << 20;

impl Bundle {
    /// Opens a bundle and checks its structure: manifest, names, order, sizes, length. Reads little more
    /// than the manifest.
    pub fn open(path: &Path) -> Result<Self, Error> {
        open(path)
    }
}

fn open(path: &Path) -> Result<Bundle, Error> {
    let strange = |reason: &str| Error::NotABundle { path: path.to_owned(), reason: reason.into() };
    let file = durable::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => strange(&error.to_string()),
        _ => Error::file("open", path)(error),
    })?;
    let metadata = file.metadata().map_err(Error::file("read", path))?;
    let tape = Tape { path, file: &file, length: metadata.len() };
    let size = match tape.block(0)? {
        Some(Block::File { path, size }) if path == "manifest.json" => size,
        Some(Block::File { path, .. } | Block::Other { path }) => {
            return Err(strange(&format!("it begins with `{path}` instead of `manifest.json`")));
        }
        Some(Block::Garbage) if tape.begins_with(&[0x1f, 0x8b])? => {
            return Err(strange("it is compressed as a whole; unpack it with gunzip"));
        }
        _ => return Err(strange("it is not a tar archive")),
    };
    if size > LARGEST_MANIFEST {
        return Err(strange("its manifest is too large"));
    }
    let text = tape.read(BLOCK, size)?.ok_or_else(|| Error::Truncated {
        path: path.to_owned(),
        length: tape.length,
        expected: BLOCK + size,
        place: "before the end of `manifest.json`".to_owned(),
    })?;
    let manifest = Manifest::parse(&text).map_err(|invalid| match invalid {
        Invalid::Newer(schema) => Error::Newer { path: path.to_owned(), schema },
        other => Error::malformed(path, format!("manifest: {other}")),
    })?;
    let (offsets, end) = layout(&manifest, size)
        .ok_or_else(|| Error::malformed(path, "manifest: no file can be that large"))?;
    tape.reaches(end, &manifest, &offsets)?;
    for (file, offset) in manifest.files.iter().zip(&offsets) {
        tape.holds(&file.path, file.size, offset - BLOCK)?;
    }
    tape.ends(end - END)?;
    let (path, length) = (path.to_owned(), tape.length);
    Ok(Bundle { path, file: Arc::new(file), id: id(&text), manifest, offsets, length })
}

/// The id of a bundle with this manifest.
fn id(manifest: &[u8]) -> String {
    hex(&Sha256::digest(manifest)[..8])
}

/// Where the bytes of each file begin, and where the archive ends.
fn layout(manifest: &Manifest, manifest_size: u64) -> Option<(Vec<u64>, u64)> {
    let mut position = tape::room(manifest_size)?;
    let mut offsets = Vec::with_capacity(manifest.files.len());
    for file in &manifest.files {
        offsets.push(position.checked_add(BLOCK)?);
        position = position.checked_add(tape::room(file.size)?)?;
    }
    Some((offsets, position.checked_add(END)?))
}

/// A tar that is being looked at.
struct Tape<'a> {
    path: &'a Path,
    file: &'a File,
    length: u64,
}

impl Tape<'_> {
    /// Some bytes of the file; `None` if it ends before.
    fn read(&self, offset: u64, length: u64) -> Result<Option<Vec<u8>>, Error> {
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        match self.file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(Some(bytes)),
            // It has become shorter in this moment.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(Error::file("read", self.path)(error)),
        }
    }

    fn block(&self, offset: u64) -> Result<Option<Block>, Error> {
        let bytes = self.read(offset, BLOCK)?;
        Ok(bytes.and_then(|bytes| Some(tape::parse(bytes.first_chunk()?))))
    }

    fn begins_with(&self, bytes: &[u8]) -> Result<bool, Error> {
        Ok(self.read(0, bytes.len() as u64)?.is_some_and(|found| found == bytes))
    }

    /// Checks that the file is as long as it must be.
    fn reaches(&self, end: u64, manifest: &Manifest, offsets: &[u64]) -> Result<(), Error> {
        if self.length >= end {
            return Ok(());
        }
        let mut files = manifest.files.iter().zip(offsets);
        let cut = files.find(|(file, offset)| self.length < **offset + file.size);
        let place = cut.map_or("after its last file".to_owned(), |(file, _)| {
            format!("before the end of `{}`", file.path)
        });
        Err(Error::Truncated {
            path: self.path.to_owned(),
            length: self.length,
            expected: end,
            place,
        })
    }

    /// Checks that a member is where it must be.
    fn holds(&self, path: &str, size: u64, offset: u64) -> Result<(), Error> {
        let reason = match self.block(offset)? {
            Some(Block::File { path: found, size: there }) if found == path => {
                if there == size {
                    return Ok(());
                }
                format!("`{path}` has {there} bytes instead of {size}")
            }
            Some(Block::File { path: found, .. }) => {
                format!("`{found}` is where `{path}` must be")
            }
            Some(Block::Other { path: found }) => {
                format!("`{found}`, where `{path}` must be, is not a plain file")
            }
            Some(Block::Zeros) => format!("it ends where `{path}` must be"),
            Some(Block::Garbage) | None => format!("`{path}` is not where it must be"),
        };
        Err(Error::malformed(self.path, reason))
    }

    /// Checks that nothing follows.
    fn ends(&self, offset: u64) -> Result<(), Error> {
        match self.block(offset)? {
            Some(Block::File { path, .. } | Block::Other { path }) => {
                let reason = format!("`{path}` is in it, and its manifest does not say so");
                return Err(Error::malformed(self.path, reason));
            }
            Some(Block::Zeros) => {}
            Some(Block::Garbage) | None => {
                return Err(Error::malformed(self.path, "something unknown follows its files"));
            }
        }
        let rest = self.length - offset;
        let tail = if rest > LONGEST_TAIL { None } else { self.read(offset, rest)? };
        if tail.is_some_and(|tail| tail.iter().all(|byte| *byte == 0)) {
            return Ok(());
        }
        Err(Error::malformed(self.path, "something follows its end"))
    }
}

/// The bytes of one file of a bundle.
#[derive(Debug)]
pub struct Reader {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..length], self.position)?;
        if read == 0 && length > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl Bundle {
    /// Reads one file. Each reader has a place of its own, also on several threads.
    ///
    /// # Panics
    ///
    /// If the file is not of this bundle.
    pub fn reader(&self, file: &super::File) -> Reader {
        let position = self.offset(file).expect("the file is one of this bundle's");
        Reader { file: Arc::clone(&self.file), position, end: position + file.size }
    }

    /// All bytes of one file; for those that are known to be small.
    pub fn read(&self, file: &super::File) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self.reader(file).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(Error::file("read", &self.path))
    }
}
