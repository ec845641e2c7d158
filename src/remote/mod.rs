//! Reaching machines: scripts over SSH with a pinned host key, and an engine or a Kubernetes API server
//! over mutual TLS.

mod api_server;
pub mod by_hand;
mod containers;
mod engine;
mod health;
mod images;
mod input;
pub mod keys;
mod script;
mod ssh;
mod swarm;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::{Machine, MachineId, NoService, SshFiles, TlsFiles};

pub use api_server::{
    ApiError, ApiServer, ContainerState, KubernetesView, NodeStatus, Owner, PodContainer, PodPort,
    PodStatus, Watching, Workload,
};
pub use containers::Mortal;
pub use engine::Engine;
pub use health::{ManagerHealth, NodeHealth, Standing};
pub use input::Input;
pub use script::Script;
pub(crate) use script::{HIDDEN, quote};
pub use ssh::SshDialer;
pub use swarm::{ImageFact, SwarmNode, SwarmService, SwarmTask, SwarmView};

/// Why a machine could not be reached or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine presented another host key than the pinned one. Nothing was sent to it.
    #[error(
        "machine `{machine}` presented host key {offered}, but {pinned} is pinned; nothing was sent"
    )]
    HostKeyMismatch {
        /// Which machine.
        machine: MachineId,
        /// `SHA256:…` fingerprint of the pinned key.
        pinned: String,
        /// `SHA256:…` fingerprint, with its algorithm, of the key that was offered.
        offered: String,
    },
    /// No host key is pinned for the machine, so it cannot be told from an impostor.
    #[error("no host key of machine `{machine}` is known")]
    NoHostKey {
        /// Which machine.
        machine: MachineId,
    },
    /// The machine does not have what was to be reached on it.
    #[error(transparent)]
    NoService(#[from] NoService),
    /// The way to a machine cannot be opened.
    #[error(transparent)]
    NoWay(#[from] crate::driver::Error),
    /// The machine did not answer in time.
    #[error("machine `{machine}` did not answer on {what} within {} s", waited.as_secs())]
    Timeout {
        /// Which machine.
        machine: MachineId,
        /// What was tried: "SSH at 127.0.0.1:20022".
        what: String,
        /// How long.
        waited: Duration,
        /// What the last attempt said.
        #[source]
        source: Option<crate::driver::Source>,
    },
    /// The machine does not answer, and its driver sees why.
    #[error("machine `{machine}` does not answer on SSH: {cause}")]
    Silent {
        /// Which machine.
        machine: MachineId,
        /// What is seen: "it is not connected to the network `dojo-practice`".
        cause: String,
    },
    /// The machine does not accept the cluster's key.
    #[error("machine `{machine}` refused the cluster's SSH key for user `{user}`")]
    Denied {
        /// Which machine.
        machine: MachineId,
        /// Who wanted in.
        user: String,
    },
    /// A script ended with another status than 0.
    #[error("{title} on machine `{machine}` ended with status {status}: {stderr}")]
    Script {
        /// Which machine.
        machine: MachineId,
        /// The script's title.
        title: String,
        /// Its exit status.
        status: u32,
        /// The last lines of its standard error; secrets never go there.
        stderr: String,
    },
    /// The login shell ended, or sudo refused, before a script could begin.
    #[error(
        "{title} on machine `{machine}` did not begin: its login shell ended with status {status}{}",
        if .said.is_empty() { String::new() } else { format!(" and said: {said}") }
    )]
    NotBegun {
        /// Which machine.
        machine: MachineId,
        /// The script's title.
        title: String,
        /// The status of what ran instead.
        status: u32,
        /// The last lines that it printed.
        said: String,
    },
    /// A script did not end.
    #[error("{title} on machine `{machine}` hangs: it has not ended within {} s", waited.as_secs())]
    Hangs {
        /// Which machine.
        machine: MachineId,
        /// The script's title.
        title: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The engine refused our certificate, or its own is not the cluster's.
    #[error("the engine of machine `{machine}` failed the mutual TLS check")]
    Certificate {
        /// Which machine.
        machine: MachineId,
        /// What the TLS library said.
        #[source]
        source: crate::driver::Source,
    },
    /// The connection broke, or could not be made.
    #[error("lost the connection to machine `{machine}` while trying to {operation}")]
    Connection {
        /// Which machine.
        machine: MachineId,
        /// What was being done.
        operation: &'static str,
        /// What the library said.
        #[source]
        source: crate::driver::Source,
    },
    /// The machine cannot reach what it was asked to connect to.
    #[error("machine `{machine}` cannot reach {to}")]
    Unreachable {
        /// Which machine.
        machine: MachineId,
        /// What: `127.0.0.1:80`.
        to: String,
        /// What its sshd said.
        #[source]
        source: crate::driver::Source,
    },
    /// What a script was to read could not be read here. The script was ended before it saw the end.
    #[error("cannot read `{input}` to send it to machine `{machine}`")]
    Input {
        /// Which machine.
        machine: MachineId,
        /// The input's name.
        input: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What a script said could not be kept here.
    #[error("cannot keep what machine `{machine}` sends")]
    Output {
        /// Which machine.
        machine: MachineId,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file could not be put on a machine; what was there before is as it was.
    #[error("cannot put `{path}` on the machine")]
    Upload {
        /// The file on the machine.
        path: String,
        /// Why, and on which machine.
        #[source]
        source: Box<Error>,
    },
    /// One of the cluster's key files could not be read or written.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// "read", "write", "parse".
        operation: &'static str,
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: crate::driver::Source,
    },
}

impl Error {
    /// Whether sshd of the machine was heard, and time was too short for a login.
    pub fn is_slow_login(&self) -> bool {
        matches!(
            self,
            Self::Timeout { source: Some(source), .. } if source.to_string() == ssh::LOGIN_UNDER_WAY
        )
    }
}

/// Opens connections to machines.
#[async_trait]
pub trait Dialer: Send + Sync {
    /// Connects over SSH, waiting for a machine that still boots until `deadline` has passed. The
    /// host key must be the one pinned in `files.known_hosts`.
    async fn dial(
        &self,
        machine: &Machine,
        files: &SshFiles,
        deadline: Duration,
    ) -> Result<Arc<dyn Remote>, Error>;

    /// Connects to the machine's engine and proves mutual TLS with a real request, waiting for an
    /// engine that still starts until `deadline` has passed.
    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Engine, Error>;
}

/// A machine that we are logged in to. One connection, many channels.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Runs a script as root and returns its standard output.
    async fn run(&self, script: &Script) -> Result<String, Error>;

    /// Runs a script as root that reads `input`, and returns its standard output.
    ///
    /// The bytes come on file descriptor 3 (`tar -x <&3`), so that no other command takes them. They
    /// are passed on as they are read and never all in memory. A script sees their end only once all of
    /// them have arrived: if the connection breaks or the source fails before that, it and what it has
    /// started get SIGTERM. A script that has seen enough may end early.
    async fn run_with_input(&self, script: &Script, input: Input) -> Result<String, Error>;

    /// Runs a script as root and passes its standard output on as it comes, never all in memory. It is
    /// all there when this succeeds; else part of it may be.
    async fn run_with_output(
        &self,
        script: &Script,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<(), Error>;

    /// Puts a file that belongs to root at an absolute path on the machine, in whole or not at all;
    /// `mode` has the permission bits. Directories above it are made.
    async fn upload(&self, path: &str, mode: u32, input: Input) -> Result<(), Error> {
        let script = Script::new(
            "put a file in place",
            "The file is written beside its place and then moved there, so that nobody ever sees half \
             of it.",
            include_str!("../../templates/remote/upload.sh"),
        )
        .with("TARGET", path)
        .with("MODE", format!("{mode:o}"));
        let result = self.run_with_input(&script, input).await;
        let failed = |error| Error::Upload { path: path.to_owned(), source: Box::new(error) };
        result.map(drop).map_err(failed)
    }

    /// Connects this process's standard streams to a command, or to a login shell on a terminal, as
    /// the login user; returns its exit status (128 + N when signal N ended it).
    async fn attach(&self, command: Option<&str>) -> Result<u32, Error>;

    /// Tells by which commands a person does what was done for the machine beside scripts. Nobody wants to know, but
    /// where [nothing is done](by_hand) really.
    fn by_hand(&self, _commands: &dyn Fn() -> by_hand::Commands) {}

    /// Connects to a port that the machine can reach, as it sees it. Each side may end its direction
    /// and go on to read.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if the machine cannot reach it; the login is as good as before then.
    async fn open(&self, host: &str, port: u16) -> Result<Box<dyn Stream>, Error>;
}

/// A connection that bytes go through in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
