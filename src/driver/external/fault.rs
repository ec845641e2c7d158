//! What a program can do wrong, in words that name it and end with what it said last.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::protocol::VERSION;

/// A program that did not keep to the protocol.
#[derive(Debug, thiserror::Error)]
#[error("driver `{driver}` {what}{last}")]
pub(super) struct Fault {
    /// The driver's name.
    pub driver: String,
    /// What it did.
    #[source]
    pub what: ProtocolError,
    /// What it said last.
    pub last: StderrTail,
}

/// What it did.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error("cannot be started: {0}")]
    Start(#[source] io::Error),
    #[error("cannot be listened to: {0}")]
    Read(#[source] io::Error),
    #[error("did not answer within {}", seconds(*.0))]
    Hang(Duration),
    #[error("gave its answer and did not end within {}", seconds(*.0))]
    Lingering(Duration),
    #[error("{} without a result", ended(*.0))]
    NoResult(ExitStatus),
    #[error("{0}")]
    Ended(String),
    #[error("{} after its result", ended(*.0))]
    FailedAfterwards(ExitStatus),
    #[error("went on after its answer with `{0}`")]
    WentOn(String),
    #[error("wrote a line of more than {0} bytes")]
    TooLong(usize),
    #[error("wrote what is not JSON ({1}): `{0}`")]
    NotJson(String, #[source] serde_json::Error),
    #[error("speaks version {0} of the protocol, but this clusterdojo speaks version {VERSION}")]
    Version(String),
    #[error("wrote a line with none of `progress`, `warning`, `result` and `error`: `{0}`")]
    Meaningless(String),
    #[error("answered what does not belong there: {0}")]
    Misfit(#[source] serde_json::Error),
    #[error("answered what does not belong there: {0}")]
    Wrong(String),
}

/// What a program said last; empty if it said nothing.
#[derive(Debug, Default)]
pub(super) struct StderrTail(pub Vec<String>);

impl fmt::Display for StderrTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => Ok(()),
            [only] => write!(f, "; it said last: {only}"),
            lines => {
                f.write_str("; it said last:")?;
                lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

/// What a program said of its own failure.
#[derive(Debug, thiserror::Error)]
#[error("driver `{driver}`: {message}")]
pub(super) struct Complaint {
    /// The driver's name.
    pub driver: String,
    /// Its own words.
    pub message: String,
}
