//! One look at a cluster.

use jiff::Timestamp;

use crate::observe::Facts;

use super::happening::{Happening, What};

/// One look.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) facts: &'a Facts,
    pub(super) at: Timestamp,
    /// Whether somebody is changing the cluster with a command of ours.
    pub(super) asked: bool,
    /// Whether there was none before.
    pub(super) is_first: bool,
}

impl Look<'_> {
    pub(super) fn happening(
        &self,
        what: What,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Happening {
        Happening {
            at: self.at,
            what,
            subject: subject.into(),
            machine: None,
            cause: None,
            message: message.into(),
            follows: false,
        }
    }
}
