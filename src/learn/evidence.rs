//! The evidence of a step as a file: a line for each thing that was seen, added when it was seen, so that whatever ends a
//! command loses nothing of it.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::lesson::{Answer, Evidence, Gap, Mark, Sample};
use crate::observe::Facts;

use super::error::Error;
use super::progress::append;

/// Who watches does not look more often than this while nothing happens, so that less than that is no gap.
const BETWEEN_LOOKS: SignedDuration = SignedDuration::from_secs(2);

/// A line of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    /// The step began.
    Began { lesson: String, step: String, mark: Mark },
    /// Somebody began to look, who goes on until the last line with the same number.
    Opened { watcher: u64, at: Timestamp },
    /// Something is otherwise than it was.
    Seen { watcher: u64, sample: Sample },
    /// Nothing is.
    Still { watcher: u64, at: Timestamp },
    /// The learner has answered.
    Answered { ask: String, answer: Answer },
}

/// The file.
#[derive(Debug, Clone)]
pub struct EvidenceFile {
    path: PathBuf,
}

/// What was read of it, by somebody who reads on as it grows.
#[derive(Debug)]
pub struct Reading {
    file: EvidenceFile,
    /// How many bytes were read.
    at: u64,
    evidence: Option<Evidence>,
    /// From when until when each watcher looked.
    watched: BTreeMap<u64, (Timestamp, Timestamp)>,
}

/// Somebody who looks.
#[derive(Debug)]
pub struct Watcher {
    file: EvidenceFile,
    number: u64,
}

impl EvidenceFile {
    /// Begins the file of a step; what was in it is evidence of nothing any more.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn begin(path: &Path, lesson: &str, step: &str, mark: Mark) -> Result<Self, Error> {
        let directory = durable::directory_of(path);
        durable::private_directory(directory).map_err(Error::file("make", directory))?;
        let line = Line::Began { lesson: lesson.to_owned(), step: step.to_owned(), mark };
        durable::replace(path, &bytes(&line), 0o600).map_err(Error::file("write", path))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The file of a step that has begun.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Begins to read it.
    pub fn reading(&self) -> Reading {
        Reading { file: self.clone(), at: 0, evidence: None, watched: BTreeMap::new() }
    }

    /// What it says.
    ///
    /// # Errors
    /// Those of [`Reading::update`].
    pub fn read(&self) -> Result<Evidence, Error> {
        self.reading().update().cloned()
    }

    /// Begins to look.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn open(&self, at: Timestamp) -> Result<Watcher, Error> {
        let watcher = Watcher { file: self.clone(), number: rand::random() };
        self.add(&Line::Opened { watcher: watcher.number, at })?;
        Ok(watcher)
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn answer(&self, ask: &str, answer: Answer) -> Result<(), Error> {
        self.add(&Line::Answered { ask: ask.to_owned(), answer })
    }

    fn add(&self, line: &Line) -> Result<(), Error> {
        append(&self.path, &bytes(line)).map_err(Error::file("write", &self.path))
    }
}

impl Reading {
    /// All that it says by now.
    ///
    /// # Errors
    /// [`Error::File`], and [`Error::Damaged`] where it does not say when the step began.
    pub fn update(&mut self) -> Result<&Evidence, Error> {
        let path = self.file.path.clone();
        let failed = || Error::file("read", &path);
        let mut file = durable::open(&path).map_err(failed())?;
        let length = file.metadata().map_err(failed())?.len();
        if length < self.at {
            // The step has begun anew.
            *self = self.file.reading();
        }
        file.seek(SeekFrom::Start(self.at)).map_err(failed())?;
        let mut bytes = Vec::new();
        file.take(durable::LOG).read_to_end(&mut bytes).map_err(failed())?;
        // Whoever writes the last line may not have ended it.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.at += whole as u64;
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.take(line)?;
        }
        let Some(evidence) = &mut self.evidence else {
            return Err(Error::Damaged { path, why: "it is empty".to_owned() });
        };
        evidence.seen.sort_by_key(|sample| sample.at);
        let gaps = gaps(evidence.since.at, self.watched.values().copied()).into_iter();
        evidence.gaps = gaps.filter(|gap| hides(evidence, *gap)).collect();
        evidence.until = self.watched.values().map(|(_, to)| *to).max();
        Ok(evidence)
    }

    fn take(&mut self, line: &[u8]) -> Result<(), Error> {
        let line = match (serde_json::from_slice(line), &self.evidence) {
            (Ok(line), _) => line,
            // A line that was cut short says nothing; those after it do.
            (Err(_), Some(_)) => return Ok(()),
            (Err(error), None) => {
                let (path, why) = (self.file.path.clone(), error.to_string());
                return Err(Error::Damaged { path, why });
            }
        };
        let (watcher, at) = match (line, &mut self.evidence) {
            (Line::Began { lesson, step, mark }, evidence) => {
                *evidence = Some(Evidence {
                    lesson,
                    step,
                    since: mark,
                    seen: Vec::new(),
                    until: None,
                    gaps: Vec::new(),
                    answers: BTreeMap::new(),
                });
                self.watched.clear();
                return Ok(());
            }
            (Line::Seen { watcher, sample }, Some(evidence)) => {
                let at = sample.at;
                evidence.seen.push(sample);
                (watcher, at)
            }
            (Line::Answered { ask, answer }, Some(evidence)) => {
                evidence.answers.insert(ask, answer);
                return Ok(());
            }
            (Line::Opened { watcher, at } | Line::Still { watcher, at }, _) => (watcher, at),
            (_, None) => {
                let why = "it does not say when the step began".to_owned();
                return Err(Error::Damaged { path: self.file.path.clone(), why });
            }
        };
        let (from, to) = self.watched.entry(watcher).or_insert((at, at));
        (*from, *to) = ((*from).min(at), (*to).max(at));
        Ok(())
    }
}

impl Watcher {
    /// Keeps what is otherwise than it was.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn saw(&self, sample: Sample) -> Result<(), Error> {
        self.file.add(&Line::Seen { watcher: self.number, sample })
    }

    /// Notes that somebody looks still.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn still(&self, at: Timestamp) -> Result<(), Error> {
        self.file.add(&Line::Still { watcher: self.number, at })
    }
}

fn bytes(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("facts are JSON");
    bytes.push(b'\n');
    bytes
}

/// When nobody looked, from the beginning of a step until somebody looked last.
fn gaps(since: Timestamp, watched: impl Iterator<Item = (Timestamp, Timestamp)>) -> Vec<Gap> {
    let mut watched: Vec<_> = watched.collect();
    watched.sort_unstable();
    let (mut gaps, mut until) = (Vec::new(), since);
    for (from, to) in watched {
        if from > until {
            gaps.push(Gap { from: until, to: from });
        }
        until = until.max(to);
    }
    gaps
}

/// What a cluster tells of what it has.
fn tells(facts: &Facts) -> impl PartialEq + '_ {
    (&facts.nodes, &facts.services, &facts.workloads, &facts.pods)
}

/// Whether something may have happened in a time in which nobody looked. It has not where the cluster tells of the same
/// tasks, pods and nodes afterwards, since whatever happens to them leaves a trace there.
fn hides(evidence: &Evidence, gap: Gap) -> bool {
    if gap.to.duration_since(gap.from) <= BETWEEN_LOOKS {
        return false;
    }
    let before = evidence.seen.iter().rev().find(|sample| sample.at <= gap.from);
    let before = before.map_or(&evidence.since.facts, |sample| &sample.facts);
    let after = evidence.seen.iter().find(|sample| sample.at >= gap.to);
    after.is_none_or(|after| tells(before) != tells(&after.facts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn nobody_looked_between_those_who_did() {
        let gap = |from, to| Gap { from: at(from), to: at(to) };
        let watched = [(at(5), at(9)), (at(20), at(30)), (at(8), at(12))];
        assert_eq!(gaps(at(0), watched.into_iter()), [gap(0, 5), gap(12, 20)]);
        assert_eq!(gaps(at(0), [(at(0), at(9))].into_iter()), []);
        assert_eq!(gaps(at(0), std::iter::empty()), []);
    }
}
