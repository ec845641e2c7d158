//! The lesson that is being learned, and how far it has come.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::lesson::Reason;
use crate::model::{ClusterName, Language};

use super::error::Error;

/// The lesson that is being learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attempt {
    /// Its name.
    pub lesson: String,
    /// Where it was read from; absent for one that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// The cluster that it is done on.
    pub cluster: ClusterName,
    /// The random id of that cluster.
    pub cluster_id: String,
    /// The language of its texts.
    pub language: Language,
    /// Where `kubectl` looks meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Where the learner's files of it are, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Where that directory was to be.
    pub within: PathBuf,
    /// Where its evidence is kept.
    pub evidence: PathBuf,
    /// When it was begun.
    pub begun: Timestamp,
    /// The step that is being done.
    pub step: Step,
}

/// The step that is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// When it was begun: a reset begins it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Timestamp>,
    /// How many hints were given by a program that did not keep which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hints: Option<usize>,
    /// Which hints were given, counted from 0, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub had: Vec<usize>,
    /// Why it was not passed when it was last judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether it is passed.
    #[serde(default)]
    pub passed: bool,
    /// Whether its solution was run for the learner.
    #[serde(default)]
    pub solved: bool,
}

impl Step {
    /// A step that begins.
    pub fn new(id: &str) -> Self {
        let begun = Some(Timestamp::now());
        let (hints, had) = (None, Vec::new());
        Self { id: id.to_owned(), begun, hints, had, reason: None, passed: false, solved: false }
    }

    /// Whether a hint was given, counted from 0.
    pub fn has_had(&self, index: usize) -> bool {
        self.hints.is_some_and(|given| index < given) || self.had.contains(&index)
    }
}

impl Attempt {
    /// The file with the evidence of its step.
    pub fn evidence_file(&self) -> PathBuf {
        self.evidence.join(format!("{}.jsonl", self.step.id))
    }

    /// Whether the same step is done in both, in the same go at it.
    pub(super) fn is_at_the_step_of(&self, other: &Self) -> bool {
        let begun = |it: &Self| (it.begun, it.step.begun);
        self.lesson == other.lesson
            && self.step.id == other.step.id
            && self.cluster_id == other.cluster_id
            && begun(self) == begun(other)
    }

    /// Reads what is kept in a directory; `None` if no lesson has begun.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, Error> {
        let path = file(directory);
        let text = match durable::read(&path, durable::TEXT) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(Error::file("read", &path))?,
        };
        let damaged = |error: serde_json::Error| Error::Damaged { path, why: error.to_string() };
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    pub(super) fn save(&self, directory: &Path) -> Result<(), Error> {
        durable::private_directory(directory).map_err(Error::file("make", directory))?;
        let path = file(directory);
        let mut text = serde_json::to_vec_pretty(self).expect("texts and numbers are JSON");
        text.push(b'\n');
        durable::replace(&path, &text, 0o600).map_err(Error::file("write", path))
    }

    /// Forgets it; what was passed and seen stays.
    pub(super) fn forget(directory: &Path) -> Result<(), Error> {
        let path = file(directory);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::file("remove", path)(error))
            }
            _ => Ok(()),
        }
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join("lesson.json")
}
