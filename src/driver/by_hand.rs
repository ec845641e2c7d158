//! How a person makes machines, without this program. That is what `--explain` shows of a driver.

use std::net::IpAddr;
use std::path::Path;

use super::docker::Variant;
use crate::model::{ClusterName, MachineName, MachineRequest};

/// Machines that a person wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Their cluster.
    pub cluster: &'a ClusterName,
    /// What is asked for each.
    pub requests: &'a [MachineRequest],
    /// What is in their image, if they have one.
    pub variant: Variant,
}

/// How a person makes machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Why it is done that way, for a learner.
    pub why: &'static str,
    /// The commands, for the shell of this computer.
    pub commands: String,
    /// The machines that there are then.
    pub machines: Vec<MadeMachine>,
}

/// A machine that a person has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeMachine {
    /// Its name.
    pub name: MachineName,
    /// Its address among its peers, or an example where that is known only later.
    pub address: IpAddr,
    /// What a shell finds that address by, where it is an example.
    pub find: Option<String>,
    /// What goes ahead of a command, so that root of the machine runs it: `ssh root@192.0.2.7`.
    pub run: String,
    /// Whether it is a container, whose kernel, swap and disk are its host's.
    pub is_container: bool,
    /// Whether it has the unified cgroup hierarchy (cgroups(7)).
    pub cgroup_v2: bool,
}

/// Whether this computer has the unified cgroup hierarchy, and so do containers on it.
pub(super) fn is_cgroup_v2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}
