//! What an operation is about, for errors and for the progress of a machine.

use std::fmt;

use crate::model::{ClusterName, Machine, MachineName, MachineRequest};

/// What an operation is about.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    Driver(&'a str),
    Cluster(&'a ClusterName),
    Machines,
    Request(&'a MachineRequest),
    Machine(&'a Machine),
    HostKey(&'a Machine),
}

impl Subject<'_> {
    /// The one machine that it is about.
    pub(super) fn machine(&self) -> Option<MachineName> {
        match self {
            Self::Driver(_) | Self::Cluster(_) | Self::Machines => None,
            Self::Request(request) => Some(request.id.name),
            Self::Machine(machine) | Self::HostKey(machine) => Some(machine.id.name),
        }
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(name) => write!(f, "driver `{name}`"),
            Self::Cluster(name) => write!(f, "cluster `{name}`"),
            Self::Machines => f.write_str("machines"),
            Self::Request(request) => write!(f, "machine `{}`", request.id),
            Self::Machine(machine) => write!(f, "machine `{}`", machine.id),
            Self::HostKey(machine) => write!(f, "the host key of machine `{}`", machine.id),
        }
    }
}
