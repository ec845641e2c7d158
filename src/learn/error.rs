//! Why a lesson could not go on.

use std::io;
use std::path::{Path, PathBuf};

use crate::lesson::Refused;
use crate::model::ClusterName;
use crate::workflow;

/// Why a lesson could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster.
    #[error(transparent)]
    Workflow(#[from] workflow::Error),
    /// There is nothing to go on with.
    #[error("no lesson has begun")]
    NotBegun,
    /// There is no such lesson.
    #[error("there is no lesson `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Those with names like it.
        near: Vec<String>,
    },
    /// A lesson of somebody's is not right.
    #[error("the lesson in `{}` is refused", directory.display())]
    Refused {
        /// Where it is.
        directory: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Refused,
    },
    /// A lesson has changed so that a step is not there any more.
    #[error("lesson `{lesson}` has no step `{step}` any more")]
    NoStep {
        /// The lesson.
        lesson: String,
        /// The step.
        step: String,
    },
    /// A file could not be used.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// "read", "write", "make".
        operation: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of ours says what we would not write.
    #[error("`{}` is damaged: {why}", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The lesson's cluster is not there any more.
    #[error("cluster `{cluster}`, on which lesson `{lesson}` was begun, is gone")]
    Gone {
        /// The cluster.
        cluster: ClusterName,
        /// The lesson.
        lesson: String,
        /// Where it was read from, unless it is built in.
        from: Option<PathBuf>,
    },
    /// Another lesson was begun, on another cluster.
    #[error("lesson `{lesson}` was begun meanwhile, on cluster `{cluster}`")]
    Elsewhere {
        /// The lesson.
        lesson: String,
        /// Its cluster.
        cluster: ClusterName,
    },
    /// The cluster is another one than the lesson needs.
    #[error("cluster `{cluster}` does not suit lesson `{lesson}`: that needs {wanted}")]
    Unfit {
        /// The cluster.
        cluster: ClusterName,
        /// The lesson.
        lesson: String,
        /// What it needs.
        wanted: String,
        /// Whether the cluster was made for lessons of this shape, and has another one since.
        is_ours: bool,
    },
    /// The cluster has no such machine.
    #[error("cluster `{cluster}` has no machine `{machine}`")]
    NoMachine {
        /// The cluster.
        cluster: ClusterName,
        /// What was asked for.
        machine: String,
    },
    /// The step comes first.
    #[error("step `{step}` of lesson `{lesson}` is not passed yet")]
    NotPassed {
        /// The lesson.
        lesson: String,
        /// The step.
        step: String,
    },
    /// What the learner answered is no option.
    #[error("`{said}` is no answer to the question of step `{step}`: expected {options}")]
    NoOption {
        /// What was said.
        said: String,
        /// The step.
        step: String,
        /// What may be said.
        options: String,
    },
    /// A command of the solution has failed.
    #[error("`{command}` ended with {status}")]
    Solution {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
    },
}

impl Error {
    pub(super) fn file(
        operation: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::File { operation, path, source }
    }
}
