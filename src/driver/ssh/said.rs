//! What `ssh` and a script behind it have said, and what it means.

use crate::driver::Error;

/// The status with which `ssh` ends when it is not that of the command (ssh(1), EXIT STATUS).
const NOT_THE_COMMAND: i32 = 255;
/// How much of what a failed script said an error shows, in lines.
const LINES: usize = 20;

/// What became of a script.
pub(super) struct Said {
    pub(super) status: Option<i32>,
    /// What the script printed; `None` if it has not begun.
    pub(super) stdout: Option<String>,
    /// What the script said on standard error, or `ssh` and a login shell if it has not begun.
    pub(super) stderr: String,
    /// Whether a shell of the host was reached.
    pub(super) shell: bool,
}

/// What is wrong with a host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Unknown,
    Other,
}

impl Said {
    /// What the script printed, or why it did not run to its end. `given` says that the host key was given.
    pub(super) fn judge(&self, host: &str, given: bool) -> Result<String, Error> {
        let tail = self.tail();
        match (self.status, &self.stdout) {
            (Some(0), Some(output)) => Ok(output.clone()),
            (Some(NOT_THE_COMMAND), None) if !self.shell => Err(self.refusal(host, given)),
            (Some(status), None) if !self.shell => Err(Error::Unsupported(format!(
                "the login shell on host `{host}` ended with status {status} before it ran anything: a start-up \
                 file (`.bashrc`, …) must not end or replace it where nobody types{}",
                if tail.is_empty() { String::new() } else { format!("; it said: {tail}") }
            ))),
            (Some(_), None) => Err(Error::Unsupported(format!(
                "passwordless sudo is required on host `{host}`: {tail}"
            ))),
            _ => Err(Error::Failed {
                operation: "run a script on",
                subject: format!("host `{host}`"),
                source: tail.into(),
            }),
        }
    }

    /// Whether all went well.
    pub(super) fn is_success(&self) -> bool {
        self.status == Some(0)
    }

    /// Why `ssh` has not logged in.
    pub(super) fn refusal(&self, host: &str, given: bool) -> Error {
        let (source, host) = (self.tail().into(), host.to_owned());
        match self.host_key(given) {
            Some(Doubt::Other) => Error::OtherHostKey { host, source },
            Some(Doubt::Unknown) => Error::NoHostKey { host },
            None => Error::NoLogin { host, source },
        }
    }

    /// Whether no key was let in.
    pub(super) fn denied(&self) -> bool {
        self.status == Some(NOT_THE_COMMAND) && self.stderr.contains("Permission denied (")
    }

    /// Whether `ssh` has refused the host key; it has no words of its own for that but these (sshconnect.c).
    fn host_key(&self, given: bool) -> Option<Doubt> {
        let said = |words: &str| self.stderr.contains(words);
        if said("has changed and you have requested strict checking")
            || said("REVOKED HOST KEY DETECTED")
            // With the key given, whatever else is offered is another one.
            || given && (said("host key is known for") || said("no matching host key type found"))
        {
            return Some(Doubt::Other);
        }
        said("host key is known for").then_some(Doubt::Unknown)
    }

    /// The last lines on standard error.
    fn tail(&self) -> String {
        let lines: Vec<_> =
            self.stderr.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stderr: &str) -> Said {
        let stderr = stderr.to_owned();
        Said { status: Some(NOT_THE_COMMAND), stdout: None, stderr, shell: false }
    }

    #[test]
    fn an_unknown_key_is_told_from_another_one() {
        let unknown = said(
            "No ED25519 host key is known for box and you have requested strict checking.\r\n\
             Host key verification failed.\r\n",
        );
        assert_eq!(unknown.host_key(false), Some(Doubt::Unknown));
        assert_eq!(unknown.host_key(true), Some(Doubt::Other));
        let changed = said(
            "Host key for box has changed and you have requested strict checking.\r\n\
             Host key verification failed.\r\n",
        );
        assert_eq!(changed.host_key(false), Some(Doubt::Other));
        let denied = said("root@box: Permission denied (publickey).\r\n");
        assert_eq!((denied.host_key(false), denied.denied()), (None, true));
    }
}
