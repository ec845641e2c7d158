//! Docker's `config.json`.
//!
//! The file also holds the user's registry logins and more, so all that is not `currentContext`
//! stays as it was: unknown keys, their order, the indent, the mode, and a symbolic link.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::durable;

use super::replace::{self, Locked};
use super::{Error, json};

/// The key of the context that is selected.
pub(super) const KEY: &str = "currentContext";

/// `config.json`, wherever it really lies.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    is_link: bool,
}

/// What `config.json` says, and how it was laid out.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) keys: Map<String, Value>,
    doubt: Option<String>,
    text: String,
}

impl ConfigFile {
    /// Follows a symbolic link, so that the file behind it is replaced and not the link.
    pub(super) fn locate(dir: &Path) -> Result<Self, Error> {
        let (path, is_link) = replace::follow(&dir.join("config.json"))?;
        Ok(Self { path, is_link })
    }

    /// The directory that the file is replaced in.
    pub(super) fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Reads the file; one that is missing or empty says nothing, as to docker.
    pub(super) fn read(&self) -> Result<Config, Error> {
        let bytes = match durable::read(&self.path, durable::TEXT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
            Err(error) => return Err(Error::io("read", &self.path)(error)),
        };
        let damaged = |source| Error::Damaged { path: self.path.clone(), source };
        let json::Read { keys, doubt } = json::read(&bytes).map_err(damaged)?;
        if keys.get(KEY).is_some_and(|name| !name.is_string()) {
            let wrong = serde::de::Error::custom("currentContext is not a string");
            return Err(damaged(wrong));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Config { keys, doubt, text })
    }

    /// The same, if it can be changed without losing anything.
    pub(super) fn read_to_change(&self) -> Result<Config, Error> {
        let config = self.read()?;
        match &config.doubt {
            Some(why) => Err(Error::Unclear { path: self.path.clone(), why: why.clone() }),
            None => Ok(config),
        }
    }

    /// Changes the file under the lock: reads what it says now, applies `change`, and replaces it.
    pub(super) fn edit<T>(
        &self,
        change: impl FnOnce(&mut Map<String, Value>) -> T,
    ) -> Result<T, Error> {
        let locked = Locked::acquire(self.parent())?;
        locked.sweep(self.parent())?;
        let mut config = self.read()?;
        let before = config.keys.clone();
        let result = change(&mut config.keys);
        if config.keys == before {
            return Ok(result);
        }
        self.read_to_change()?;
        if config.keys.is_empty() && !self.is_link {
            // An empty object says nothing; most likely we made the file.
            replace::remove(&self.path)?;
            replace::sync_dir(self.parent())?;
            return Ok(result);
        }
        let mode = fs::metadata(&self.path).map_or(0o600, |old| old.permissions().mode() & 0o7777);
        let text = config.render().ok_or_else(|| Error::Unclear {
            path: self.path.clone(),
            why: "no place was found for `currentContext`".to_owned(),
        })?;
        locked.replace(&self.path, self.parent(), text.as_bytes(), mode)?;
        Ok(result)
    }
}

impl Config {
    /// What the file says under a key.
    pub(super) fn key(&self, key: &str) -> Option<&Value> {
        self.keys.get(key)
    }

    /// The file's new text: the old one with another `currentContext`, or without it. `None` if it would not
    /// say what it should.
    fn render(&self) -> Option<String> {
        let text = if self.text.trim().is_empty() { "{}" } else { &self.text };
        let text = match self.keys.get(KEY).and_then(Value::as_str) {
            Some(name) => json::set(text, KEY, name)?,
            None => json::unset(text, KEY)?,
        };
        let says = json::read(text.as_bytes()).ok()?;
        (says.keys == self.keys && says.doubt.is_none()).then_some(text)
    }
}
