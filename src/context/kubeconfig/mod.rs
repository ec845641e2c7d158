//! The user's kubeconfig: clusters, users and contexts of `kubectl`.
//!
//! The files are the user's, often written by hand, and full of other clusters' keys. So entries are
//! put into the text and taken out of it again, and every other byte stays; what the new text says
//! is compared with what it should say before it is written. Reading and choosing among the files
//! of `$KUBECONFIG`, and the lock, are those of client-go, which kubectl is made of.
//!
//! - [`yaml`]: a document as a tree that knows where its parts stand in the text
//! - [`splice`]: changes of the text
//! - [`document`]: one file, and changes that are proven
//! - [`entry`]: what a context of ours is made of, and our mark
//! - [`lock`]: kubectl's lock
//! - [`files`]: all files as one configuration
//! - [`selection`]: which context plain `kubectl` uses

mod document;
mod entry;
mod files;
mod lock;
mod selection;
mod splice;
mod yaml;

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use document::Section;
use entry::{Before, Mark};
use files::{Files, Place};
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
    /// Neither `$KUBECONFIG` nor `$HOME` says where kubectl keeps its files.
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
    /// The contexts in these files, as `$KUBECONFIG` would list them. None of them need exist.
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

    /// Writes a context with its cluster and user, or writes them again. All of it goes into one file
    /// in one step, and selects nothing.
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

    /// Removes a context of ours with its cluster and user, or what is left of them; whether there
    /// was anything. What is not ours, or of another cluster than `cluster_id`, is left alone. Should
    /// the context still be selected, the earlier one is selected again.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it cannot be told whose it is, [`Error::Locked`],
    /// [`Error::Unchangeable`], and [`super::Error::NotWritable`].
    pub fn remove(&self, name: &str, cluster_id: Option<&str>) -> Result<bool, Error> {
        // Reading needs no lock, and mostly there is nothing.
        if !has_ours(&Files::read(&self.paths)?, name, cluster_id) {
            return Ok(false);
        }
        let mut files = self.lock()?;
        if !has_ours(&files, name, cluster_id) {
            return Ok(false);
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

    /// The files, in the order in which kubectl reads them.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    fn lock(&self) -> Result<Files, Error> {
        Files::lock(&self.paths, self.patience)
    }
}

fn is_wanted(mark: &Mark, cluster_id: Option<&str>) -> bool {
    cluster_id.is_none_or(|wanted| wanted == mark.cluster_id)
}

fn has_ours(files: &Files, name: &str, cluster_id: Option<&str>) -> bool {
    Section::ALL.into_iter().any(|section| {
        let mut marks = files.named(section, name).filter_map(|(_, e)| Mark::read(e, section));
        marks.any(|mark| is_wanted(&mark, cluster_id))
    })
}

/// Puts the entries of a context where they are already, or into the file for new ones. Refuses an
/// entry of that name that is not this cluster's, in whichever file: one of the two would hide the
/// other.
fn put(files: &mut Files, context: &KubeContext) -> Result<(), Error> {
    let mut places: Vec<(Section, Option<Place>)> = Vec::new();
    for section in Section::ALL {
        let mut found = None;
        for (place, entry) in files.named(section, &context.name) {
            let mark = Mark::read(entry, section);
            if mark.is_none_or(|mark| mark.cluster_id != context.cluster_id) {
                return Err(Error::Foreign {
                    kind: section.inner(),
                    name: context.name.clone(),
                    path: files.files[place.file].path.clone(),
                });
            }
            found = found.or(Some(place));
        }
        places.push((section, found));
    }

    let home = |place: Option<Place>| place.map_or(files.default_file(), |place| place.file);
    let [.., (_, old), _] = places[..] else { return Ok(()) };
    let destination = home(old);
    let mut mark = files.mark(&context.name).map(|(_, mark)| mark).unwrap_or_default();
    mark.cluster.clone_from(&context.cluster);
    mark.cluster_id.clone_from(&context.cluster_id);
    if old.is_none() {
        mark.before = before(files, destination);
    }
    if files.files[destination].document.is_empty() {
        for (key, text) in [("apiVersion", "v1"), ("kind", "Config")] {
            files.change(destination, |document| document.add(key, text))?;
        }
    }
    for (section, place) in places {
        let number = place.map_or(files.default_file(), |place| place.file);
        let file = &mut files.files[number];
        let index = place.map(|place| place.index);
        let old = index.map(|index| &file.document.entries(section)[index]);
        let entry = entry::entry(context, section, &mark, old);
        if section == Section::Users {
            file.make_private();
        }
        files.change(number, |document| document.put(section, index, entry))?;
    }
    Ok(())
}

/// How a file was before the first entry of ours: as another context of ours in it has noted, or as
/// it is.
fn before(files: &Files, file: usize) -> Before {
    let mut others = files.entries(Section::Contexts).filter(|(place, _)| place.file == file);
    let noted = others.find_map(|(_, entry)| Mark::read(entry, Section::Contexts));
    noted.map_or_else(|| files.files[file].before(), |mark| mark.before)
}

/// Before `gone` goes, or is selected anew: contexts of ours that would go back to it go back to
/// where it would.
fn bridge(files: &mut Files, gone: &str, mark: &Mark) -> Result<(), Error> {
    let waiting: Vec<_> = files
        .entries(Section::Contexts)
        .filter_map(|(place, entry)| {
            let found = Mark::read(entry, Section::Contexts)?;
            (found.previous.as_deref() == Some(gone)).then_some((place, found))
        })
        .collect();
    for (place, found) in waiting {
        let (previous, replaced) = (mark.previous.clone(), mark.replaced.clone());
        files.remark(place, &Mark { previous, replaced, ..found })?;
    }
    Ok(())
}

/// Takes the entries of a name out of all files, and what came with them.
fn take(
    files: &mut Files,
    name: &str,
    cluster_id: Option<&str>,
    mark: Option<&(Place, Mark)>,
) -> Result<(), Error> {
    for number in 0..files.files.len() {
        let noted = mark.filter(|(place, _)| place.file == number);
        let before = noted.map(|(_, mark)| mark.before.clone()).unwrap_or_default();
        let had = files.files[number].has_ours();
        for section in Section::ALL {
            while let Some(index) = index_of_ours(files, number, section, name, cluster_id) {
                let empty = before.empty(section);
                files.change(number, |document| document.take(section, index, empty))?;
            }
        }
        let file = &mut files.files[number];
        if !had || file.has_ours() {
            continue;
        }
        if let Some(mode) = before.mode {
            file.make_public(mode);
        }
        if file.document.says_nothing() {
            for key in ["apiVersion", "kind"].into_iter().filter(|key| before.lacked(key)) {
                files.change(number, |document| document.drop_key(key))?;
            }
            let file = &mut files.files[number];
            // A comment is of somebody who means to keep the file.
            file.gone = before.no_file && !file.document.text().contains('#');
        }
    }
    Ok(())
}

/// Where in a list of a file the first entry of ours with this name is.
fn index_of_ours(
    files: &Files,
    number: usize,
    section: Section,
    wanted: &str,
    cluster_id: Option<&str>,
) -> Option<usize> {
    files.files[number].document.entries(section).iter().position(|entry| {
        entry::name(entry) == Some(wanted)
            && Mark::read(entry, section).is_some_and(|mark| is_wanted(&mark, cluster_id))
    })
}
