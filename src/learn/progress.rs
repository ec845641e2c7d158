//! What a learner has done, in the order in which it was done. The file only grows; all else is derived from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::lesson::{Lesson, Step};

use super::error::Error;

/// Something that a learner has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the clock of this computer.
    pub at: Timestamp,
    /// The lesson.
    pub lesson: String,
    /// The step.
    pub step: String,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
}

/// What a learner has done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Deed {
    /// Began a step.
    Began,
    /// Asked how it stands; and it was not passed.
    Tried,
    /// Took a hint.
    Hint,
    /// Answered a question.
    Answered {
        /// What was said.
        said: Vec<String>,
        /// Whether it was right, where that can be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        right: Option<bool>,
    },
    /// Had the solution run.
    Solved,
    /// Began the lesson again.
    Reset,
    /// Passed.
    Passed,
}

/// How a learner did a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// When it was passed last.
    pub passed: Option<Timestamp>,
    /// How often it was asked how it stands before it was passed.
    pub tries: usize,
    /// How many hints were taken.
    pub hints: usize,
    /// Whether the solution was run.
    pub solved: bool,
    /// Whether the answer to its question was right; `null` if there was none.
    pub predicted: Option<bool>,
}

/// What a learner has done, by lesson and step.
pub type Steps = BTreeMap<(String, String), Done>;

/// What is kept of it.
#[derive(Debug, Clone)]
pub struct Progress {
    path: PathBuf,
}

impl Progress {
    pub(super) fn within(directory: &Path) -> Self {
        Self { path: directory.join("progress.jsonl") }
    }

    /// Adds to it.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn add(&self, lesson: &str, step: &str, deed: Deed) -> Result<(), Error> {
        let (lesson, step) = (lesson.to_owned(), step.to_owned());
        let entry = Entry { at: Timestamp::now(), lesson, step, deed };
        let mut line = serde_json::to_vec(&entry).expect("texts are JSON");
        line.push(b'\n');
        append(&self.path, &line).map_err(Error::file("write", &self.path))
    }

    /// All that is known, oldest first. A line that nobody can read hides no other one; how many there are is told.
    ///
    /// # Errors
    /// [`Error::File`] if it is there and cannot be read.
    pub fn entries(&self) -> Result<(Vec<Entry>, usize), Error> {
        let bytes = match durable::read(&self.path, durable::LOG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            read => read.map_err(Error::file("read", &self.path))?,
        };
        let mut damaged = 0;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let entries = lines.filter_map(|line| {
            let entry = serde_json::from_slice(line).ok();
            damaged += usize::from(entry.is_none());
            entry
        });
        let entries = entries.collect();
        Ok((entries, damaged))
    }

    /// How each step was done.
    ///
    /// # Errors
    /// Those of [`entries`](Self::entries).
    pub fn steps(&self) -> Result<Steps, Error> {
        let mut steps = Steps::new();
        for Entry { at, lesson, step, deed } in self.entries()?.0 {
            let done = steps.entry((lesson, step)).or_default();
            match deed {
                // It may be done again; that it was passed once stays.
                Deed::Began => *done = Done { passed: done.passed, ..Done::default() },
                Deed::Tried => done.tries += 1,
                Deed::Hint => done.hints += 1,
                Deed::Answered { right, .. } => done.predicted = right,
                Deed::Solved => done.solved = true,
                Deed::Reset => {}
                Deed::Passed => done.passed = Some(at),
            }
        }
        Ok(steps)
    }

    /// The steps that are passed.
    ///
    /// # Errors
    /// Those of [`entries`](Self::entries).
    pub fn passed(&self) -> Result<Passed, Error> {
        let steps = self.steps()?.into_iter();
        Ok(Passed(steps.filter(|(_, done)| done.passed.is_some()).map(|(step, _)| step).collect()))
    }
}

/// The steps that are passed, by lesson and step.
#[derive(Debug)]
pub struct Passed(BTreeSet<(String, String)>);

impl Passed {
    /// How many steps of a lesson are among them.
    pub fn count(&self, lesson: &Lesson) -> usize {
        let is_passed = |step: &&Step| self.0.contains(&(lesson.id.clone(), step.id.clone()));
        lesson.steps.iter().filter(is_passed).count()
    }
}

/// Adds a line to a file in one step, so that two who write at the same time do not mix theirs. What was cut short
/// before does not spoil it.
pub(super) fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    durable::private_directory(durable::directory_of(path))?;
    let mut options = OpenOptions::new();
    let mut file = options.append(true).read(true).create(true).mode(0o600).open(path)?;
    let is_whole = ends_with_line_feed(&file)?;
    let mut bytes = Vec::with_capacity(line.len() + 1);
    if !is_whole {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line);
    file.write_all(&bytes)
}

fn ends_with_line_feed(file: &std::fs::File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last == [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_kept_whatever_was_cut_short() {
        let directory = tempfile::tempdir().unwrap();
        let progress = Progress::within(directory.path());
        assert_eq!(progress.entries().unwrap(), (Vec::new(), 0));
        progress.add("swarm/a", "one", Deed::Began).unwrap();
        progress.add("swarm/a", "one", Deed::Tried).unwrap();
        // A power cut within a line.
        let mut file = OpenOptions::new().append(true).open(&progress.path).unwrap();
        file.write_all(br#"{"at":"2026-"#).unwrap();
        progress.add("swarm/a", "one", Deed::Hint).unwrap();
        progress.add("swarm/a", "one", Deed::Passed).unwrap();
        let (entries, damaged) = progress.entries().unwrap();
        assert_eq!((entries.len(), damaged), (4, 1));
        let steps = progress.steps().unwrap();
        let done = &steps[&("swarm/a".to_owned(), "one".to_owned())];
        assert_eq!((done.tries, done.hints, done.passed.is_some()), (1, 1, true));
        // Doing it again does not undo it.
        progress.add("swarm/a", "one", Deed::Began).unwrap();
        let steps = progress.steps().unwrap();
        let done = &steps[&("swarm/a".to_owned(), "one".to_owned())];
        assert_eq!((done.tries, done.passed.is_some()), (0, true));
    }
}
