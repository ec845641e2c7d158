//! `meta.json`, which makes a directory of docker's context store a context.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::durable;
use crate::model::TlsFiles;

use super::Error;

/// The key in a context's `Metadata` by which we know our own. Docker keeps what it does not know.
const MARK: &str = "clusterdojo";

/// A context to be written: how plain `docker` reaches an engine of a cluster.
#[derive(Debug, Clone)]
pub struct DockerContext {
    /// Its name, by which `docker context use` selects it.
    pub name: String,
    /// What `docker context ls` shows beside the name.
    pub description: String,
    /// Where the engine listens, as seen from this computer.
    pub endpoint: SocketAddr,
    /// The certificates, which are copied.
    pub tls: TlsFiles,
    /// The name of the cluster that it belongs to.
    pub cluster: String,
    /// The random id of that cluster.
    pub cluster_id: String,
}

/// A context's `meta.json`.
#[derive(Debug)]
pub(super) struct Meta(Map<String, Value>);

/// Whose a context of ours is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The cluster's random id.
    pub(super) cluster_id: String,
    /// The context that was selected before this one, to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<String>,
}

impl Meta {
    /// What docker would write for a context, and our mark.
    pub(super) fn new(context: &DockerContext, previous: Option<String>) -> Self {
        let mark = Mark {
            cluster: context.cluster.clone(),
            cluster_id: context.cluster_id.clone(),
            previous,
        };
        let mut meta = Self::unmarked(context);
        meta.0["Metadata"][MARK] = json!(mark);
        meta
    }

    /// What docker would write for a context.
    pub(super) fn unmarked(context: &DockerContext) -> Self {
        let host = format!("tcp://{}", context.endpoint);
        let mut keys = Map::new();
        keys.insert("Name".to_owned(), json!(context.name));
        keys.insert("Metadata".to_owned(), json!({ "Description": context.description }));
        let endpoint = json!({ "Host": host, "SkipTLSVerify": false });
        keys.insert("Endpoints".to_owned(), json!({ "docker": endpoint }));
        Self(keys)
    }

    /// Reads a `meta.json`; `None` if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match durable::read(path, durable::KEY) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        match serde_json::from_slice(&bytes) {
            Ok(keys) => Ok(Some(Self(keys))),
            Err(source) => Err(Error::Damaged { path: path.to_owned(), source }),
        }
    }

    /// The file's bytes.
    pub(super) fn render(self) -> Vec<u8> {
        Value::Object(self.0).to_string().into_bytes()
    }

    /// The context's name.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.get("Name")?.as_str()
    }

    /// Where it leads, and whether docker would trust any certificate there.
    pub(super) fn endpoint(&self) -> Option<(&str, bool)> {
        let docker = self.0.get("Endpoints")?.get("docker")?;
        let host = docker.get("Host")?.as_str().filter(|host| !host.is_empty())?;
        Some((host, docker.get("SkipTLSVerify").and_then(Value::as_bool).unwrap_or(false)))
    }

    /// Our mark; `None` if the context is not ours.
    pub(super) fn mark(&self) -> Option<Mark> {
        Mark::deserialize(self.0.get("Metadata")?.get(MARK)?).ok()
    }

    /// Notes in our mark which context to go back to. A context that is not ours stays as it is.
    pub(super) fn set_previous(&mut self, previous: Option<&str>) {
        if let Some(mut mark) = self.mark() {
            mark.previous = previous.map(ToOwned::to_owned);
            self.0["Metadata"][MARK] = json!(mark);
        }
    }
}

/// What docker calls the directory of a context: the SHA-256 of its name, in lower-case hex.
pub(super) fn directory(name: &str) -> String {
    use std::fmt::Write;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(name) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Refuses what docker would refuse: its rule is `^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$`, and `default` is
/// built in.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let mut bytes = name.bytes();
    let valid = name.len() >= 2
        && name != "default"
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(&b));
    if valid { Ok(()) } else { Err(Error::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_is_what_docker_computes() {
        // echo -n lab-1 | sha256sum
        assert!(directory("lab-1").starts_with("49c4cf18"));
        assert_eq!(directory("lab-1").len(), 64);
    }

    #[test]
    fn names_follow_dockers_rule() {
        for good in ["ab", "dojo-practice", "A1_.+-"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "default", "-ab", ".ab", "a/b", "a b", "..", "añ", "ab\n"] {
            assert!(matches!(check_name(bad), Err(Error::Name(_))), "{bad}");
        }
    }
}
