//! Entries in the user's own files that make a cluster reachable: docker contexts and kubectl's.
//!
//! These files are shared with other programs, so the rules are strict: only entries that carry our
//! mark are ever changed or removed, every file is replaced in one step, and whatever is not ours
//! is kept as it was.
//!
//! - [`docker`]: the context store, `contexts/meta` and `contexts/tls`
//! - `archive`: a docker context as a file of its own, for others
//! - `engine`: where the context leads that docker uses when none of ours is selected
//! - [`selection`]: which context plain `docker` uses, `currentContext` in `config.json`
//! - `yaml`: a YAML text that is changed in place
//! - [`kubeconfig`]: clusters, users and contexts of `kubectl`, and which one it uses

mod archive;
mod config_file;
pub mod docker;
mod engine;
mod json;
pub mod kubeconfig;
mod meta;
mod proxies;
mod replace;
pub mod selection;
mod yaml;

use std::io;
use std::path::{Path, PathBuf};

pub use docker::{DockerContext, DockerContexts};
pub use kubeconfig::{KubeContext, KubeContexts};
pub use selection::{Restored, overriding_env};

/// Why a docker context could not be read, written or selected, or a file not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Docker would refuse the name, or means its built-in context by it.
    #[error("`{0}` cannot be the name of a docker context")]
    Name(String),
    /// Somebody else made a context of this name.
    #[error("docker context `{0}` exists already and belongs to something else")]
    Foreign(String),
    /// No such context.
    #[error("docker context `{0}` does not exist")]
    Missing(String),
    /// A context that leads to no engine.
    #[error("docker context `{0}` has no engine")]
    NoEngine(String),
    /// A file is not the JSON that docker writes. It was left as it is.
    #[error("`{}` is not valid, so it was left untouched", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how it is wrong.
        source: serde_json::Error,
    },
    /// A file that docker reads, but that cannot be changed without perhaps losing something of it.
    #[error("`{}` was left untouched, because a change might lose something: {why}", path.display())]
    Unclear {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// This user may not write there; often a directory that `sudo docker` once made.
    #[error("no permission to write in `{}`", .0.display())]
    NotWritable(PathBuf),
    /// Another process has held the lock for too long.
    #[error("another process keeps `{}` locked", .0.display())]
    Busy(PathBuf),
    /// Neither `$DOCKER_CONFIG` nor `$HOME` says where docker keeps its files.
    #[error("neither DOCKER_CONFIG nor HOME is set")]
    NoHome,
    /// The file system refused something.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb: "read", "write".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The refusal.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names what was tried and where.
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
