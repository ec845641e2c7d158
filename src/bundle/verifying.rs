//! The checksums of a bundle, on every processor.

use std::io::{self, Read};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::hex::hex;
use super::{Bundle, Error, File};

const PIECE: usize = 256 * 1024;

/// The SHA-256 of everything that can be read, as hexadecimal digits, and how many bytes that is.
pub(super) fn checksum(mut source: impl Read) -> io::Result<(String, u64)> {
    let mut sum = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok((hex(&sum.finalize()), size)),
            Ok(length) => {
                sum.update(&piece[..length]);
                size += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Does the same to each item, on every processor; the results are in the order of the items.
pub(super) fn on_all<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let take = || {
        let mut results = Vec::new();
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            results.push((index, work(item)));
        }
        results
    };
    let mut results = thread::scope(|scope| {
        let threads: Vec<_> = (0..processors.min(items.len())).map(|_| scope.spawn(take)).collect();
        let joined = threads.into_iter().flat_map(|thread| thread.join().expect("no work panics"));
        joined.collect::<Vec<_>>()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

impl Bundle {
    /// Checks every checksum. Reads the whole file, on every processor; call it where blocking is
    /// allowed. The error is about the first file, in the order of the manifest, that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        // The largest first, so that none of them is begun last and waited for.
        let mut files: Vec<&File> = self.manifest.files.iter().collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.size));
        let wrong = on_all(&files, |file| self.check(file).err().map(|error| (*file, error)));
        let mut wrong: Vec<_> = wrong.into_iter().flatten().collect();
        wrong.sort_by_key(|(file, _)| self.offset(file));
        wrong.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    fn check(&self, file: &File) -> Result<(), Error> {
        let (found, _) = checksum(self.reader(file)).map_err(Error::file("read", &self.path))?;
        if found == file.sha256 {
            return Ok(());
        }
        Err(Error::Checksum {
            path: self.path.clone(),
            file: file.path.clone(),
            expected: file.sha256.clone(),
            found,
        })
    }
}
