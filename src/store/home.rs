//! The directory that holds all clusters.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::model::ClusterName;

use super::{Entry, Error, Holders, Record};

/// The contexts that are selected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// Docker's; absent if it is docker's own.
    #[serde(rename = "name")]
    pub docker: Option<String>,
    /// kubectl's, if one is selected.
    #[serde(default)]
    pub kubectl: Option<String>,
}

/// `$DOJO_HOME`, else `$XDG_DATA_HOME/clusterdojo`, else `~/.local/share/clusterdojo`.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

/// A cluster that has a directory here, with its record or why it cannot be read.
pub type Listed = (ClusterName, Result<Option<Record>, Error>);

impl Home {
    /// A home at a given place. It is made when the first cluster is.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The home that the environment names.
    pub fn from_env() -> Result<Self, Error> {
        let set = |key| env::var_os(key).filter(|v| !v.is_empty()).map(PathBuf::from);
        let root = set("DOJO_HOME")
            .or_else(|| set("XDG_DATA_HOME").map(|d| d.join("clusterdojo")))
            .or_else(|| set("HOME").map(|d| d.join(".local/share/clusterdojo")))
            .ok_or(Error::NoHome)?;
        Ok(Self::new(root))
    }

    fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    /// The directory of one cluster.
    pub fn directory(&self, name: &ClusterName) -> PathBuf {
        self.clusters().join(name.as_str())
    }

    /// Every cluster that has a directory here, by name, with its record or why it cannot be read. One
    /// damaged record hides no other cluster.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let directory = self.clusters();
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::file("read", directory)(e)),
        };
        let mut names: Vec<ClusterName> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        names.sort();
        Ok(names
            .into_iter()
            .map(|name| {
                let record = self.record(&name);
                (name, record)
            })
            .collect())
    }

    /// The record of one cluster, read without its lock; `None` if there is none.
    pub fn record(&self, name: &ClusterName) -> Result<Option<Record>, Error> {
        Record::read(&self.directory(name), name)
    }

    /// The cluster's entry for changing it. Waits for another command that works on the same cluster,
    /// for as long as `wait` allows; `on_wait` is told once who holds the lock.
    pub async fn lock(
        &self,
        name: &ClusterName,
        verb: &str,
        wait: std::time::Duration,
        on_wait: impl FnOnce(&str),
    ) -> Result<Entry, Error> {
        let directory = self.directory(name);
        match durable::private_directory(&directory) {
            // There is nothing to lock, and nothing here that another command could change.
            Err(error) if durable::is_unwritable(&error) => {
                return Ok(Entry::unlocked(directory, name.clone()));
            }
            made => made.map_err(Error::file("make", &directory))?,
        }
        self.check_owner()?;
        Entry::lock(directory, name.clone(), verb, wait, on_wait).await
    }

    /// The entry of a cluster that is only looked at.
    pub fn unlocked(&self, name: &ClusterName) -> Entry {
        Entry::unlocked(self.directory(name), name.clone())
    }

    /// What tells who works on a cluster.
    pub fn holders(&self, name: &ClusterName) -> Holders {
        Holders::of(&self.directory(name))
    }

    /// What was selected before the last `dojo use`; `None` if there was no such use.
    pub fn previous(&self) -> Result<Option<Selection>, Error> {
        let path = self.previous_path();
        match durable::read(&path, durable::TEXT) {
            // What cannot be read as such is as good as forgotten.
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file("read", path)(e)),
        }
    }

    /// Remembers what was selected, for `dojo use --previous`.
    pub fn remember(&self, previous: &Selection) -> Result<(), Error> {
        let path = self.previous_path();
        durable::private_directory(&self.root).map_err(Error::file("make", &self.root))?;
        let text = serde_json::to_vec(previous).expect("optional strings are JSON");
        durable::replace(&path, &text, 0o600).map_err(Error::file("write", path))
    }

    /// Where it is kept how far somebody is in lessons.
    pub fn lessons(&self) -> PathBuf {
        self.root.join("lessons")
    }

    /// Where it is noted which bundles were looked through.
    pub fn bundle_stamps(&self) -> PathBuf {
        self.root.join("bundles")
    }

    /// The random id of this home, which what is made from here carries; made when it is first needed.
    pub fn id(&self) -> Result<String, Error> {
        if let Some(id) = self.known_id()? {
            return Ok(id);
        }
        let path = self.id_path();
        durable::private_directory(&self.root).map_err(Error::file("make", &self.root))?;
        let id = format!("{:016x}", rand::random::<u64>());
        let made = durable::create(&path, format!("{id}\n").as_bytes(), 0o600);
        if made.map_err(Error::file("write", &path))? {
            self.give_to_owner(&path)?;
            return Ok(id);
        }
        // Somebody was quicker; or it was there, and says nothing.
        if let Some(id) = self.known_id()? {
            return Ok(id);
        }
        durable::replace(&path, format!("{id}\n").as_bytes(), 0o600)
            .map_err(Error::file("write", &path))?;
        self.give_to_owner(&path)?;
        Ok(id)
    }

    /// The same, if there is one yet.
    pub fn known_id(&self) -> Result<Option<String>, Error> {
        let path = self.id_path();
        match durable::read_to_string(&path, durable::KEY) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|id| !id.is_empty())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::file("read", path)(e)),
        }
    }

    /// Whether what carries this id of a home is another one's. What carries none is anybody's.
    pub fn is_other(&self, home: Option<&str>) -> Result<bool, Error> {
        match home {
            Some(home) if !home.is_empty() => Ok(self.known_id()?.as_deref() != Some(home)),
            _ => Ok(false),
        }
    }

    /// `sudo dojo` with a kept HOME leaves nothing that the user cannot read.
    fn give_to_owner(&self, path: &Path) -> Result<(), Error> {
        let owner = fs::metadata(&self.root).map_err(Error::file("read", &self.root))?.uid();
        if owner == rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        std::os::unix::fs::chown(path, Some(owner), None).map_err(Error::file("give away", path))
    }

    fn id_path(&self) -> PathBuf {
        self.root.join("id")
    }

    /// Whether the user has agreed to a spec file of these contents.
    pub fn trusts(&self, digest: &str) -> bool {
        let trusted = self.trusted().unwrap_or_default();
        trusted.lines().any(|line| line == digest)
    }

    /// Remembers that.
    pub fn trust(&self, digest: &str) -> Result<(), Error> {
        if self.trusts(digest) {
            return Ok(());
        }
        let path = self.trusted_path();
        durable::private_directory(&self.root).map_err(Error::file("make", &self.root))?;
        // What cannot be read says nothing.
        let before = self.trusted().unwrap_or_default();
        let text = format!("{before}{digest}\n");
        durable::replace(&path, text.as_bytes(), 0o600).map_err(Error::file("write", path))
    }

    fn trusted(&self) -> std::io::Result<String> {
        durable::read_to_string(&self.trusted_path(), durable::TEXT)
    }

    fn trusted_path(&self) -> PathBuf {
        self.root.join("trusted-specs")
    }

    fn previous_path(&self) -> PathBuf {
        self.root.join("previous-context.json")
    }

    fn check_owner(&self) -> Result<(), Error> {
        let owner = fs::metadata(&self.root).map_err(Error::file("read", &self.root))?.uid();
        let me = rustix::process::geteuid().as_raw();
        // Root may use anyone's: `sudo dojo` with a kept HOME is the user's own cluster.
        if owner == me || me == 0 {
            Ok(())
        } else {
            Err(Error::ForeignHome { path: self.root.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_home_has_one_id_that_stays_and_only_its_owner_reads() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path().join("state"));
        assert_eq!(home.known_id().unwrap(), None);
        assert!(!root.path().join("state").exists(), "nobody needed it yet");
        let ids: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| home.id().unwrap())).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let file = root.path().join("state/id");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Home::new(root.path().join("state")).id().unwrap(), ids[0]);
        // A power cut may leave an empty one.
        fs::write(&file, "").unwrap();
        assert_ne!(home.id().unwrap(), "");
    }

    #[test]
    fn only_what_carries_the_id_of_another_home_is_anothers() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::new(root.path());
        assert!(home.is_other(Some("any")).unwrap(), "this one has made nothing yet");
        let id = home.id().unwrap();
        assert!(!home.is_other(Some(&id)).unwrap() && !home.is_other(None).unwrap());
        assert!(home.is_other(Some("another")).unwrap());
    }
}
