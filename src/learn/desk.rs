//! Where it is kept what is being learned, and how far somebody is.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::durable;
use crate::lesson::Lesson;
use crate::store::{Home, Record};

use super::attempt::{Attempt, Step};
use super::error::Error;
use super::progress::Progress;
use super::shape::usual_name;

/// The directory of a home where it is kept.
#[derive(Debug, Clone)]
pub struct Desk {
    directory: PathBuf,
}

/// Names another directory than that of the home. A proof leads the commands of a solution there, so that `dojo lesson answer` answers
/// the question of the proof.
pub(super) const PLACE: &str = "DOJO_LESSONS";

/// Is there for clusters that were made for lessons.
const MADE: &str = "made";

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
        let _lock = self.lock()?;
        attempt.save(&self.directory)
    }

    /// Changes the step of a lesson in what is kept of it now: commands in other terminals may have changed that since
    /// it was read. Nothing is changed if that step is not being done any more.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::File`].
    pub(super) fn change(
        &self,
        attempt: &mut Attempt,
        change: impl FnOnce(&mut Step),
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        let kept = self.attempt()?.filter(|kept| kept.is_at_the_step_of(attempt));
        let Some(mut kept) = kept else { return Ok(()) };
        let before = kept.step.clone();
        change(&mut kept.step);
        if kept.step != before {
            kept.save(&self.directory)?;
        }
        *attempt = kept;
        Ok(())
    }

    /// Holds off whoever else wants to keep something here.
    fn lock(&self) -> Result<File, Error> {
        let directory = &self.directory;
        durable::private_directory(directory).map_err(Error::file("make", directory))?;
        let path = directory.join("lesson.lock");
        durable::lock::wait(&path).map_err(Error::file("lock", path))
    }

    /// Keeps also which lesson was begun last on its cluster: others may be begun elsewhere before its things are removed.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub(super) fn begin(&self, attempt: &Attempt) -> Result<(), Error> {
        attempt.save(&self.of_cluster(&attempt.cluster_id))?;
        self.keep(attempt)
    }

    /// The lesson that was begun last on a cluster, if any is known.
    pub fn last_on(&self, record: &Record) -> Option<Attempt> {
        let is_there = |attempt: &Attempt| attempt.cluster_id == record.cluster_id;
        let kept = Attempt::read(&self.of_cluster(&record.cluster_id)).ok().flatten();
        kept.or_else(|| self.attempt().ok().flatten()).filter(is_there)
    }

    /// Notes that a cluster was made for lessons, and under which name is the learner's choice.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn made(&self, record: &Record) -> Result<(), Error> {
        let directory = self.of_cluster(&record.cluster_id);
        durable::private_directory(&directory).map_err(Error::file("make", &directory))?;
        let path = directory.join(MADE);
        durable::replace(&path, b"", 0o600).map_err(Error::file("write", path))
    }

    /// Whether a cluster was made for lessons like that one: it has nothing of the learner's on it.
    pub fn is_for(&self, lesson: &Lesson, record: &Record) -> bool {
        record.spec.name == usual_name(lesson)
            || self.of_cluster(&record.cluster_id).join(MADE).exists()
    }

    fn of_cluster(&self, id: &str) -> PathBuf {
        self.directory.join("clusters").join(id)
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
