//! Why a command failed. Exit codes, and the hints that go with it, are in files of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{ClusterName, Dollars, InvalidName, MachineId, NoService};
use crate::pace::InvalidPatience;
use crate::{
    bundle, context, driver, fault, import, learn, provision, remote, spec, store, webhook,
    workflow,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Workflow(#[from] workflow::Error),
    #[error(transparent)]
    Lesson(learn::Error),
    #[error(transparent)]
    Spec(#[from] spec::Error),
    #[error(transparent)]
    Invalid(#[from] spec::Invalid),
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Import(#[from] import::Error),
    #[error(transparent)]
    Patience(#[from] InvalidPatience),
    /// What went wrong with a cluster, whose name the hints need.
    #[error("{source}")]
    About { cluster: ClusterName, source: Box<Error> },
    /// An engine was asked for where there is none.
    #[error("machine `{machine}` has no Docker engine: it is part of a Kubernetes cluster")]
    NoEngine {
        machine: MachineId,
        /// What there is instead
        api: Option<SocketAddr>,
    },
    /// Why nothing can be said of a step of a lesson. That it is not passed yet would be something.
    #[error(transparent)]
    Untold(Box<Error>),
    /// A place where machines come from said nothing.
    #[error("{place} did not answer within {:.1} s", waited.as_secs_f32())]
    Silent { place: String, waited: Duration },
    /// Machines that nobody else can tell of do not answer.
    #[error("nothing answers at machine {}", .0.join(", "))]
    NoAnswer(Vec<String>),
    /// The user wanted to stop before anything was begun.
    #[error("interrupted; nothing was changed")]
    Interrupted,
    /// The user wanted to stop while commands of theirs ran.
    #[error("interrupted; {left}")]
    CutOff {
        left: &'static str,
        /// What helps
        hint: &'static str,
    },
    /// Arguments that contradict each other or what exists.
    #[error("{0}")]
    Usage(String),
    /// A flag of a driver from which no machine comes.
    #[error("`{flag}` is for machines of {owner}, and here they come from {drivers}")]
    StrayFlag { flag: String, owner: String, drivers: String, right: String },
    #[error("cannot {operation}")]
    Io {
        operation: &'static str,
        #[source]
        source: std::io::Error,
    },
    /// More than was agreed to, or nobody knows how much.
    #[error("{}, and the limit is {limit} (--max-hourly)", match hourly {
        Some(hourly) => format!("the machines would cost about {hourly} an hour"),
        None => "nobody knows how much the machines would cost".to_owned(),
    })]
    TooDear { hourly: Option<Dollars>, limit: Dollars },
    /// A spec file from elsewhere names programs, and nobody has agreed to that.
    #[error(
        "spec file `{path}` is not from this directory and names what runs with your rights: {programs}"
    )]
    Untrusted { path: String, programs: String },
    /// The context is in files that the user's tool does not read here.
    #[error("context `{}` is in `{}`, which is not read here", cluster.context(), listed(files))]
    OtherFiles { cluster: ClusterName, files: Vec<PathBuf>, variable: &'static str },
    /// A file is there that nobody said may be overwritten.
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// A file that was named cannot be written.
    #[error("cannot write `{}`", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    /// Nobody could be asked whether it may be removed.
    #[error("nothing was removed")]
    Unasked,
    /// Nobody could be asked whether hosts may be taken.
    #[error("nothing was taken")]
    Untaken,
    /// Nothing is here that could mount.
    #[error("`dojo mount` needs sshfs, which this computer does not have")]
    NoSshfs,
    /// Nobody is known to trust.
    #[error(transparent)]
    NoHttps(webhook::NoClient),
    /// A program of this computer, which has said why.
    #[error("{program} failed: {status}")]
    Program { program: &'static str, status: String },
    /// Neither docker nor kubectl leads to a cluster of ours.
    #[error("in this shell neither docker nor kubectl leads to a cluster of this computer")]
    NoneActive,
    /// Several clusters failed; each was told already.
    #[error("{failed} of {of} clusters failed")]
    Several { failed: usize, of: usize },
}

impl From<learn::Error> for Error {
    fn from(error: learn::Error) -> Self {
        match error {
            // Hints are for what is within.
            learn::Error::Workflow(error) => Self::Workflow(error),
            error => Self::Lesson(error),
        }
    }
}

/// Several files, as variables name them.
pub(super) fn listed(files: &[PathBuf]) -> String {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    files.join(":")
}

/// Says which cluster an error is about.
pub(super) trait About<T> {
    /// The error with the cluster's name, for its hints.
    fn about(self, cluster: &ClusterName) -> Result<T, Error>;
}

impl<T, E: Into<Error>> About<T> for Result<T, E> {
    fn about(self, cluster: &ClusterName) -> Result<T, Error> {
        let about =
            |error: E| Error::About { cluster: cluster.clone(), source: Box::new(error.into()) };
        self.map_err(about)
    }
}

macro_rules! through_workflow {
    ($($source:ty),*) => {
        $(impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::Workflow(error.into())
            }
        })*
    };
}

through_workflow!(
    store::Error,
    driver::Error,
    fault::Error,
    remote::Error,
    bundle::Error,
    context::Error,
    context::kubeconfig::Error,
    NoService
);

/// Whether the record has changed since what was asked for was drawn from it.
pub(super) fn is_changed(error: &Error) -> bool {
    match error {
        Error::About { source, .. } | Error::Untold(source) => is_changed(source),
        Error::Workflow(workflow::Error::Changed(_)) => true,
        _ => false,
    }
}

/// What went wrong on the way to a machine, if that is why it failed.
pub(super) fn remote_cause(cause: &workflow::MachineError) -> Option<&remote::Error> {
    match cause {
        workflow::MachineError::Remote(error)
        | workflow::MachineError::Provision(provision::Error::Remote(error)) => Some(error),
        _ => None,
    }
}
