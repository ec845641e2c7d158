//! Reaching machines: scripts over SSH with a pinned host key, and the engine over mutual TLS.

mod engine;
mod health;
pub mod keys;
mod script;
mod ssh;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::{Machine, MachineId, SshFiles, TlsFiles};

pub use engine::Engine;
pub use health::EngineHealth;
pub use script::Script;
pub use ssh::SshDialer;

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

    /// Connects this process's standard streams to a command, or to a login shell on a terminal, as
    /// the login user; returns its exit status (128 + N when signal N ended it).
    async fn attach(&self, command: Option<&str>) -> Result<u32, Error>;

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
