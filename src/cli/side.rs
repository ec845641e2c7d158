//! A path of this computer or of a machine, as a person writes it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::model::{ClusterName, MachineName};

use super::error::Error;

/// A path, and whose it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Side {
    Here(PathBuf),
    There { machine: String, path: String },
}

impl Side {
    /// `worker-1:PATH` and `practice/worker-1:PATH` are of machines, all else is of this computer.
    pub(super) fn read(text: &OsStr) -> Result<Self, Error> {
        let here = || Ok(Self::Here(text.into()));
        let Some((machine, path)) = text.to_str().and_then(|text| text.split_once(':')) else {
            return here();
        };
        let is_machine = match machine.split_once('/') {
            Some((cluster, machine)) => {
                cluster.parse::<ClusterName>().is_ok() && machine.parse::<MachineName>().is_ok()
            }
            None => machine.parse::<MachineName>().is_ok(),
        };
        if is_machine {
            return Ok(Self::There { machine: machine.to_owned(), path: path.to_owned() });
        }
        let is_path = machine.contains('/') || Path::new(text).symlink_metadata().is_ok();
        if is_path {
            return here();
        }
        Err(Error::Usage(format!(
            "`{machine}` is no machine's name: write worker-1:{path} or practice/worker-1:{path}, and \
             ./{machine}:{path} for a file of this computer"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_s_path_is_told_from_one_of_this_computer() {
        let there = |machine: &str, path: &str| Side::There {
            machine: machine.to_owned(),
            path: path.to_owned(),
        };
        let read = |text: &str| Side::read(OsStr::new(text)).map_err(|e| e.to_string());
        assert_eq!(read("worker-1:/etc/hosts"), Ok(there("worker-1", "/etc/hosts")));
        assert_eq!(read("practice/worker-1:"), Ok(there("practice/worker-1", "")));
        assert_eq!(read("worker-1:a:b"), Ok(there("worker-1", "a:b")));
        for path in ["notes", "./a:b", "/x/worker-1:b", "practice/notes:b", "-r", "worker-1"] {
            assert_eq!(read(path), Ok(Side::Here(path.into())));
        }
        let refused = read("wroker:/etc/hosts").unwrap_err();
        assert!(refused.contains("`wroker` is no machine's name"), "{refused}");
    }
}
