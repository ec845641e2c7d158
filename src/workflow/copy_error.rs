//! Why something was not copied.

use std::io;
use std::path::PathBuf;

use crate::model::MachineId;

/// Why something was not copied. What was at its place before is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is nothing to copy.
    #[error("there is no `{path}` on {place}")]
    Missing {
        /// What was to be copied.
        path: String,
        /// Where: "machine `practice/worker-1`".
        place: String,
    },
    /// It may not be read.
    #[error("the login user may not read `{path}` on {place}")]
    Unreadable {
        /// What was to be copied.
        path: String,
        /// Where.
        place: String,
    },
    /// It is a device, a socket or the like.
    #[error("`{path}` on {place} is neither a file nor a folder")]
    Special {
        /// What was to be copied.
        path: String,
        /// Where.
        place: String,
    },
    /// A name that cannot be told to a machine.
    #[error("the name of `{}` is not UTF-8; give the copy another one", .0.display())]
    Name(PathBuf),
    /// It may not be there.
    #[error("cannot copy to {place}: {why}")]
    Refused {
        /// Where.
        place: String,
        /// Why.
        why: String,
    },
    /// What a machine sends would not be where it belongs.
    #[error(
        "machine `{machine}` sends `{path}`, which would be outside of the target; nothing was kept"
    )]
    Escapes {
        /// Which machine.
        machine: MachineId,
        /// What it sends.
        path: String,
    },
    /// A file of this computer.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// "read", "write".
        operation: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// How the computer is called that this program runs on.
pub(super) const HERE: &str = "this computer";

impl CopyError {
    /// Something may not be put there on this computer.
    pub(super) fn refused_here(why: String) -> Self {
        Self::Refused { place: HERE.to_owned(), why }
    }
}

/// An error about a file of this computer.
pub(super) fn file(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> CopyError {
    let path = path.into();
    move |source| CopyError::File { operation, path, source }
}
