//! Where it is kept what is being learned, and how far somebody is.

use std::path::{Path, PathBuf};

use crate::store::Home;

use super::attempt::Attempt;
use super::error::Error;
use super::progress::Progress;

/// The directory of a home where it is kept.
#[derive(Debug, Clone)]
pub struct Desk {
    directory: PathBuf,
}

/// Names another directory than that of the home. A proof leads the commands of a solution there, so that `dojo lesson answer` answers
/// the question of the proof.
pub(super) const PLACE: &str = "DOJO_LESSONS";

impl Desk {
    /// That of a home.
    pub fn of(home: &Home) -> Self {
        let elsewhere = std::env::var_os(PLACE).filter(|place| !place.is_empty());
        Self { directory: elsewhere.map_or_else(|| home.lessons(), PathBuf::from) }
    }

    /// One at a place of its own.
    pub(super) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The lesson that is being learned, if one is.
    ///
    /// # Errors
    /// [`Error::Damaged`], and [`Error::File`] if it cannot be read.
    pub fn attempt(&self) -> Result<Option<Attempt>, Error> {
        Attempt::read(&self.directory)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn keep(&self, attempt: &Attempt) -> Result<(), Error> {
        attempt.save(&self.directory)
    }

    /// Forgets it; what was passed stays.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be removed.
    pub fn clear(&self) -> Result<(), Error> {
        Attempt::forget(&self.directory)
    }

    /// What has been done.
    pub fn progress(&self) -> Progress {
        Progress::within(&self.directory)
    }

    /// A directory for the evidence of a lesson that begins.
    pub(super) fn evidence(&self, name: &str) -> PathBuf {
        self.directory.join("evidence").join(name)
    }
}
