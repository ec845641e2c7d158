//! Stands where kube's client wants JSON paths, and finds nothing.
//!
//! The client reads by them what Google's old login plugin has printed, which a kubeconfig may name. `dojo` gives it no
//! kubeconfig, so nobody ever asks. The library itself brings a grammar, regular expressions and what generates a parser:
//! 15 crates, and a sixteenth of the time that building `dojo` takes.

use std::fmt;

use serde_json::Value;

/// JSON that could be asked by paths.
pub trait JsonPath {
    /// Refuses every path.
    ///
    /// # Errors
    /// Always.
    fn query(&self, path: &str) -> Result<Vec<&Value>, Unsupported>;
}

impl JsonPath for Value {
    fn query(&self, _path: &str) -> Result<Vec<&Value>, Unsupported> {
        Err(Unsupported)
    }
}

/// Paths are not understood.
#[derive(Debug)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON paths are not built in")
    }
}

impl std::error::Error for Unsupported {}
