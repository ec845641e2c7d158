//! The directory that holds all clusters.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::{Deserialize, Serialize};

use crate::durable;
use crate::model::ClusterName;

use super::{Entry, Error, Record};

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
        read_record(&self.directory(name), name)
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
        durable::private_directory(&directory).map_err(Error::file("make", &directory))?;
        self.check_owner()?;
        Entry::lock(directory, name.clone(), verb, wait, on_wait).await
    }

    /// What was selected before the last `dojo use`; `None` if there was no such use.
    pub fn previous(&self) -> Result<Option<Selection>, Error> {
        let path = self.previous_path();
        match fs::read(&path) {
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

    /// Where it is noted which bundles were looked through.
    pub fn bundle_stamps(&self) -> PathBuf {
        self.root.join("bundles")
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

pub(super) fn read_record(directory: &Path, name: &ClusterName) -> Result<Option<Record>, Error> {
    let path = directory.join("cluster.json");
    match fs::read(&path) {
        Ok(text) => Record::parse(name, &text).map(Some),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::file("read", path)(e)),
    }
}
