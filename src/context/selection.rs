//! Which context plain `docker` uses: `currentContext` in docker's `config.json`.

use std::env;

use serde_json::{Map, Value};

use super::config_file::{ConfigFile, KEY};
use super::{DockerContexts, Error};

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
