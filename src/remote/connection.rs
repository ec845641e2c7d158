//! What connects to machines, and what can be done over a connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use super::commands::Commands;
use super::{Engine, Error, Input, Script};
use crate::model::{Machine, SshFiles, TlsFiles};

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

    /// The same for whoever wants to know whether that is possible, and nothing more.
    async fn greet(
        &self,
        machine: &Machine,
        files: &SshFiles,
        deadline: Duration,
    ) -> Result<(), Error> {
        self.dial(machine, files, deadline).await.map(drop)
    }

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

    /// Runs a command as the login user that has nothing to read, and passes on what it prints as it comes; returns its
    /// exit status (128 + N when signal N ended it).
    async fn command(&self, command: &str, hear: &mut Hear<'_>) -> Result<u32, Error>;

    /// Tells by which commands a person does what was done for the machine beside scripts. Nobody wants to know, but
    /// where [nothing is done](super::by_hand) really.
    fn by_hand(&self, _commands: &dyn Fn() -> Commands) {}

    /// Connects to a port that the machine can reach, as it sees it. Each side may end its direction
    /// and go on to read.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if the machine cannot reach it; the login is as good as before then.
    async fn open(&self, host: &str, port: u16) -> Result<Box<dyn Stream>, Error>;
}

/// Where a command has printed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// On its standard output.
    Output,
    /// On its standard error.
    Error,
}

/// Takes what a command has printed.
pub type Hear<'a> = dyn FnMut(Printed, &[u8]) + Send + 'a;

/// A connection that bytes go through in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
