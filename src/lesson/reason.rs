//! Why a condition is not met, as keys. Sentences of them are in `words.rs`; lessons name them for wrong ways and hints.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $key:literal),* $(,)?) => {
        /// Why a condition is not met.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $key)] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The key as it stands in lessons and verdicts.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)*
                }
            }
        }
    };
}

reasons! {
    /// The cluster did not answer, or was not asked.
    NotKnown = "not-known",
    /// There is no sample after the mark.
    NothingSeen = "nothing-seen",
    /// Nobody looked for a while, and it may have happened then.
    NotWatched = "not-watched",
    /// The evidence is of another lesson or step.
    OtherStep = "other-step",
    /// What has to come before has not come.
    Waits = "waits",
    /// It happened, but before what has to come before.
    TooEarly = "too-early",
    /// What must not happen has happened.
    Happened = "happened",
    /// It holds, but not for long enough.
    NotLongEnough = "not-long-enough",
    /// There is no such service.
    NoService = "no-service",
    /// It is still there.
    StillThere = "still-there",
    /// There are fewer than wanted.
    TooFew = "too-few",
    /// There are more than wanted.
    TooMany = "too-many",
    /// There are enough, but they do not run yet: a container starts, or its health check has not passed.
    Starting = "starting",
    /// Another number of replicas was asked for.
    OtherReplicas = "other-replicas",
    /// It is made of another image.
    OtherImage = "other-image",
    /// It is on another node.
    OtherNode = "other-node",
    /// No task or pod was replaced.
    NotReplaced = "not-replaced",
    /// A task ended, and nothing has come in its place yet.
    NoSuccessor = "no-successor",
    /// The container was killed, by a hand or for want of memory.
    KilledByHand = "killed-by-hand",
    /// The service was updated.
    ReplacedByUpdate = "replaced-by-update",
    /// The container ended by itself.
    EndedByItself = "ended-by-itself",
    /// The health check failed.
    ReplacedAsUnhealthy = "replaced-as-unhealthy",
    /// The node is down.
    NodeDown = "node-down",
    /// The node was drained.
    NodeDrained = "node-drained",
    /// A node would not run the task.
    Rejected = "rejected",
    /// The service was not updated.
    NotUpdated = "not-updated",
    /// The update has come to another end, or to none yet.
    OtherUpdateState = "other-update-state",
    /// There is no such container.
    NoContainer = "no-container",
    /// It has no health check.
    NoHealthCheck = "no-healthcheck",
    /// No probe has begun and ended yet.
    NotProbed = "not-probed",
    /// The probes went otherwise.
    OtherProbe = "other-probe",
    /// Some probes went so, but too few.
    TooFewProbes = "too-few-probes",
    /// Too few nodes are as they should be.
    TooFewNodes = "too-few-nodes",
    /// Too many nodes are so.
    TooManyNodes = "too-many-nodes",
    /// There is no such workload.
    NoWorkload = "no-workload",
    /// There is no such pod.
    NoPods = "no-pods",
    /// Pods are there, but not ready.
    NotReady = "not-ready",
    /// No container was started again.
    NotRestarted = "not-restarted",
    /// Containers were started again instead.
    OnlyRestarted = "only-restarted",
    /// Other pods have come instead.
    AnotherPod = "another-pod",
    /// Not all pods are of the newest version and ready.
    NotRolledOut = "not-rolled-out",
    /// The pods are of the same replica set as before.
    SameReplicaSet = "same-replica-set",
    /// The pods are of another replica set than before.
    OtherReplicaSet = "other-replica-set",
    /// There is no such machine.
    NoMachine = "no-machine",
    /// The machine is on.
    StillOn = "still-on",
    /// The machine is off.
    StillOff = "still-off",
    /// Nobody has answered.
    NoAnswer = "no-answer",
    /// The answer is another one.
    OtherAnswer = "other-answer",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}
