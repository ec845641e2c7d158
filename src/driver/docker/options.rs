//! What may be chosen about machines that are containers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::driver::section::Options;
use crate::model::{DriverName, Subnet};

/// Its name.
pub(super) const DRIVER: DriverName = DriverName::fixed("docker");

/// What may be chosen about machines that are containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct DockerOptions {
    /// The engine, `unix:///path` or `tcp://host:port`; absent means that it is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The directory with `ca.pem`, `cert.pem` and `key.pem`, with which an engine at `tcp://host:port` is
    /// spoken to over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_path: Option<PathBuf>,
    /// An image to use instead of the one that is built here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The cluster network's address range, as in `10.200.7.0/24`; absent means that a free one is
    /// chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<Subnet>,
    /// Machines without Docker, so that its installation can be practised.
    pub bare: bool,
}

impl Options for DockerOptions {
    const KEY: &'static str = "docker";
}
