//! Exit codes: what a script learns of how a command ended.

use std::process::ExitCode;

use crate::{bootstrap, driver, fault, import, learn, provision, remote, workflow};

use super::error::{Error, remote_cause};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const NOT_READY: u8 = 3;
const MISMATCH: u8 = 4;
/// As that of a verdict.
pub(super) const CANNOT_TELL: u8 = 6;
const INTERRUPTED: u8 = 130;

/// Whether what was asked for makes no sense, whatever there is.
pub(super) fn is_usage(error: &Error) -> bool {
    code(error) == USAGE
}

/// The exit code of what could not be asked.
pub(super) fn not_ready() -> ExitCode {
    ExitCode::from(NOT_READY)
}

/// That of an error.
pub(super) fn code(error: &Error) -> u8 {
    match error {
        Error::About { source, .. } => code(source),
        Error::Untold(source) => match code(source) {
            FAILED => CANNOT_TELL,
            code => code,
        },
        Error::Interrupted | Error::CutOff { .. } => INTERRUPTED,
        Error::Silent { .. } | Error::NoAnswer(_) | Error::NoSshfs | Error::NoHttps(_) => NOT_READY,
        Error::Spec(_)
        | Error::Invalid(_)
        | Error::Name(_)
        | Error::Patience(_)
        | Error::Usage(_)
        | Error::StrayFlag { .. }
        | Error::NoEngine { .. }
        | Error::Import(import::Error::Unknown { .. } | import::Error::OtherDriver { .. }) => USAGE,
        Error::Import(_)
        | Error::Untaken
        | Error::Io { .. }
        | Error::TooDear { .. }
        | Error::Untrusted { .. }
        | Error::OtherFiles { .. }
        | Error::Exists(_)
        | Error::Unwritable { .. }
        | Error::Unasked
        | Error::Program { .. }
        | Error::NoneActive
        | Error::Several { .. } => FAILED,
        Error::Lesson(error) => match error {
            learn::Error::Unknown { .. }
            | learn::Error::Refused { .. }
            | learn::Error::Unfit { .. }
            | learn::Error::NoOption { .. } => USAGE,
            _ => FAILED,
        },
        Error::Workflow(error) => match error {
            workflow::Error::NotReady(_) => NOT_READY,
            workflow::Error::Invalid(_)
            | workflow::Error::OldRelease { .. }
            | workflow::Error::LacksContainerd { .. }
            | workflow::Error::Fault(
                fault::Error::Unknown { .. }
                | fault::Error::Which { .. }
                | fault::Error::Unfit { .. },
            ) => USAGE,
            workflow::Error::Driver(error) => driver_code(error),
            workflow::Error::Interrupted
            | workflow::Error::Bootstrap(bootstrap::Error::Interrupted) => INTERRUPTED,
            workflow::Error::Remote(error)
            | workflow::Error::Provision(provision::Error::Remote(error)) => remote_code(error),
            workflow::Error::Machines(failure) => machines_code(failure),
            _ => FAILED,
        },
    }
}

fn driver_code(error: &driver::Error) -> u8 {
    match error {
        driver::Error::Unreachable { .. }
        | driver::Error::NoCredentials { .. }
        | driver::Error::NotConfigured { .. }
        | driver::Error::NoLogin { .. }
        | driver::Error::NoHostKey { .. } => NOT_READY,
        driver::Error::OtherHostKey { .. } | driver::Error::OtherHost { .. } => MISMATCH,
        driver::Error::Absent { .. } | driver::Error::Option { .. } => USAGE,
        _ => FAILED,
    }
}

fn remote_code(error: &remote::Error) -> u8 {
    match error {
        remote::Error::NoWay(error) => driver_code(error),
        remote::Error::HostKeyMismatch { .. } | remote::Error::Certificate { .. } => MISMATCH,
        _ => FAILED,
    }
}

/// A mismatch on any machine outweighs the rest, because it may be an attack; then the user's own wish.
fn machines_code(failure: &workflow::Failure) -> u8 {
    let causes = || failure.causes.iter().map(|(_, cause)| cause);
    let mismatch = |cause: &workflow::MachineError| match cause {
        workflow::MachineError::Driver(error) => driver_code(error) == MISMATCH,
        _ => remote_cause(cause).is_some_and(|e| remote_code(e) == MISMATCH),
    };
    if causes().any(mismatch) {
        MISMATCH
    } else if causes().any(|c| matches!(c, workflow::MachineError::Interrupted)) {
        INTERRUPTED
    } else {
        FAILED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::error::About as _;
    use crate::event::chain;
    use crate::model::ClusterName;

    #[test]
    fn what_an_error_is_about_changes_neither_its_words_nor_its_code() {
        let other: ClusterName = "other".parse().unwrap();
        let about = Err::<(), _>(workflow::Error::Interrupted).about(&other).unwrap_err();
        assert_eq!((chain(&about).as_str(), code(&about)), ("interrupted", INTERRUPTED));
    }
}
