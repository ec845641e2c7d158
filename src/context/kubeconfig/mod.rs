//! The user's kubeconfig: clusters, users and contexts of `kubectl`.
//!
//! The files are the user's, often written by hand, and full of other clusters' keys. So entries are
//! put into the text and taken out of it again, and every other byte stays; what the new text says
//! is compared with what it should say before it is written. Reading and choosing among the files
//! of `$KUBECONFIG`, and the lock, are those of client-go, which kubectl is made of.
//!
//! - `node`: a value that knows where it stands in the text
//! - `yaml`: reads a text into nodes
//! - `layout`: how values are written
//! - `splice`: changes of the text
//! - `document`: one file, and changes that are proven
//! - `entry`: what a context of ours is made of, and our mark
//! - `lock`: kubectl's lock
//! - `files`: all files as one configuration
//! - `change`: a context in all of them
//! - `selection`: which context plain `kubectl` uses

mod change;
mod document;
mod entry;
mod files;
mod layout;
mod lock;
mod node;
mod selection;
mod splice;
mod yaml;

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use change::{bridge, has_ours, is_wanted, put, take};
use document::Section;
use entry::Mark;
use files::Files;
use lock::Lock;

use super::replace;
use crate::model::Secret;

pub use yaml::Problem;

/// How long the lock is waited for. kubectl holds it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a context of kubectl could not be read, written or selected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else made an entry of this name.
    #[error("{kind} `{name}` in `{}` exists already and belongs to something else", path.display())]
    Foreign {
        /// "cluster", "context" or "user".
        kind: &'static str,
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// No such context.
    #[error("kubectl context `{0}` does not exist")]
    Missing(String),
    /// A file is no kubeconfig. It was left as it is.
    #[error("`{}` is not valid, so it was left untouched", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how it is wrong.
        source: Problem,
    },
    /// A file is valid, but no change of it was found that keeps all the rest. It was left as it is.
    #[error("`{}` is laid out in a way that cannot be changed safely, so it was left untouched", .0.display())]
    Unchangeable(PathBuf),
    /// Another process has held the lock for too long, or was killed while it held it.
    #[error("a kubeconfig is locked by another program, or one that was killed has left `{}`", .0.display())]
    Locked(PathBuf),
    /// Neither `$KUBECONFIG` nor `$HOME` says where kubectl keeps its files, or the former is a list
    /// of nothing.
    #[error("neither KUBECONFIG nor HOME names a file")]
    NoFile,
    /// A file could not be read or replaced.
    #[error(transparent)]
    Files(#[from] super::Error),
}

/// The user's kubectl contexts.
#[derive(Debug, Clone)]
pub struct KubeContexts {
    paths: Vec<PathBuf>,
    patience: Duration,
}

/// A context to be written: how plain `kubectl` reaches the API of a cluster.
#[derive(Debug, Clone)]
pub struct KubeContext {
    /// Its name, by which `kubectl config use-context` selects it; its cluster and user have it too.
    pub name: String,
    /// Where the API listens, as seen from this computer: `https://127.0.0.1:32771`.
    pub server: String,
    /// The certificate of the cluster's authority, in PEM.
    pub ca: String,
    /// The client's certificate, in PEM.
    pub cert: String,
    /// The client's private key, in PEM.
    pub key: Secret,
    /// The name of the cluster that it belongs to.
    pub cluster: String,
    /// The random id of that cluster.
    pub cluster_id: String,
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
    /// in vain. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Foreign`] if there is an entry of this name without the mark of this cluster,
    /// [`Error::Damaged`] for files that kubectl could not read either, [`Error::Unchangeable`],
    /// [`Error::Locked`], and [`super::Error::NotWritable`].
    pub fn check(&self, name: &str, cluster_id: &str) -> Result<(), Error> {
        for path in &self.paths {
            Lock::wait(path, self.patience)?;
        }
        let mut files = Files::read(&self.paths)?;
        // Anything will do to see whether there is room for it.
        let context = KubeContext {
            name: name.to_owned(),
            server: "https://127.0.0.1:6443".to_owned(),
            ca: String::new(),
            cert: String::new(),
            key: Secret::new(""),
            cluster: String::new(),
            cluster_id: cluster_id.to_owned(),
        };
        let selects = files.default_file();
        put(&mut files, &context)?;
        files.change(selects, |document| document.select(Some(name)))?;
        files.files.iter().try_for_each(files::KubeFile::check_writable)
    }

    /// Writes a context with its cluster and user, or writes them again, and selects nothing. What is
    /// new goes in one step into the first of the files that exists, or else into the last; what is
    /// there already is changed where it is. So does kubectl (`ModifyConfig` and
    /// `PathOptions.GetDefaultFilename` in client-go's `tools/clientcmd/config.go`). A file or directory
    /// that is made is for the user alone, and so is a file that gets the key; [`remove`](Self::remove)
    /// gives its mode back.
    ///
    /// # Errors
    /// [`Error::Foreign`] if there is an entry of this name without the mark of this cluster, and
    /// those of [`check`](Self::check).
    pub fn write(&self, context: &KubeContext) -> Result<(), Error> {
        let default = files::default_path(&self.paths);
        replace::make_dir(files::parent(default), 0o700)?;
        let mut files = self.lock()?;
        put(&mut files, context)?;
        files.save(0, Some(["kubeconfig.write.before", "kubeconfig.write.after"]))
    }

    /// Removes a context of ours with its cluster and user, or what a killed process left; whether
    /// there was anything. What is not ours, or of another cluster than `cluster_id`, is left alone.
    /// Should the context still be selected, the earlier one is selected again.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it cannot be told whose it is, [`Error::Locked`],
    /// [`Error::Unchangeable`], and [`super::Error::NotWritable`].
    pub fn remove(&self, name: &str, cluster_id: Option<&str>) -> Result<bool, Error> {
        let interrupted = self.paths.iter().any(|path| Lock::is_left_behind(path));
        // Reading needs no lock, and mostly there is nothing.
        if !interrupted && !has_ours(&Files::read(&self.paths)?, name, cluster_id) {
            return Ok(false);
        }
        let mut files = self.lock()?;
        if interrupted {
            files.sweep()?;
        }
        if !has_ours(&files, name, cluster_id) {
            return Ok(interrupted);
        }
        let mark = files.mark(name).filter(|(_, mark)| is_wanted(mark, cluster_id));
        let current = files.current().map(|(file, name)| (file, name.to_owned()));
        let selects = current.filter(|(_, current)| current == name).map(|(file, _)| file);
        if selects.is_some() && (mark.is_some() || !files.exists(name)) {
            selection::restore(&mut files, name, None)?;
        }
        if let Some((_, mark)) = &mark {
            bridge(&mut files, name, mark)?;
        }
        take(&mut files, name, cluster_id, mark.as_ref())?;
        files.save(selects.unwrap_or(0), None)?;
        Ok(true)
    }

    /// The name and the cluster of every context of ours, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`] for files that kubectl could not read either.
    pub fn list_ours(&self) -> Result<Vec<(String, String)>, Error> {
        let files = Files::read(&self.paths)?;
        let mut ours: Vec<_> = files
            .entries(Section::Contexts)
            .filter_map(|(_, entry)| {
                let mark = Mark::read(entry, Section::Contexts)?;
                Some((entry::name(entry)?.to_owned(), mark.cluster))
            })
            .collect();
        ours.sort();
        ours.dedup();
        Ok(ours)
    }

    /// Whether there is a context of this name, ours or not. In a file that cannot be read there is
    /// none.
    pub fn exists(&self, name: &str) -> bool {
        Files::read(&self.paths).is_ok_and(|files| files.exists(name))
    }

    /// Where a context of ours leads, as in `https://127.0.0.1:32771`; `None` if it is not ours or not there.
    ///
    /// # Errors
    /// [`Error::Damaged`] for files that kubectl could not read either.
    pub fn server(&self, name: &str) -> Result<Option<String>, Error> {
        let files = Files::read(&self.paths)?;
        let mut clusters = files.named(Section::Clusters, name);
        let found = clusters.next().filter(|_| files.mark(name).is_some());
        let server = found.and_then(|(_, entry)| entry.get("cluster")?.get("server")?.as_text());
        Ok(server.map(ToOwned::to_owned))
    }

    /// The files, in the order in which kubectl reads them.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    fn lock(&self) -> Result<Files, Error> {
        Files::lock(&self.paths, self.patience)
    }
}
