//! Why a context of kubectl could not be read, written or selected.

use std::path::PathBuf;

use super::Problem;
use crate::context::Error as FileError;

/// Why a context of kubectl could not be read, written or selected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else made an entry of this name.
    #[error("{kind} `{name}` in `{}` exists already and belongs to something else", path.display())]
    Foreign {
        /// "cluster", "context" or "user".
        kind: &'static str,
        /// The name.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// No such context.
    #[error("kubectl context `{0}` does not exist")]
    Missing(String),
    /// A file is no kubeconfig. It was left as it is.
    #[error("`{}` is not valid, so it was left untouched", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how it is wrong.
        source: Problem,
    },
    /// A file is valid, but no change of it was found that keeps all the rest. It was left as it is.
    #[error("`{}` is laid out in a way that cannot be changed safely, so it was left untouched", .0.display())]
    Unchangeable(PathBuf),
    /// Another process has held the lock for too long, or was killed while it held it.
    #[error("a kubeconfig is locked by another program, or one that was killed has left `{}`", .0.display())]
    Locked(PathBuf),
    /// Neither `$KUBECONFIG` nor `$HOME` says where kubectl keeps its files, or the former is a list
    /// of nothing.
    #[error("neither KUBECONFIG nor HOME names a file")]
    NoFile,
    /// A file could not be read or replaced.
    #[error(transparent)]
    Files(#[from] FileError),
}
