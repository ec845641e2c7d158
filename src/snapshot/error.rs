//! Why a snapshot was not taken, put back or removed.

use crate::driver::{self, registry};
use crate::model::{ClusterName, DriverName, MachineId, MachineName, SnapshotName};

use super::Lack;

/// Why a snapshot was not taken, put back or removed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Machines that are not made here, or not ours alone.
    #[error(
        "cluster `{cluster}` cannot have snapshots: it has machines of driver {}, and snapshots are kept on those of \
         driver {} only", quoted(drivers), quoted(&able())
    )]
    Driver {
        /// The cluster.
        cluster: ClusterName,
        /// Where those machines come from.
        drivers: Vec<DriverName>,
    },
    /// Machines that are no cluster have no state as one.
    #[error(
        "cluster `{cluster}` cannot have snapshots: it is {kind}, and there is no state that they share"
    )]
    NoState {
        /// The cluster.
        cluster: ClusterName,
        /// What it is: "plain Docker hosts".
        kind: &'static str,
    },
    /// Something else is under way on the cluster.
    #[error("an interrupted `{verb}` of cluster `{cluster}` has not come to its end")]
    Unfinished {
        /// The cluster.
        cluster: ClusterName,
        /// The command that was interrupted.
        verb: &'static str,
    },
    /// A snapshot is of all machines at once.
    #[error(
        "machines of cluster `{cluster}` are off: {}; a snapshot is of all of them",
        list(machines)
    )]
    Off {
        /// The cluster.
        cluster: ClusterName,
        /// Which ones.
        machines: Vec<MachineName>,
    },
    /// The name is in use.
    #[error("cluster `{cluster}` has a snapshot `{name}` already")]
    Exists {
        /// The cluster.
        cluster: ClusterName,
        /// The name.
        name: SnapshotName,
    },
    /// There is no such snapshot.
    #[error("cluster `{cluster}` has no snapshot `{name}`")]
    Unknown {
        /// The cluster.
        cluster: ClusterName,
        /// The name.
        name: SnapshotName,
    },
    /// Not all of it is there.
    #[error("snapshot `{name}` of cluster `{cluster}` is not whole: {}", lacks(lacking))]
    NotWhole {
        /// The cluster.
        cluster: ClusterName,
        /// The name.
        name: SnapshotName,
        /// On which machines, and why.
        lacking: Vec<(MachineName, Lack)>,
    },
    /// It was taken of something else.
    #[error("snapshot `{name}` was taken of another cluster than `{cluster}` is now")]
    OtherCluster {
        /// The cluster.
        cluster: ClusterName,
        /// The name.
        name: SnapshotName,
    },
    /// The cluster has other machines than then.
    #[error(
        "cluster `{cluster}` has other machines than when snapshot `{name}` was taken: {}",
        moves(gone, new)
    )]
    OtherMachines {
        /// The cluster.
        cluster: ClusterName,
        /// The name.
        name: SnapshotName,
        /// Those that it had.
        gone: Vec<MachineName>,
        /// Those that have come since.
        new: Vec<MachineName>,
    },
    /// Its state belongs to another release.
    #[error("snapshot `{name}` is of {then}, and machine `{machine}` has {now}")]
    OtherRelease {
        /// The name.
        name: SnapshotName,
        /// The release that it is of.
        then: String,
        /// A machine that has another one.
        machine: MachineId,
        /// What it has.
        now: String,
    },
    /// A machine said something else than its script does.
    #[error("machine `{machine}` said of its snapshots what makes no sense: {said}")]
    Odd {
        /// The machine.
        machine: MachineId,
        /// What it said.
        said: String,
    },
}

/// The drivers whose machines can have snapshots.
fn able() -> Vec<DriverName> {
    let able = registry::inside().filter(|kind| kind.keeps_snapshots() && !kind.is_for_tests());
    able.map(driver::Kind::name).collect()
}

fn quoted(drivers: &[DriverName]) -> String {
    drivers.iter().map(|driver| format!("`{driver}`")).collect::<Vec<_>>().join(" and ")
}

/// Machines, for a sentence.
pub fn list(machines: &[MachineName]) -> String {
    machines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn lacks(lacking: &[(MachineName, Lack)]) -> String {
    lacking.iter().map(|(name, lack)| format!("{name} {lack}")).collect::<Vec<_>>().join(", ")
}

fn moves(gone: &[MachineName], new: &[MachineName]) -> String {
    let gone = (!gone.is_empty()).then(|| format!("{} went", list(gone)));
    let new = (!new.is_empty()).then(|| format!("{} came", list(new)));
    gone.into_iter().chain(new).collect::<Vec<_>>().join(", ")
}
