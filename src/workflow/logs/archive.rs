//! A gzipped tar archive of texts, complete or not there.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use tempfile::NamedTempFile;

use crate::durable;

use super::redaction::Redaction;

pub(super) struct Archive<'a> {
    path: PathBuf,
    /// The directory that it unpacks to.
    root: String,
    redaction: &'a Redaction,
    tar: tar::Builder<GzEncoder<NamedTempFile>>,
}

impl<'a> Archive<'a> {
    pub(super) fn create(path: &Path, redaction: &'a Redaction) -> io::Result<Self> {
        durable::check_replaceable(path)?;
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
        // Nobody but the owner may read it until they pass it on.
        let file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let root = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("logs");
        Ok(Self {
            path: path.to_owned(),
            root: root.to_owned(),
            redaction,
            tar: tar::Builder::new(GzEncoder::new(file, Compression::default())),
        })
    }

    /// Adds a text, without what is secret in it.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let text = self.redaction.apply_for_others(&String::from_utf8_lossy(bytes));
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(Timestamp::now().as_second()).unwrap_or_default());
        self.tar.append_data(&mut header, Path::new(&self.root).join(name), text.as_bytes())
    }

    /// Adds the logs of a directory, under the names that they have there, and nothing else that may be in
    /// it. Nothing happens if there is no such directory.
    pub(super) fn add_logs(&mut self, directory: &Path, name: &str) -> io::Result<()> {
        let entries = match fs::read_dir(directory.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let logs = entries.filter_map(|entry| {
            let entry = entry.ok()?;
            let is_log = entry.path().extension().is_some_and(|extension| extension == "jsonl");
            // What a link leads to may be anything.
            let is_file = entry.file_type().ok()?.is_file();
            (is_log && is_file).then(|| entry.file_name().into_string().ok())?
        });
        let mut logs: Vec<_> = logs.collect();
        logs.sort();
        for log in logs {
            let name = format!("{name}/{log}");
            self.add(&name, &durable::read(&directory.join(&name), durable::LOG)?)?;
        }
        Ok(())
    }

    /// Puts the archive in its place, instead of what may be there.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut file = self.tar.into_inner()?.finish()?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|e| e.error)?;
        Ok(())
    }
}
