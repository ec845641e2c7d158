//! The entries of a kubeconfig that make one context, and the mark by which we know our own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::model::{KubeCredentials, Secret};

/// The lists of a kubeconfig, and the key of the context that is selected.
pub(super) const LISTS: [&str; 3] = ["clusters", "contexts", "users"];
pub(super) const CURRENT: &str = "current-context";

/// The name of our extension. Every kind of entry may have `extensions`, which kubectl keeps as
/// they are: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#NamedExtension>.
const EXTENSION: &str = "io.clusterdojo";

/// A context to be written: how plain `kubectl` reaches the API of a cluster.
#[derive(Debug, Clone, Default)]
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

/// What stood behind the colon of a key; `None` if there was no such key.
pub(super) type Raw = Option<String>;

/// How a file was before the first entry of ours came into it: the keys that had no entries. Beside them, `file`
/// if there was no file, and the file's `mode`, in octal, if others could read it.
pub(super) type Before = BTreeMap<String, Raw>;

/// Whose an entry of ours is and, in a context, how to leave the file as it was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Mark {
    /// The cluster's name.
    pub(super) cluster: String,
    /// The cluster's random id.
    pub(super) cluster_id: String,
    /// The context that was selected before this one, to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) previous: Option<String>,
    /// If this one was ever selected: what `current-context` was before.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    pub(super) replaced: Option<Raw>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) before: Before,
}

/// A key that is there, also if it has no value.
fn some<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Raw>, D::Error> {
    Raw::deserialize(value).map(Some)
}

impl Mark {
    /// Our mark on an entry; `None` if it is not ours.
    pub(super) fn read(list: &str, entry: &Value) -> Option<Self> {
        let extensions = entry[kind(list)]["extensions"].as_array()?;
        let ours = extensions.iter().find(|extension| extension["name"] == EXTENSION)?;
        serde_json::from_value(ours["extension"].clone()).ok()
    }

    /// Puts the mark on an entry, beside the extensions of others.
    pub(super) fn write(&self, list: &str, entry: &mut Value) {
        let extensions = &mut entry[kind(list)]["extensions"];
        let mut others = extensions.as_array().cloned().unwrap_or_default();
        others.retain(|extension| extension["name"] != EXTENSION);
        others.push(json!({ "extension": self, "name": EXTENSION }));
        *extensions = others.into();
    }
}

/// What an entry of a list is, and the key of what it has beside its name.
pub(super) fn kind(list: &str) -> &str {
    list.trim_end_matches('s')
}

/// What kubectl would write for one part of a context, and our mark. Of an `old` entry of ours
/// stays what we say nothing of: a namespace that the user has chosen, a proxy.
pub(super) fn entry(context: &KubeContext, list: &str, mark: &Mark, old: Option<&Value>) -> Value {
    let settings = match list {
        "clusters" => json!({
            "certificate-authority-data": STANDARD.encode(&context.ca),
            "server": context.server,
            // Addresses may change, as those of the cloud do.
            "tls-server-name": KubeCredentials::SERVER_NAME,
        }),
        "contexts" => json!({ "cluster": context.name, "user": context.name }),
        _ => json!({
            "client-certificate-data": STANDARD.encode(&context.cert),
            "client-key-data": STANDARD.encode(context.key.expose()),
        }),
    };
    let mut entry = old.cloned().unwrap_or_else(|| json!({ "name": context.name }));
    for (key, value) in settings.as_object().into_iter().flatten() {
        entry[kind(list)][key] = value.clone();
    }
    let (cluster, cluster_id) = (mark.cluster.clone(), mark.cluster_id.clone());
    let short = Mark { cluster, cluster_id, ..Mark::default() };
    if list == "contexts" { mark } else { &short }.write(list, &mut entry);
    if old.is_none() {
        entry.sort_all_objects();
    }
    entry
}
