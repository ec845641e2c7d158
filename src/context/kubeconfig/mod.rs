//! The user's kubeconfig: clusters, users and contexts of `kubectl`.
//!
//! The files are the user's, often written by hand, and full of other clusters' keys. So entries are
//! put into the text and taken out of it again, and every other byte stays. Reading and choosing among the
//! files of `$KUBECONFIG`, and the lock, are those of client-go, which kubectl is made of.
//!
//! - `alone`: a context of ours as a file of its own, for others
//! - `entry`: what a context of ours is made of, and our mark
//! - `files`: all files as one configuration

mod alone;
mod entry;
mod error;
mod files;

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use entry::{CURRENT, LISTS, Mark};
use files::{Files, refused};

use super::{Error as FileError, Restored};
use crate::durable::{self, lock::LockFile};

pub use self::entry::KubeContext;
pub use self::error::Error;
pub use super::yaml::Problem;

/// How long the lock is waited for. kubectl holds it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// The user's kubectl contexts.
///
/// Whatever reads the files fails with [`Error::Damaged`] for one that kubectl could not read either. Whatever
/// changes them may also fail with [`Error::Locked`], [`Error::Unchangeable`] and
/// [`NotWritable`](super::Error::NotWritable), and then has changed nothing.
#[derive(Debug, Clone)]
pub struct KubeContexts {
    paths: Vec<PathBuf>,
    patience: Duration,
}

impl KubeContexts {
    /// The contexts in these files, as `$KUBECONFIG` would list them: empty paths and those that come
    /// again are skipped. None of the files need exist.
    pub fn new(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let mut kept: Vec<PathBuf> = Vec::new();
        for path in paths.into_iter().map(Into::into) {
            if !path.as_os_str().is_empty() && !kept.contains(&path) {
                kept.push(path);
            }
        }
        Self { paths: kept, patience: PATIENCE }
    }

    /// The contexts that the user's `kubectl` sees: in the files that `$KUBECONFIG` lists, or else
    /// in `~/.kube/config`.
    ///
    /// # Errors
    /// [`Error::NoFile`] if the environment names none.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let contexts = match (set("KUBECONFIG"), set("HOME")) {
            (Some(list), _) => Self::new(env::split_paths(&list)),
            (None, Some(home)) => Self::new([Path::new(&home).join(".kube/config")]),
            (None, None) => return Err(Error::NoFile),
        };
        if contexts.paths.is_empty() { Err(Error::NoFile) } else { Ok(contexts) }
    }

    /// Waits for another program's lock for this long, and not for ten seconds.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether a context of this name could be written and selected, so that a cluster is not made
    /// in vain. Changes nothing, and fails as [`write`](Self::write) would.
    pub fn check(&self, name: &str, cluster_id: &str) -> Result<(), Error> {
        for path in &self.paths {
            LockFile::wait(path, self.patience).map_err(|error| refused((path.clone(), error)))?;
        }
        let mut files = self.read()?;
        let selects = files.default_file();
        let (name, cluster_id) = (name.to_owned(), cluster_id.to_owned());
        files.change(selects, |document| document.set(CURRENT, &name))?;
        files.put(&KubeContext { name, cluster_id, ..KubeContext::default() })?;
        files.check_writable()
    }

    /// Writes a context with its cluster and user, or writes them again, and selects nothing. What is
    /// new goes in one step into the first of the files that exists, or else into the last; what is
    /// there already is changed where it is. So does kubectl (`ModifyConfig` in client-go's
    /// `tools/clientcmd/config.go`). A file or directory that is made is for the user alone, and so is a
    /// file that gets the key; [`remove`](Self::remove) gives its mode back.
    ///
    /// # Errors
    /// Also [`Error::Foreign`] if there is an entry of this name without the mark of this cluster.
    pub fn write(&self, context: &KubeContext) -> Result<(), Error> {
        let existing = self.paths.iter().find(|path| path.exists());
        let path = existing.or(self.paths.last()).ok_or(Error::NoFile)?;
        let directory = durable::directory_of(path);
        durable::private_directory(directory).map_err(FileError::io("create", directory))?;
        let mut files = self.lock()?;
        files.put(context)?;
        files.save(0, Some(["kubeconfig.write.before", "kubeconfig.write.after"]))
    }

    /// Removes a context of ours with its cluster and user, or what a killed process left; whether
    /// there was anything. What is not ours, or of another cluster than `cluster_id`, is left alone.
    /// Should the context still be selected, the earlier one is selected again.
    pub fn remove(&self, name: &str, cluster_id: Option<&str>) -> Result<bool, Error> {
        let of_cluster = |mark: &Mark| cluster_id.is_none_or(|wanted| wanted == mark.cluster_id);
        let is_wanted = |entry: &Value, mark: &Mark| entry["name"] == name && of_cluster(mark);
        let has_any = |files: &Files| {
            let mut ours = LISTS.iter().flat_map(|list| files.ours(list));
            ours.any(|(_, entry, mark)| is_wanted(entry, &mark))
        };
        let interrupted = self.paths.iter().any(|path| LockFile::is_left_behind(path));
        // Reading needs no lock, and mostly there is nothing.
        if !interrupted && !has_any(&self.read()?) {
            return Ok(false);
        }
        let mut files = self.lock()?;
        if interrupted {
            files.shared.sweep().map_err(refused)?;
        }
        if !has_any(&files) {
            return Ok(interrupted);
        }
        let found = files.mark(name).filter(|(_, mark)| of_cluster(mark));
        let selects = files.current().filter(|(_, current)| current == name);
        if selects.is_some() && (found.is_some() || !files.exists(name)) {
            files.restore(name, None)?;
        }
        if let Some((_, mark)) = &found {
            files.bridge(name, mark)?;
        }
        files.take(is_wanted, found.map(|((file, _), mark)| (file, mark.before)))?;
        files.save(selects.map_or(0, |(file, _)| file), None)?;
        Ok(true)
    }

    /// The name and the cluster of every context of ours, by name.
    pub fn list_ours(&self) -> Result<Vec<(String, String)>, Error> {
        let files = self.read()?;
        let named = files.ours("contexts").filter_map(|(_, entry, mark)| {
            Some((entry["name"].as_str()?.to_owned(), mark.cluster))
        });
        Ok(named.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// Whether there is a context of this name, ours or not. In a file that cannot be read there is
    /// none.
    pub fn exists(&self, name: &str) -> bool {
        self.read().is_ok_and(|files| files.exists(name))
    }

    /// Where a context of ours leads, as in `https://127.0.0.1:32771`; `None` if it is not ours or not there.
    pub fn server(&self, name: &str) -> Result<Option<String>, Error> {
        let files = self.read()?;
        let found = files.find("clusters", name).filter(|_| files.mark(name).is_some());
        Ok(found.and_then(|(_, entry)| Some(entry["cluster"]["server"].as_str()?.to_owned())))
    }

    /// The files, in the order in which kubectl reads them.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The context that plain `kubectl` uses; `None` if none is selected.
    pub fn current(&self) -> Result<Option<String>, Error> {
        Ok(self.read()?.current().map(|(_, name)| name))
    }

    /// Makes plain `kubectl` use a context; returns the one to go back to, which is also noted with
    /// a context of ours. Selecting what is selected already changes nothing.
    ///
    /// # Errors
    /// Also [`Error::Missing`] if there is no such context.
    pub fn select(&self, name: &str) -> Result<Option<String>, Error> {
        let mut files = self.lock()?;
        if !files.exists(name) {
            return Err(Error::Missing(name.to_owned()));
        }
        let previous = files.current().map(|(_, name)| name);
        let found = files.mark(name);
        if previous.as_deref() == Some(name) {
            return Ok(found.and_then(|(_, mark)| mark.previous));
        }
        // kubectl writes it into this file also if another one has it; it is read before all others.
        let chosen = files.default_file();
        let first = found.as_ref().map_or(chosen, |((file, _), _)| *file);
        let left = previous.as_deref().and_then(|previous| files.mark(previous));
        let way_back = left.map(|(_, mark)| mark).filter(|m| m.previous.as_deref() == Some(name));
        if let Some((place, mark)) = found {
            // So that the way back is never a circle.
            if mark.replaced.is_some() {
                files.bridge(name, &mark)?;
            }
            let replaced = Some(files.documents[chosen].raw(CURRENT));
            let previous = previous.clone().filter(|previous| files.exists(previous));
            files.remark(place, &Mark { previous, replaced, ..mark })?;
        }
        files.select(chosen, Some(name), way_back)?;
        files.save(first, Some(["kubeconfig.select.before", "kubeconfig.select.after"]))?;
        Ok(previous)
    }

    /// Has a context of ours look at a namespace where none is named; at `default`, if that is `None`.
    ///
    /// # Errors
    /// Also [`Error::Missing`] if there is no such context, or it is not ours.
    pub fn set_namespace(&self, name: &str, namespace: Option<&str>) -> Result<(), Error> {
        let mut files = self.lock()?;
        let (place, _) = files.mark(name).ok_or_else(|| Error::Missing(name.to_owned()))?;
        files.set_namespace(place, namespace)?;
        files.save(place.0, None)
    }

    /// Makes plain `kubectl` use no context.
    pub fn deselect(&self) -> Result<(), Error> {
        let mut files = self.lock()?;
        // Each file may say one, and the next one counts when the first says none any more.
        while let Some((file, name)) = files.current() {
            let mark = files.mark(&name).map(|(_, mark)| mark);
            files.select(file, None, mark.filter(|mark| mark.previous.is_none()))?;
            // What stood there may be a name, too, that no context has.
            if files.current().is_some_and(|(still, _)| still == file) {
                files.select(file, None, None)?;
            }
        }
        files.save(0, None)
    }

    /// Undoes [`select`](Self::select): if `ours` is still selected, goes back to `previous`. If
    /// that is gone, goes back to what was noted when `ours` was selected, and else to none. What
    /// the user selected in the meantime is left alone.
    pub fn restore(&self, ours: &str, previous: Option<&str>) -> Result<Restored, Error> {
        if self.current()?.as_deref() != Some(ours) {
            return Ok(Restored::LeftAlone);
        }
        let mut files = self.lock()?;
        let restored = files.restore(ours, previous)?;
        files.save(0, None)?;
        Ok(restored)
    }

    fn read(&self) -> Result<Files, Error> {
        Files::read(&self.paths, None)
    }

    fn lock(&self) -> Result<Files, Error> {
        Files::read(&self.paths, Some(self.patience))
    }
}
