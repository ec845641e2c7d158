//! Remembering that a bundle was verified, so that the next command need not do it again.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::durable;

use super::{Bundle, Error};

/// A file that was changed less than this ago could be changed once more within the same tick of its
/// file system's clock; the coarsest known tick is that of FAT.
const TICK: Duration = Duration::from_secs(2);

impl Bundle {
    /// Does what [`verify`](Self::verify) does, unless this very file was found good before and has not
    /// been written to since, which a stamp in a directory tells. `stamps` must be a directory that only
    /// the user can write to; it is made if need be. A stamp that cannot be kept only costs time.
    ///
    /// Says whether the checksums were calculated.
    pub fn verify_once(&self, stamps: &Path) -> Result<bool, Error> {
        let path = stamps.join(format!("bundle-{}", self.id));
        let before = self.metadata()?;
        let stamp = stamp(&before);
        if durable::read(&path, durable::KEY).is_ok_and(|found| found == stamp.as_bytes()) {
            return Ok(false);
        }
        let begin = SystemTime::now();
        self.verify()?;
        let still = self.metadata().is_ok_and(|after| self::stamp(&after) == stamp);
        if still && settled(&before, begin) && durable::private_directory(stamps).is_ok() {
            let _ = durable::replace(&path, stamp.as_bytes(), 0o600);
        }
        Ok(true)
    }

    fn metadata(&self) -> Result<Metadata, Error> {
        self.file.metadata().map_err(Error::file("read", &self.path))
    }
}

/// What no writing to a file leaves as it was: nobody but the kernel sets the time of its last change.
fn stamp(metadata: &Metadata) -> String {
    let m = metadata;
    format!(
        "{} {} {} {}.{} {}.{}\n",
        m.dev(),
        m.ino(),
        m.len(),
        m.mtime(),
        m.mtime_nsec(),
        m.ctime(),
        m.ctime_nsec()
    )
}

fn settled(metadata: &Metadata, now: SystemTime) -> bool {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    now.duration_since(changed).is_ok_and(|age| age > TICK)
}
