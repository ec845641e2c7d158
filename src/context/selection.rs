//! Which context plain `docker` uses: `currentContext` in docker's `config.json`.
//!
//! The file also holds the user's registry logins and more, so all that is not `currentContext`
//! stays as it was: unknown keys, their order, the indent, the mode, and a symbolic link.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::durable;

use super::json;
use super::replace::{self, Locked};
use super::{DockerContexts, Error};

const KEY: &str = "currentContext";

/// What [`DockerContexts::restore`] did, or that of [`KubeContexts`](super::KubeContexts).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// The context that was selected before is selected again.
    Previous(String),
    /// There was none before, or it is gone: docker's default is selected, or no context of kubectl.
    Default,
    /// Something other than ours is selected, so nothing was changed.
    LeftAlone,
}

impl DockerContexts {
    /// The context that plain `docker` uses; `None` means docker's default.
    ///
    /// # Errors
    /// [`Error::Damaged`] if `config.json` is not valid.
    pub fn current(&self) -> Result<Option<String>, Error> {
        let config = ConfigFile::locate(self.dir())?.read()?;
        Ok(selected(&config.keys).map(ToOwned::to_owned))
    }

    /// Makes plain `docker` use a context; returns the one to go back to, which is also noted with
    /// a context of ours. Selecting what is selected already changes nothing.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such context, [`Error::Damaged`] if `config.json` is not
    /// valid; it is untouched then.
    pub fn select(&self, name: &str) -> Result<Option<String>, Error> {
        if !self.exists(name) {
            return Err(Error::Missing(name.to_owned()));
        }
        let previous = self.current()?;
        if previous.as_deref() == Some(name) {
            return Ok(self.mark(name).and_then(|mark| mark.previous));
        }
        self.set_previous(name, previous.as_deref())?;
        ConfigFile::locate(self.dir())?.edit(|keys| {
            keys.insert(KEY.to_owned(), name.into());
        })?;
        Ok(previous)
    }

    /// Makes plain `docker` use its own default.
    ///
    /// # Errors
    /// [`Error::Damaged`] if `config.json` is not valid; it is untouched then.
    pub fn deselect(&self) -> Result<(), Error> {
        ConfigFile::locate(self.dir())?.edit(|keys| {
            keys.shift_remove(KEY);
        })
    }

    /// Undoes [`select`](Self::select): if `ours` is still selected, goes back to `previous`. If
    /// that is gone, goes back to what was noted when `ours` was selected, and else to docker's
    /// default. What the user selected in the meantime is left alone.
    ///
    /// # Errors
    /// [`Error::Damaged`] if `config.json` is not valid; it is untouched then.
    pub fn restore(&self, ours: &str, previous: Option<&str>) -> Result<Restored, Error> {
        if self.current()?.as_deref() != Some(ours) {
            return Ok(Restored::LeftAlone);
        }
        let noted = self.mark(ours).and_then(|mark| mark.previous);
        let previous = [previous, noted.as_deref()]
            .into_iter()
            .flatten()
            .find(|name| *name != ours && self.exists(name));
        ConfigFile::locate(self.dir())?.edit(|keys| {
            // Looked at again under the lock: another `dojo` may have been quicker.
            if selected(keys) != Some(ours) {
                return Restored::LeftAlone;
            }
            if let Some(name) = previous {
                keys.insert(KEY.to_owned(), name.into());
                Restored::Previous(name.to_owned())
            } else {
                // The plain `remove` would move the last key into the gap.
                keys.shift_remove(KEY);
                Restored::Default
            }
        })
    }
}

/// The environment variables that are set and make `docker` ignore that this context is selected. They win
/// over `config.json`, and the host wins over the context.
pub fn overriding_env(context: &str) -> Vec<&'static str> {
    overriding(context, |name| env::var(name).ok())
}

fn overriding(context: &str, variable: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let wins = |name: &&str| {
        let value = variable(name).unwrap_or_default();
        !value.is_empty() && (*name != "DOCKER_CONTEXT" || value != context)
    };
    ["DOCKER_HOST", "DOCKER_CONTEXT"].into_iter().filter(wins).collect()
}

fn selected(keys: &Map<String, Value>) -> Option<&str> {
    keys.get(KEY)?.as_str().filter(|name| !name.is_empty() && *name != "default")
}

/// `config.json`, wherever it really lies.
#[derive(Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
    is_link: bool,
}

/// What `config.json` says, and how it was laid out.
#[derive(Debug, Default)]
pub(super) struct Config {
    keys: Map<String, Value>,
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
    fn edit<T>(&self, change: impl FnOnce(&mut Map<String, Value>) -> T) -> Result<T, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_over_the_selected_context_unless_they_name_it() {
        let set = |values: &'static [(&str, &str)]| {
            move |name: &str| {
                let found = values.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| (*value).to_owned())
            }
        };
        assert_eq!(overriding("dojo-a", set(&[])), [""; 0]);
        assert_eq!(overriding("dojo-a", set(&[("DOCKER_CONTEXT", "")])), [""; 0]);
        assert_eq!(overriding("dojo-a", set(&[("DOCKER_CONTEXT", "dojo-a")])), [""; 0]);
        assert_eq!(overriding("dojo-a", set(&[("DOCKER_CONTEXT", "b")])), ["DOCKER_CONTEXT"]);
        let both = set(&[("DOCKER_CONTEXT", "b"), ("DOCKER_HOST", "tcp://c:1")]);
        assert_eq!(overriding("dojo-a", both), ["DOCKER_HOST", "DOCKER_CONTEXT"]);
    }
}
