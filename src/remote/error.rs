//! Why a machine could not be reached or did not do what it was asked.

use std::time::Duration;

use crate::model::{MachineId, NoService};

/// The reason for a login that did not end in time.
pub(super) const LOGIN_UNDER_WAY: &str = "sshd answered, but the login did not end";

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
            Self::Timeout { source: Some(source), .. } if source.to_string() == LOGIN_UNDER_WAY
        )
    }
}
