//! The docker context store: `contexts/meta/ID/meta.json` and `contexts/tls/ID/docker/*.pem` below
//! docker's configuration directory, ID being a hash of the context's name.
//!
//! One `meta.json` that docker cannot read breaks `docker context ls` for all contexts, so it comes
//! last and in one step; certificates without it are no context, and docker does not look at them.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::Error;
use super::config_file::ConfigFile;
use super::meta::{self, Mark, Meta};
use super::replace::{self, Locked};
use crate::durable;
use crate::failpoint;

pub use super::meta::DockerContext;

/// The user's docker contexts.
#[derive(Debug, Clone)]
pub struct DockerContexts {
    dir: PathBuf,
}

impl DockerContexts {
    /// The contexts below docker's configuration directory, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The contexts that the user's `docker` sees: below `$DOCKER_CONFIG`, or else `~/.docker`.
    ///
    /// # Errors
    /// [`Error::NoHome`] if the environment names neither.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        set("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".docker")))
            .map(Self::new)
            .ok_or(Error::NoHome)
    }

    /// Docker's configuration directory.
    pub fn directory(&self) -> &Path {
        &self.dir
    }

    /// Whether a context of this name could be written and selected, so that a cluster is not made
    /// in vain. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Foreign`] if there is a context of this name without the mark of this cluster,
    /// [`Error::Damaged`] for files that docker could not read either, [`Error::NotWritable`].
    pub fn check(&self, name: &str, cluster_id: &str) -> Result<(), Error> {
        meta::check_name(name)?;
        self.check_owner(name, cluster_id)?;
        let config = ConfigFile::locate(&self.dir)?;
        config.read_to_change()?;
        let contexts = self.dir.join("contexts");
        let meta = contexts.join("meta");
        let tls = contexts.join("tls");
        for dir in [self.dir.as_path(), &contexts, &meta, &tls, config.parent()] {
            if dir.exists() && access(dir, Access::WRITE_OK | Access::EXEC_OK).is_err() {
                return Err(Error::NotWritable(dir.to_owned()));
            }
        }
        Ok(())
    }

    /// Writes a context, or writes it again. Killed at any point it leaves no context or a whole
    /// one, and writing once more completes it.
    ///
    /// # Errors
    /// [`Error::Foreign`] if there is a context of this name without the mark of this cluster.
    pub fn write(&self, context: &DockerContext) -> Result<(), Error> {
        meta::check_name(&context.name)?;
        replace::make_dir(&self.dir, 0o700)?;
        let locked = Locked::acquire(&self.dir)?;
        let previous = self.check_owner(&context.name, &context.cluster_id)?;

        // Temporary files stay out of the context's own directories: docker warns of any file there
        // that it does not know.
        let scratch = self.dir.join("contexts");
        replace::make_dir(&scratch, 0o755)?;
        locked.sweep(&scratch)?;

        let tls = self.tls_dir(&context.name).join("docker");
        replace::make_dir(&tls, 0o700)?;
        for (name, source) in [
            ("ca.pem", &context.tls.ca),
            ("cert.pem", &context.tls.cert),
            ("key.pem", &context.tls.key),
        ] {
            let bytes = durable::read(source, durable::KEY).map_err(Error::io("read", source))?;
            locked.replace(&tls.join(name), &scratch, &bytes, 0o600)?;
        }

        failpoint::reached("context.write.tls");

        let meta = self.meta_file(&context.name);
        replace::make_dir(&self.meta_dir(&context.name), 0o755)?;
        let bytes = Meta::new(context, previous).render();
        locked.replace(&meta, &scratch, &bytes, 0o644)?;
        for dir in ["contexts/meta", "contexts/tls", "contexts", "."] {
            replace::sync_dir(&self.dir.join(dir))?;
        }
        Ok(())
    }

    /// Removes a context of ours, or what a killed process left of one; whether there was anything.
    /// A context that is not ours, or of another cluster than `cluster_id`, is left alone. Should
    /// the context still be selected, the earlier one is selected first: every docker command fails
    /// while it looks for a context that is gone.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it cannot be told whose it is.
    pub fn remove(&self, name: &str, cluster_id: Option<&str>) -> Result<bool, Error> {
        meta::check_name(name)?;
        if !self.dir.is_dir() {
            return Ok(false);
        }
        if let Some(meta) = Meta::read(&self.meta_file(name))? {
            let wanted = |id: &str| cluster_id.is_none_or(|wanted| wanted == id);
            let Some(mark) = meta.mark().filter(|mark| wanted(&mark.cluster_id)) else {
                return Ok(false);
            };
            match self.restore(name, None) {
                // docker ignores such a file too, so nothing can be selected by it.
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
            self.bridge(name, mark.previous.as_deref())?;
        }
        let locked = Locked::acquire(&self.dir)?;
        let contexts = self.dir.join("contexts");
        let swept = locked.sweep(&contexts)? | locked.sweep(&self.dir)?;
        // From here on it is no context any more, however far the rest comes.
        let meta = replace::remove(&self.meta_file(name))?;
        let dir = replace::remove(&self.meta_dir(name))?;
        let tls = replace::remove(&self.tls_dir(name))?;
        for dir in [contexts.join("meta"), contexts.join("tls"), contexts] {
            match fs::remove_dir(&dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // Others' contexts are in it.
                Err(_) => replace::sync_dir(&dir)?,
                Ok(()) => {}
            }
        }
        Ok(swept | meta | dir | tls)
    }

    /// The name and the cluster of every context of ours, by name. What cannot be read is not ours.
    ///
    /// # Errors
    /// If the store exists and cannot be listed.
    pub fn list_ours(&self) -> Result<Vec<(String, String)>, Error> {
        let ours = self.marked()?.into_iter();
        Ok(ours.map(|(name, mark)| (name, mark.cluster)).collect())
    }

    /// The names of all contexts of a cluster, by its random id. What cannot be read is not ours.
    ///
    /// # Errors
    /// If the store exists and cannot be listed.
    pub fn list_of(&self, cluster_id: &str) -> Result<Vec<String>, Error> {
        let ours = self.marked()?.into_iter();
        Ok(ours.filter(|(_, mark)| mark.cluster_id == cluster_id).map(|(name, _)| name).collect())
    }

    /// The name and the mark of every context of ours, by name.
    fn marked(&self) -> Result<Vec<(String, Mark)>, Error> {
        let dir = self.dir.join("contexts/meta");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("list", &dir)(error)),
        };
        let mut ours: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let meta = Meta::read(&entry.path().join("meta.json")).ok()??;
                let name = meta.name()?.to_owned();
                // A copy under another directory is not what docker would find by this name.
                let found = entry.file_name() == *meta::directory(&name);
                found.then_some((name, meta.mark()?))
            })
            .collect();
        ours.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(ours)
    }

    /// Whether there is a context of this name, ours or not.
    pub fn exists(&self, name: &str) -> bool {
        self.meta_file(name).is_file()
    }

    /// Where a context of ours leads, as in `tcp://127.0.0.1:20001`; `None` if it is not ours, is not there or
    /// cannot be read.
    pub fn host(&self, name: &str) -> Option<String> {
        let meta = Meta::read(&self.meta_file(name)).ok()??;
        meta.mark()?;
        meta.endpoint().map(|(host, _)| host.to_owned())
    }

    /// Docker's configuration directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Our mark on a context; `None` if it is not ours, is not there or cannot be read.
    pub(super) fn mark(&self, name: &str) -> Option<Mark> {
        Meta::read(&self.meta_file(name)).ok()??.mark()
    }

    /// Notes with a context of ours which one to go back to when it is no longer selected.
    pub(super) fn set_previous(&self, name: &str, previous: Option<&str>) -> Result<(), Error> {
        let locked = Locked::acquire(&self.dir)?;
        let path = self.meta_file(name);
        let Some(mut meta) = Meta::read(&path)? else {
            return Ok(());
        };
        if meta.mark().is_some_and(|mark| mark.previous.as_deref() != previous) {
            meta.set_previous(previous);
            locked.replace(&path, &self.dir.join("contexts"), &meta.render(), 0o644)?;
        }
        Ok(())
    }

    /// Before `gone` goes: contexts of ours that would go back to it go back to `previous` instead.
    fn bridge(&self, gone: &str, previous: Option<&str>) -> Result<(), Error> {
        for (name, _) in self.list_ours()? {
            if self.mark(&name).and_then(|mark| mark.previous).as_deref() == Some(gone) {
                self.set_previous(&name, previous.filter(|p| *p != name))?;
            }
        }
        Ok(())
    }

    /// Refuses a context that is not this cluster's; returns the one to go back to.
    fn check_owner(&self, name: &str, cluster_id: &str) -> Result<Option<String>, Error> {
        let Some(meta) = Meta::read(&self.meta_file(name))? else {
            return Ok(None);
        };
        match meta.mark() {
            Some(mark) if mark.cluster_id == cluster_id => Ok(mark.previous),
            _ => Err(Error::Foreign(name.to_owned())),
        }
    }

    pub(super) fn meta_file(&self, name: &str) -> PathBuf {
        self.meta_dir(name).join("meta.json")
    }

    fn meta_dir(&self, name: &str) -> PathBuf {
        self.dir.join("contexts/meta").join(meta::directory(name))
    }

    pub(super) fn tls_dir(&self, name: &str) -> PathBuf {
        self.dir.join("contexts/tls").join(meta::directory(name))
    }
}
