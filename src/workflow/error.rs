//! What can go wrong in a verb.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::bootstrap;
use crate::bundle;
use crate::context::{self, kubeconfig};
use crate::driver;
use crate::event::chain;
use crate::fault;
use crate::kind::{self, ImageError};
use crate::model::{
    ClusterName, Finding, KubernetesVersion, Machine, MachineId, MachineName, MachineState,
    NoService,
};
use crate::observe::Lost;
use crate::pki;
use crate::plan::Plan;
use crate::provision;
use crate::remote;
use crate::snapshot;
use crate::spec;
use crate::store;

use super::copy_error::CopyError;

/// Why a verb did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// State on this computer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The driver.
    #[error(transparent)]
    Driver(#[from] driver::Error),
    /// A connection to a machine, or the cluster's SSH keys.
    #[error(transparent)]
    Remote(#[from] remote::Error),
    /// A machine does not have what was to be reached on it.
    #[error(transparent)]
    NoService(#[from] NoService),
    /// The cluster's Kubernetes API.
    #[error(transparent)]
    Api(#[from] remote::ApiError),
    /// What opens that API cannot be read.
    #[error("cannot read the cluster's kubeconfig `{}`", path.display())]
    Credentials {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: driver::Source,
    },
    /// The cluster's certificates.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The user's docker contexts.
    #[error(transparent)]
    Context(#[from] context::Error),
    /// The user's kubectl contexts.
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    /// Something was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// What machines have, or would get.
    #[error(transparent)]
    Provision(#[from] provision::Error),
    /// The cluster on the machines.
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
    /// Nothing was broken.
    #[error(transparent)]
    Fault(#[from] fault::Error),
    /// No snapshot was taken, put back or removed.
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The surroundings are not fit.
    #[error("this computer is not ready: {}", findings(.0))]
    NotReady(Vec<Finding>),
    /// There is no such cluster.
    #[error("there is no cluster `{0}`")]
    UnknownCluster(ClusterName),
    /// Another command has changed the cluster while this one waited for it.
    #[error("another command has changed cluster `{0}` meanwhile")]
    Changed(ClusterName),
    /// What a cluster knew is gone with those that kept it.
    #[error("cluster `{cluster}` has lost {what}: {how}; {}", still_there(.left))]
    StateLost {
        /// The cluster.
        cluster: ClusterName,
        /// What is lost.
        what: &'static str,
        /// How that came to be.
        how: String,
        /// The machines that there still are.
        left: Vec<MachineName>,
        /// One that still has what is lost, and could begin again with it.
        survivor: Option<Box<Machine>>,
    },
    /// There is no such machine.
    #[error("cluster `{cluster}` has no machine `{machine}`")]
    UnknownMachine {
        /// The cluster.
        cluster: ClusterName,
        /// The machine.
        machine: MachineName,
    },
    /// It has no machines by which it could be reached.
    #[error("cluster `{0}` has no machines yet by which it could be reached")]
    NotWhole(ClusterName),
    /// A machine is reached at an address that leads nowhere on other computers.
    #[error(
        "machine `{machine}` is reached at {address}, which is an address of this computer alone"
    )]
    NoAddress {
        /// The machine.
        machine: MachineId,
        /// Where this computer reaches it.
        address: SocketAddr,
    },
    /// An engine cannot prove at its address that it is the right one.
    #[error("the engine of machine `{machine}` has no good certificate for {address}")]
    NotNamed {
        /// The machine.
        machine: MachineId,
        /// Its address.
        address: IpAddr,
    },
    /// What is asked makes sense for machines that are on only.
    #[error("cannot {verb} machine `{machine}`: it is {state}")]
    NotOn {
        /// The machine.
        machine: MachineId,
        /// What it is doing.
        state: MachineState,
        /// What was asked: "pause".
        verb: &'static str,
    },
    /// A watch cannot run on a machine.
    #[error("machine `{machine}` cannot watch its cluster: {why}")]
    NoWatch {
        /// The machine.
        machine: MachineId,
        /// Why, in its own words.
        why: String,
    },
    /// A watch that was to go is still on a machine.
    #[error("machine `{machine}` keeps its watch: {why}")]
    WatchKept {
        /// The machine.
        machine: MachineId,
        /// Why.
        why: String,
    },
    /// Machines of that name exist, and no record here says that they are ours.
    #[error(
        "machines of a cluster `{cluster}` exist, but not the record of it: {}", names(.machines)
    )]
    NoRecord {
        /// The cluster.
        cluster: ClusterName,
        /// Its machines.
        machines: Vec<MachineName>,
    },
    /// A cluster of that name belongs to another home.
    #[error("a cluster `{cluster}` exists that another home has made: {}", .what.join(", "))]
    OtherHome {
        /// The cluster.
        cluster: ClusterName,
        /// What there is of it.
        what: Vec<String>,
    },
    /// Machines of a name belong to several clusters.
    #[error("there are several clusters `{cluster}`, with the ids {}", .ids.join(", "))]
    SeveralClusters {
        /// Their name.
        cluster: ClusterName,
        /// Their ids.
        ids: Vec<String>,
    },
    /// Machines are gone, and files are not.
    #[error(
        "the machines of cluster `{cluster}` are gone, but not all that belongs to it: {}", left.join("; ")
    )]
    Left {
        /// The cluster.
        cluster: ClusterName,
        /// What is left, and why.
        left: Vec<String>,
        /// Whether the record says so.
        noted: bool,
    },
    /// What was swept away is still there.
    #[error("it is not all gone: {}", .0.iter().map(|t| &*t.what).collect::<Vec<_>>().join(", "))]
    NotGone(Vec<driver::Leftover>),
    /// What was asked for would take machines away.
    #[error("cluster `{}` has machines that were not asked for: {}", cluster, names(&.plan.surplus))]
    Surplus {
        /// The cluster.
        cluster: ClusterName,
        /// What would be done.
        plan: Box<Plan>,
    },
    /// What was asked for is another kind of cluster.
    #[error("cluster `{cluster}` exists and is of another kind: {exists}, not {wanted}")]
    OtherKind {
        /// The cluster.
        cluster: ClusterName,
        /// What it is.
        exists: String,
        /// What was asked for.
        wanted: String,
    },
    /// There cannot be such a cluster.
    #[error(transparent)]
    Invalid(#[from] spec::Invalid),
    /// No leader that remains is reachable, so no machine can leave the cluster.
    #[error("no reachable manager or control plane remains in cluster `{0}`")]
    NoLeader(ClusterName),
    /// Machines of the record were not found.
    #[error("{0}")]
    Lost(Lost),
    /// Of a cluster whose record is lost, nothing was found; its keys may be the only ones to it.
    #[error(
        "{} of cluster `{cluster}` {}, and none of its machines was found; looked at {looked}",
        if *damaged { "the record" } else { "the keys" },
        if *damaged { "is damaged" } else { "are here without its record" }
    )]
    NothingFound {
        /// The cluster.
        cluster: ClusterName,
        /// Where they were looked for, in words.
        looked: String,
        /// Whether there is a record that cannot be read.
        damaged: bool,
    },
    /// Machines would be made at another place than those that the cluster has.
    #[error(
        "{}",
        if then == now {
            format!("{now} is not the one any more that cluster `{cluster}` was made with")
        } else {
            format!("cluster `{cluster}` is at {then}, and {now} is another place")
        }
    )]
    OtherPlace {
        /// The cluster.
        cluster: ClusterName,
        /// Where it is.
        then: String,
        /// Where machines would be made.
        now: String,
    },
    /// What was asked for cannot be changed any more.
    #[error("cluster `{cluster}` exists, and {what} cannot be changed any more")]
    Unchangeable {
        /// The cluster.
        cluster: ClusterName,
        /// What would have to change.
        what: String,
    },
    /// A release that is not supported any more.
    #[error("cluster `{cluster}` cannot have it: {problem}")]
    OldRelease {
        /// The cluster.
        cluster: ClusterName,
        /// What it would have, and what is supported.
        problem: String,
    },
    /// A bundle without the container runtime that its release needs.
    #[error(
        "cluster `{cluster}` cannot have Kubernetes {version}: it needs containerd 2, which the bundle does not bring"
    )]
    LacksContainerd {
        /// The cluster.
        cluster: ClusterName,
        /// What was asked for.
        version: KubernetesVersion,
    },
    /// The manifest of the pod network cannot be read.
    #[error("cannot read the manifest `{}`", path.display())]
    Manifest {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A bundle.
    #[error(transparent)]
    Bundle(#[from] bundle::Error),
    /// A `down` was cut short.
    #[error("cluster `{0}` is half removed")]
    HalfRemoved(ClusterName),
    /// The keys of a cluster are gone, so no record can bring it back.
    #[error("the keys of cluster `{0}` are not on this computer, so it cannot be taken over")]
    NoKeys(ClusterName),
    /// Another release was asked for than the one that the nodes have.
    #[error("cluster `{cluster}` has Kubernetes {exists}, and {wanted} was asked for")]
    OtherRelease {
        /// The cluster.
        cluster: ClusterName,
        /// What its nodes have.
        exists: KubernetesVersion,
        /// What was asked for.
        wanted: KubernetesVersion,
    },
    /// What only Kubernetes can do was asked of something else.
    #[error("cluster `{cluster}` is {exists}, and only a Kubernetes cluster {what}")]
    NotKubernetes {
        /// The cluster.
        cluster: ClusterName,
        /// What it is.
        exists: String,
        /// What only Kubernetes can: "can be upgraded".
        what: &'static str,
    },
    /// None of the machines gave a kubectl that runs on this computer.
    #[error("cannot get the kubectl of cluster `{cluster}`: {reason}")]
    Kubectl {
        /// The cluster.
        cluster: ClusterName,
        /// Why.
        reason: String,
    },
    /// Not everything of a cluster is well.
    #[error("cluster `{cluster}` is not healthy: {ill}")]
    Unhealthy {
        /// The cluster.
        cluster: ClusterName,
        /// What ails it.
        ill: String,
    },
    /// Another upgrade has not come to its end.
    #[error(
        "an upgrade of cluster `{cluster}` to {under_way} is under way, so {wanted} has to wait"
    )]
    UnderWay {
        /// The cluster.
        cluster: ClusterName,
        /// Where it is going.
        under_way: KubernetesVersion,
        /// What was asked for.
        wanted: KubernetesVersion,
    },
    /// An upgrade would go back.
    #[error(
        "cluster `{cluster}` cannot go back to Kubernetes {target}: {what} is newer, it is {version}"
    )]
    Downgrade {
        /// The cluster.
        cluster: ClusterName,
        /// What is newer.
        what: String,
        /// Its release.
        version: KubernetesVersion,
        /// What was asked for.
        target: KubernetesVersion,
    },
    /// An upgrade would leave out a minor release.
    #[error(
        "cluster `{cluster}` cannot go to Kubernetes {target}: {what} is {version}, and kubeadm takes one \
         minor release at a time"
    )]
    Leap {
        /// The cluster.
        cluster: ClusterName,
        /// What is too old.
        what: String,
        /// Its release.
        version: KubernetesVersion,
        /// What was asked for.
        target: KubernetesVersion,
    },
    /// A port of this computer cannot be listened on.
    #[error("cannot listen on port {port} of this computer")]
    Listen {
        /// Which port.
        port: u16,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A bundle of logs could not be written.
    #[error("cannot write `{}`", path.display())]
    Archive {
        /// Where to.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Images that cannot be put on machines.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Images(Vec<Unloadable>),
    /// Some machines failed.
    #[error(transparent)]
    Machines(#[from] Failure),
    /// There is no room for files that are needed for a moment.
    #[error("cannot make a temporary directory")]
    Scratch(#[source] std::io::Error),
    /// The user wanted to stop.
    #[error("interrupted")]
    Interrupted,
}

fn findings(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(super) fn names(names: &[MachineName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is left, for a sentence.
fn still_there(left: &[MachineName]) -> String {
    match left {
        [] => "nothing of it is left".to_owned(),
        left => format!("still there: {}", names(left)),
    }
}

/// Why work on one machine failed.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The driver.
    #[error(transparent)]
    Driver(#[from] driver::Error),
    /// Provisioning.
    #[error(transparent)]
    Provision(#[from] provision::Error),
    /// A connection to it.
    #[error(transparent)]
    Remote(#[from] remote::Error),
    /// Its part in the cluster.
    #[error(transparent)]
    Bootstrap(#[from] bootstrap::Error),
    /// Its engine.
    #[error("the engine did not take the image")]
    Engine(#[source] driver::Source),
    /// An image is not on it.
    #[error("image `{image}`")]
    Image {
        /// Which image.
        image: String,
        /// Why.
        #[source]
        source: Box<MachineError>,
    },
    /// Pods on it did not go elsewhere.
    #[error("{0}")]
    NotEmpty(String),
    /// Its driver does not list it.
    #[error("it was not found; looked at {0}")]
    NotFound(String),
    /// It is off.
    #[error("the machine is {0}")]
    NotRunning(MachineState),
    /// A command ended with another status than 0.
    #[error("the command ended with status {0}")]
    Status(u32),
    /// It no longer runs.
    #[error("the machine did not come up: {0}")]
    Stopped(&'static str),
    /// The user wanted to stop.
    #[error("interrupted")]
    Interrupted,
}

impl From<kind::Error> for Error {
    fn from(error: kind::Error) -> Self {
        match error {
            kind::Error::NoService(error) => Self::NoService(error),
            kind::Error::Credentials { path, source } => Self::Credentials { path, source },
            kind::Error::Manifest { path, source } => Self::Manifest { path, source },
            kind::Error::Bundle(error) => Self::Bundle(error),
        }
    }
}

impl From<ImageError> for MachineError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::NoService(error) => Self::Remote(error.into()),
            ImageError::Engine(source) => Self::Engine(source),
            ImageError::Remote(error) => Self::Remote(error),
        }
    }
}

/// An image that cannot be put on machines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unloadable {
    /// This computer's engine has no such image.
    #[error("image `{0}` is not in this computer's engine")]
    Absent(String),
    /// It has no name with a tag, and by anything else no machine would find it.
    #[error(
        "image `{0}` has no name with a tag, so nothing could be started from it on the machines"
    )]
    Nameless(String),
}

/// What is done to machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// They are made, or brought to what was asked for.
    Make,
    /// They are removed.
    Remove,
    /// They are given images, which belong to the cluster from then on.
    Load,
    /// Something else, that changes nothing about which of them there are.
    Tend,
}

/// Work on several machines of which some failed.
#[derive(Debug)]
pub struct Failure {
    /// Whose they are.
    pub cluster: ClusterName,
    /// What was done.
    pub work: Work,
    /// Every machine that failed, with its reason.
    pub causes: Vec<(MachineName, MachineError)>,
    /// The machines that exist now, asked of the driver.
    pub left: Vec<Machine>,
    /// How many machines there were to be.
    pub of: usize,
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed: BTreeSet<_> = self.causes.iter().map(|(name, _)| *name).collect();
        write!(f, "{} of {} machines failed", failed.len(), self.of)?;
        for (name, cause) in &self.causes {
            write!(f, "\n  {name}: {}", chain(cause))?;
        }
        let left: Vec<_> = self.left.iter().map(|m| m.id.name).collect();
        match self.work {
            Work::Make | Work::Remove if !left.is_empty() => {
                write!(f, "\n  kept: {}", names(&left))
            }
            _ => Ok(()),
        }
    }
}
