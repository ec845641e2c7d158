//! How docker's own command line reaches an engine.

use std::path::PathBuf;

/// The engine that a docker context leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineContext {
    /// The context's name.
    pub name: String,
    /// The engine's address, as in `unix:///path` or `tcp://host:port`.
    pub host: String,
    /// The directory with `ca.pem`, `cert.pem` and `key.pem`, where the context has any.
    pub cert_path: Option<PathBuf>,
    /// Docker would not look whether the engine's certificate is the right one.
    pub skip_tls_verify: bool,
}
