//! The events of a run in a file of the cluster, for whoever asks later what happened: the objects
//! of [`json`](super::json) in `TIME-VERB.jsonl`, with all details.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::Json;
use crate::event::{Event, Reporter};

/// How many files are kept; the oldest go first.
pub const KEPT: usize = 20;

/// The log of one run.
pub struct LogFile {
    path: PathBuf,
    // Not buffered: what is known when the process is killed is in the file.
    json: Json,
}

impl LogFile {
    /// Begins the log of a run of `verb` in `dir`, which is made if it is missing, and removes old
    /// ones so that [`KEPT`] remain. Nobody but the user can read it.
    ///
    /// # Errors
    /// If the directory or the file cannot be made.
    pub fn create(dir: &Path, verb: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let (path, file) = create_new(dir, verb, Timestamp::now())?;
        // Old logs are no reason not to write a new one.
        let _ = prune(dir);
        Ok(Self { path, json: Json::new(file) })
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Reporter for LogFile {
    fn report(&self, event: &Event) {
        self.json.report(event);
    }
}

/// Makes a file that was not there; names sort by time, and have no colons, which not every file
/// system allows.
fn create_new(dir: &Path, verb: &str, time: Timestamp) -> io::Result<(PathBuf, File)> {
    let stamp = format!("{time:.3}").replace(':', "-");
    let mut again = 1;
    loop {
        let name = match again {
            1 => format!("{stamp}-{verb}.jsonl"),
            n => format!("{stamp}-{verb}-{n}.jsonl"),
        };
        let path = dir.join(name);
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && again < 100 => again += 1,
            Err(error) => return Err(error),
        }
    }
}

fn prune(dir: &Path) -> io::Result<()> {
    let mut logs: Vec<PathBuf> = fs::read_dir(dir)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    logs.sort();
    for old in &logs[..logs.len().saturating_sub(KEPT)] {
        fs::remove_file(old)?;
    }
    Ok(())
}
