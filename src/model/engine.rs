//! How the Docker engine on each machine is installed and configured.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Fingerprint;

/// Where the engine's packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineChannel {
    /// The distribution's own package, `docker.io`.
    #[default]
    Distro,
    /// Docker's repository, `docker-ce`.
    DockerCe,
}

impl FromStr for EngineChannel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "distro" => Ok(Self::Distro),
            "docker-ce" => Ok(Self::DockerCe),
            other => Err(format!("`{other}` is not a channel: expected distro or docker-ce")),
        }
    }
}

/// How the engine on each machine is installed and configured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EngineOptions {
    /// Where the engine's packages come from.
    pub channel: EngineChannel,
    /// The base address of a mirror of Docker's package repository; with `docker-ce`, and for the containerd of
    /// Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The fingerprint of the key that signs it; absent means that its key is fetched from there, which takes
    /// https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_key: Option<Fingerprint>,
    /// Mirrors asked before the default registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registry_mirrors: Vec<String>,
    /// Registries that may be spoken to without TLS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub insecure_registries: Vec<String>,
    /// Labels of the engine, `key=value`; swarm placement constraints can ask for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Further keys of `daemon.json`, as dockerd documents them.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub daemon: serde_json::Map<String, serde_json::Value>,
}

impl EngineOptions {
    /// Where Docker publishes its packages ("Install Docker Engine on Debian", docs.docker.com).
    pub const PUBLISHED: &str = "https://download.docker.com";

    /// The base address of Docker's package repository: what was chosen, else where Docker has it.
    pub fn repository(&self) -> &str {
        self.repository.as_deref().unwrap_or(Self::PUBLISHED).trim_end_matches('/')
    }

    /// The fingerprint of the key that signs it; empty if none was given.
    pub fn repository_key(&self) -> String {
        self.repository_key.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// Whether an engine with these options has to be restarted to have the others. Where its packages came
    /// from is past.
    pub fn restarts_for(&self, other: &Self) -> bool {
        let settings = |options: &Self| {
            let Self { registry_mirrors, insecure_registries, labels, daemon, .. } =
                options.clone();
            (registry_mirrors, insecure_registries, labels, daemon)
        };
        settings(self) != settings(other)
    }
}
