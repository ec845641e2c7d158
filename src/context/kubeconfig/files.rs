//! The files of `$KUBECONFIG`, seen as the one configuration that kubectl makes of them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::entry::{Before, CURRENT, KubeContext, LISTS, Mark, entry, kind};
use super::{Error, Problem};
use crate::context::yaml::{Document, Refused, is_empty};
use crate::context::{Error as FileError, Restored};
use crate::durable::{self, lock::LockFile, shared::SharedFiles};
use crate::failpoint;

/// The files in the order in which kubectl reads them. Of entries of one name the first one counts, and of
/// selected contexts too (`ClientConfigLoadingRules.Load` in client-go's `tools/clientcmd/loader.go`).
pub(super) struct Files {
    pub(super) shared: SharedFiles,
    /// What each of them says.
    pub(super) documents: Vec<Document>,
}

/// The file that an entry is in, and its place in the list.
pub(super) type Place = (usize, usize);

impl Files {
    /// Reads the files as they are now, under lock if there is patience for it. kubectl locks all of them,
    /// those that are missing too (`ModifyConfig` in client-go's `tools/clientcmd/config.go`).
    pub(super) fn read(paths: &[PathBuf], patience: Option<Duration>) -> Result<Self, Error> {
        let shared = match patience {
            Some(patience) => SharedFiles::lock(paths, durable::TEXT, patience),
            None => SharedFiles::read(paths, durable::TEXT),
        };
        let shared = shared.map_err(refused)?;
        let documents = shared.files.iter().map(|file| {
            let document = Document::parse(&file.bytes).and_then(checked);
            document.map_err(|source| Error::Damaged { path: file.path.clone(), source })
        });
        let documents = documents.collect::<Result<Vec<_>, _>>()?;
        if documents.is_empty() { Err(Error::NoFile) } else { Ok(Self { shared, documents }) }
    }

    /// The file that new entries and the selected context go into: the first that exists, or else the last
    /// (`PathOptions.GetDefaultFilename` in client-go's `tools/clientcmd/config.go`).
    pub(super) fn default_file(&self) -> usize {
        let existing = self.shared.files.iter().position(|file| file.mode.is_some());
        existing.unwrap_or(self.documents.len() - 1)
    }

    /// The selected context, and which file says so.
    pub(super) fn current(&self) -> Option<(usize, String)> {
        let mut names =
            self.documents.iter().map(|document| document.keys().get(CURRENT)?.as_str());
        let file = names.position(|name| name.is_some_and(|name| !name.is_empty()))?;
        Some((file, self.documents[file].keys()[CURRENT].as_str()?.to_owned()))
    }

    /// All entries of a list.
    pub(super) fn entries(&self, list: &str) -> impl Iterator<Item = (Place, &Value)> {
        self.documents.iter().enumerate().flat_map(move |(file, document)| {
            let entries = document.items(list).iter().enumerate();
            entries.map(move |(index, entry)| ((file, index), entry))
        })
    }

    /// All entries of ours in a list, with their marks.
    pub(super) fn ours(&self, list: &str) -> impl Iterator<Item = (Place, &Value, Mark)> {
        self.entries(list).filter_map(move |(place, e)| Some((place, e, Mark::read(list, e)?)))
    }

    /// The entry of a name that counts.
    pub(super) fn find(&self, list: &str, name: &str) -> Option<(Place, &Value)> {
        self.entries(list).find(|(_, entry)| entry["name"] == name)
    }

    /// Whether there is a context of this name.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.find("contexts", name).is_some()
    }

    /// Our mark on the context of a name, and where that is; `None` if it is not ours.
    pub(super) fn mark(&self, name: &str) -> Option<(Place, Mark)> {
        let (place, entry) = self.find("contexts", name)?;
        Some((place, Mark::read("contexts", entry)?))
    }

    /// Changes our mark on a context.
    pub(super) fn remark(&mut self, (file, index): Place, mark: &Mark) -> Result<(), Error> {
        let mut entry = self.documents[file].items("contexts")[index].clone();
        mark.write("contexts", &mut entry);
        self.change(file, |document| document.put("contexts", Some(index), &entry))
    }

    /// Changes the namespace of a context.
    pub(super) fn set_namespace(
        &mut self,
        (file, index): Place,
        namespace: Option<&str>,
    ) -> Result<(), Error> {
        let mut entry = self.documents[file].items("contexts")[index].clone();
        if let Some(context) = entry["context"].as_object_mut() {
            match namespace {
                Some(name) => drop(context.insert("namespace".to_owned(), name.into())),
                None => drop(context.remove("namespace")),
            }
        }
        self.change(file, |document| document.put("contexts", Some(index), &entry))
    }

    /// Contexts of ours that would go back to `gone` go back to where it would.
    pub(super) fn bridge(&mut self, gone: &str, mark: &Mark) -> Result<(), Error> {
        let waiting = self.ours("contexts").filter(|(.., m)| m.previous.as_deref() == Some(gone));
        for (place, found) in waiting.map(|(place, _, mark)| (place, mark)).collect::<Vec<_>>() {
            let Mark { previous, replaced, .. } = mark.clone();
            self.remark(place, &Mark { previous, replaced, ..found })?;
        }
        Ok(())
    }

    /// Puts the entries of a context where they are already, or into the file for new ones. Refuses an
    /// entry of that name that is not this cluster's, in whichever file: one of the two would hide the other.
    pub(super) fn put(&mut self, context: &KubeContext) -> Result<(), Error> {
        let name = &context.name;
        for list in LISTS {
            let mut named = self.entries(list).filter(|(_, entry)| entry["name"] == *name);
            let is_ours = |mark: Mark| mark.cluster_id == context.cluster_id;
            if let Some(((file, _), _)) =
                named.find(|(_, e)| !Mark::read(list, e).is_some_and(is_ours))
            {
                let path = self.shared.files[file].path.clone();
                return Err(Error::Foreign { kind: kind(list), name: name.clone(), path });
            }
        }
        let chosen = self.default_file();
        let found = self.mark(name);
        let file = found.as_ref().map_or(chosen, |((file, _), _)| *file);
        let new = || Mark { before: self.before(chosen), ..Mark::default() };
        let mark = found.map_or_else(new, |(_, mark)| mark);
        let (cluster, cluster_id) = (context.cluster.clone(), context.cluster_id.clone());
        let mark = Mark { cluster, cluster_id, ..mark };
        if self.documents[file].keys().is_empty() {
            self.change(file, |document| document.set("apiVersion", "v1"))?;
            self.change(file, |document| document.set("kind", "Config"))?;
        }
        for list in LISTS {
            let (place, old) = self.find(list, name).unzip();
            let entry = entry(context, list, &mark, old);
            let file = place.map_or(chosen, |(file, _)| file);
            if list == "users" {
                // A key is for its owner alone.
                self.shared.files[file].new_mode &= 0o7700;
            }
            self.change(file, |document| {
                document.put(list, place.map(|(_, index)| index), &entry)
            })?;
        }
        Ok(())
    }

    /// How a file was before the first entry of ours: as another context of ours in it has noted, or as it is.
    fn before(&self, file: usize) -> Before {
        if let Some((.., mark)) = self.ours("contexts").find(|((found, _), ..)| *found == file) {
            return mark.before;
        }
        let document = &self.documents[file];
        let keys = ["apiVersion", "kind"].into_iter().filter(|_| document.keys().is_empty());
        let lists = LISTS.into_iter().filter(|list| document.items(list).is_empty());
        let raw = |key: &str| (key.to_owned(), document.raw(key));
        let mut before: Before = keys.chain(lists).map(raw).collect();
        let mode = self.shared.files[file].mode;
        before.extend(mode.is_none().then(|| ("file".to_owned(), None)));
        let open = mode.filter(|mode| mode & 0o077 != 0);
        before.extend(open.map(|mode| ("mode".to_owned(), Some(format!("{mode:04o}")))));
        before
    }

    /// Takes entries of ours out of all files. With the last of them goes what came with the first into the
    /// file that is `noted`.
    pub(super) fn take(
        &mut self,
        is_wanted: impl Fn(&Value, &Mark) -> bool,
        noted: Option<(usize, Before)>,
    ) -> Result<(), Error> {
        for list in LISTS {
            let wanted = |files: &Self| {
                files.ours(list).find(|(_, entry, mark)| is_wanted(entry, mark)).map(|(at, ..)| at)
            };
            while let Some((file, index)) = wanted(self) {
                self.change(file, |document| document.take(list, index))?;
            }
        }
        let has_ours =
            |file| LISTS.iter().any(|list| self.ours(list).any(|((found, _), ..)| found == file));
        let Some((file, before)) = noted.filter(|(file, _)| !has_ours(*file)) else {
            return Ok(());
        };
        // In a file that says nothing else, also what kubectl writes into a file without entries.
        let is_header = |key: &str| matches!(key, "apiVersion" | "kind");
        let mut keys = self.documents[file].keys().iter();
        let says_nothing = keys.all(|(key, value)| is_header(key) || is_empty(value));
        for (key, raw) in &before {
            let value = self.documents[file].keys().get(key);
            let is_list = LISTS.contains(&key.as_str()) && value.is_some_and(is_empty);
            if is_list || says_nothing && is_header(key) {
                self.change(file, |document| document.set_raw(key, raw.as_deref()))?;
            }
        }
        let text = self.documents[file].to_string();
        let shared = &mut self.shared.files[file];
        let mode = before.get("mode").and_then(|mode| u32::from_str_radix(mode.as_ref()?, 8).ok());
        // Unless the user has changed it meanwhile.
        if let Some(mode) = mode.filter(|mode| shared.mode == Some(mode & 0o7700)) {
            shared.new_mode = mode;
        }
        // A comment is of somebody who means to keep the file.
        if says_nothing && before.contains_key("file") && !text.contains('#') {
            shared.new_bytes = None;
        }
        Ok(())
    }

    /// If `ours` is selected, goes back to `previous`, or to what is noted with it, or to none.
    pub(super) fn restore(
        &mut self,
        ours: &str,
        previous: Option<&str>,
    ) -> Result<Restored, Error> {
        let Some((file, _)) = self.current().filter(|(_, name)| name == ours) else {
            return Ok(Restored::LeftAlone);
        };
        let mark = self.mark(ours).map(|(_, mark)| mark);
        let noted = mark.as_ref().and_then(|mark| mark.previous.clone());
        let mut names = previous.map(ToOwned::to_owned).into_iter().chain(noted);
        let wanted = names.find(|name| name != ours && self.exists(name));
        // Without a name that can be gone back to, what was noted still says how the file was.
        let way_back = mark.filter(|mark| mark.previous.is_none() || mark.previous == wanted);
        self.select(file, wanted.as_deref(), way_back)?;
        let now = self.current().filter(|(_, name)| self.exists(name));
        Ok(now.map_or(Restored::Default, |(_, name)| Restored::Previous(name)))
    }

    /// Selects a context in a file, or none: with the very bytes that stood there before, if those are
    /// known from the mark of the context that is left and mean the same.
    pub(super) fn select(
        &mut self,
        file: usize,
        wanted: Option<&str>,
        way_back: Option<Mark>,
    ) -> Result<(), Error> {
        let name = |files: &Self| files.current().map(|(_, name)| name);
        let left = name(self);
        if let Some(raw) = way_back.and_then(|mark| mark.replaced)
            && self.change(file, |document| document.set_raw(CURRENT, raw.as_deref())).is_ok()
        {
            let now = name(self);
            // Nothing to go back to was known then either: a name that no context has, at most.
            if now.as_deref() == wanted || wanted.is_none() && now != left {
                return Ok(());
            }
        }
        self.change(file, |document| document.set(CURRENT, wanted.unwrap_or_default()))
    }

    /// Changes what a file says.
    pub(super) fn change(
        &mut self,
        file: usize,
        change: impl FnOnce(&mut Document) -> Result<(), Refused>,
    ) -> Result<(), Error> {
        let (shared, document) = (&mut self.shared.files[file], &mut self.documents[file]);
        change(document).map_err(|Refused| Error::Unchangeable(shared.path.clone()))?;
        shared.new_bytes = Some(document.to_string().into());
        Ok(())
    }

    /// Refuses changes of files that are there to be read only.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        let hindrance = self.shared.hindrance();
        hindrance.map_or(Ok(()), |path| Err(FileError::NotWritable(path.to_owned()).into()))
    }

    /// Writes the files that have changed, `first` before the others, and gives the locks back. The
    /// points are passed while the locks are held, before and after the files change.
    pub(super) fn save(self, first: usize, points: Option<[&str; 2]>) -> Result<(), Error> {
        self.check_writable()?;
        if let Some([before, _]) = points {
            failpoint::reached(before);
        }
        self.shared.save(first).map_err(|(path, e)| FileError::io("write", &path)(e))?;
        if let Some([_, after]) = points {
            failpoint::reached(after);
        }
        Ok(())
    }
}

/// Refuses what kubectl could not read.
fn checked(document: Document) -> Result<Document, Problem> {
    let is_text = |value: &Value| value.is_null() || value.is_string();
    let is_entry = |e: &Value| e.is_null() || e.is_object() && is_text(&e["name"]);
    for (key, value) in document.keys().iter().filter(|(_, value)| !value.is_null()) {
        let is_list = value.as_array().is_some_and(|entries| entries.iter().all(is_entry));
        if key == CURRENT && !is_text(value) {
            return Err(document.problem(key, "a text"));
        } else if LISTS.contains(&key.as_str()) && !is_list {
            return Err(document.problem(key, "a list of maps with names"));
        }
    }
    Ok(document)
}

/// Why a file could not be locked or read.
pub(super) fn refused((path, error): (PathBuf, io::Error)) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::Locked(LockFile::path(&path)),
        _ => FileError::io("read", &path)(error).into(),
    }
}
