//! Why the memory of a cluster could not be read or written.

use std::io;
use std::path::PathBuf;

use crate::model::ClusterName;

/// Why the memory of a cluster could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory could not be used.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// "read", "write", "lock", "remove".
        operation: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no home directory to keep state in.
    #[error("neither DOJO_HOME nor HOME is set, so there is no place to keep state")]
    NoHome,
    /// The state directory belongs to someone else, who could put their own keys there.
    #[error("`{}` belongs to another user, so it is not used", path.display())]
    ForeignHome {
        /// Which directory.
        path: PathBuf,
    },
    /// The record cannot be read as a record.
    #[error("the record of cluster `{cluster}` is damaged")]
    Damaged {
        /// Whose record.
        cluster: ClusterName,
        /// Where it fails to parse.
        #[source]
        source: serde_json::Error,
    },
    /// The record was written by a newer clusterdojo.
    #[error(
        "the record of cluster `{cluster}` has schema {found}, and this clusterdojo knows schemas \
         up to {known}; it is left as it is"
    )]
    Newer {
        /// Whose record.
        cluster: ClusterName,
        /// Its schema number.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// Another command works on the cluster and did not end in time.
    #[error("another command works on cluster `{cluster}`: {holder}")]
    Locked {
        /// Which cluster.
        cluster: ClusterName,
        /// What is known of that command.
        holder: String,
    },
}

impl Error {
    pub(super) fn file(
        operation: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { operation, path, source }
    }
}
