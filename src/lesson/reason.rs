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
    /// The container is on another machine.
    OtherMachine = "other-machine",
    /// The container runs, or has ended otherwise.
    OtherState = "other-state",
    /// Its health check goes otherwise.
    OtherHealth = "other-health",
    /// Another container has come under that name.
    AnotherContainer = "another-container",
    /// It is the same container as before.
    SameContainer = "same-container",
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
    /// There is no such stack.
    NoStack = "no-stack",
    /// It was made by hand, and not by the stack.
    NotOfStack = "not-of-stack",
    /// No manager leads.
    NoLeader = "no-leader",
    /// The same manager leads as before.
    SameLeader = "same-leader",
    /// Another manager leads than before.
    AnotherLeader = "another-leader",
    /// Something is set otherwise.
    OtherSetting = "other-setting",
    /// No such event has come.
    NoEvent = "no-event",
    /// The event has come too few times.
    TooFewEvents = "too-few-events",
    /// There is no such cron job.
    NoCronJob = "no-cronjob",
    /// A job was made by hand.
    NotFromCronJob = "not-from-cronjob",
    /// A job has failed.
    JobFailed = "job-failed",
    /// There are fewer jobs than wanted.
    TooFewJobs = "too-few-jobs",
    /// There are more jobs than wanted.
    TooManyJobs = "too-many-jobs",
    /// There is no such node.
    NoNode = "no-node",
    /// The node does not take part.
    NodeNotReady = "node-not-ready",
    /// The node takes part.
    NodeReady = "node-ready",
    /// The node still gets new pods.
    NotCordoned = "not-cordoned",
    /// The node gets no new pods.
    StillCordoned = "still-cordoned",
    /// The node has no such taint.
    NotTainted = "not-tainted",
    /// The node has the taint.
    StillTainted = "still-tainted",
    /// A condition of the node is another one.
    OtherNodeCondition = "other-node-condition",
    /// Another node has come under that name.
    AnotherNode = "another-node",
    /// The node is the same one as before.
    SameNode = "same-node",
    /// There is no such object.
    NoObject = "no-object",
    /// Another object has come under that name.
    AnotherObject = "another-object",
    /// It lacks a key.
    NoKey = "no-key",
    /// All pods run the same image.
    SameImages = "same-images",
    /// Pods run different images.
    DifferentImages = "different-images",
    /// The deployment is at another revision.
    OtherRevision = "other-revision",
    /// It has kept another number of replica sets.
    OtherReplicaSets = "other-replicasets",
    /// No machine is meant.
    NoMachineMeant = "no-machine-meant",
    /// There is no such file.
    NoFile = "no-file",
    /// The file is there.
    FileStillThere = "file-still-there",
    /// The file has fewer lines than wanted.
    TooFewLines = "too-few-lines",
    /// The file has more lines than wanted.
    TooManyLines = "too-many-lines",
    /// The lines do not come in that order.
    NoSequence = "no-sequence",
    /// There is no such unit.
    NoUnit = "no-unit",
    /// The unit is not active.
    UnitInactive = "unit-inactive",
    /// The unit is active.
    UnitActive = "unit-active",
    /// The journal has too few such lines.
    NoJournalLine = "no-journal-line",
    /// A script says not yet.
    ScriptNotYet = "script-not-yet",
    /// A script says that it is lost.
    ScriptLost = "script-lost",
    /// Nothing has been counted yet.
    NoProbe = "no-probe",
    /// Requests were dropped.
    Dropped = "dropped",
    /// Too few requests were dropped.
    NotDropped = "not-dropped",
    /// Too few requests were served.
    TooFewServed = "too-few-served",
    /// Too many versions have answered.
    TooManyVersions = "too-many-versions",
    /// Too few versions have answered.
    TooFewVersions = "too-few-versions",
    /// Too many hosts have answered.
    TooManyHosts = "too-many-hosts",
    /// Too few hosts have answered.
    TooFewHosts = "too-few-hosts",
    /// An answer took too long.
    TooSlow = "too-slow",
    /// No answer took so long.
    TooFast = "too-fast",
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
