//! What is said between `dojo` and a driver that is a program of its own. `docs/drivers.md` tells the same
//! for people who write one.
//!
//! The program gets one [`Request`] on its standard input, and answers with [`Line`]s on its standard
//! output: as much progress as it likes, then one result or one error. Fields that a reader does not know
//! are to be ignored, so that the protocol can grow without a new [`VERSION`].
//!
//! A program that [says](Capabilities::session) so gets any number of requests on one line each, at any time, and
//! tells them apart by their ids.

mod machine;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::driver::{Error, Leftover, Price};
use crate::event::chain;
use crate::model::{ClusterName, Dollars, DriverName, Finding, Level};

pub use self::machine::{Existing, Labels, PublishedPort, Wanted, WantedKey};

/// The version of the protocol that is told here. It stands in every request and in every line of an
/// answer.
pub const VERSION: u64 = 1;

/// The options of a driver, by name.
pub type Options = crate::driver::Section;

/// What a program reads on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// [`VERSION`].
    pub protocol: u64,
    /// Which request of a [session](Capabilities::session) it is; stands in every line of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// What to do.
    #[serde(flatten)]
    pub operation: Operation,
    /// The options that the user gave, and the defaults of all others that have one. Empty for
    /// [`Operation::Capabilities`], which comes before anything is known of options.
    #[serde(default)]
    pub options: Options,
}

/// What a program is asked to do. Each operation means what the method of that name of
/// [`Driver`](crate::driver::Driver) means.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// Tell what the driver is and can. The result is [`Capabilities`].
    Capabilities,
    /// Look at the surroundings, change nothing. The result is [`Checked`].
    Check,
    /// Refuse what cannot be made, then make what machines share. The result is an empty object.
    Prepare {
        /// The cluster.
        cluster: ClusterName,
        /// All machines that are about to be made; without the private halves of their host keys.
        requests: Vec<Wanted>,
    },
    /// Make one machine and start it, or return the one that exists. The result is [`Made`].
    Create {
        /// What to make.
        request: Wanted,
    },
    /// Tell the machines of one cluster, or of all, whatever their state. The result is [`Listed`].
    List {
        /// Which cluster.
        #[serde(default)]
        cluster: Option<ClusterName>,
    },
    /// Start a machine. The result is an empty object.
    Start {
        /// Which one.
        machine: Existing,
    },
    /// Stop a machine and keep its disk. The result is an empty object.
    Stop {
        /// Which one.
        machine: Existing,
    },
    /// Remove a machine and its disk. The result is an empty object.
    Destroy {
        /// Which one.
        machine: Existing,
    },
    /// Remove whatever else carries the cluster's label. The result is an empty object.
    Cleanup {
        /// Which cluster.
        cluster: ClusterName,
        /// If given, only what carries this id as well.
        #[serde(default)]
        cluster_id: Option<String>,
    },
    /// Read a machine's public host key without SSH. Only asked of a program that
    /// [says](Capabilities::operations) that it can, as are all that follow. The result is [`PublicKey`].
    HostKey {
        /// Which one.
        machine: Existing,
    },
    /// Tell where machines are. The result is a [`Place`](crate::model::Place).
    Place,
    /// Tell the architecture of the machines that would be made. The result is [`Architecture`].
    Architecture,
    /// Tell what a machine would cost. The result is [`Priced`].
    Price,
    /// Refuse what `prepare` would refuse; make nothing. The result is an empty object.
    Admit {
        /// The cluster.
        cluster: ClusterName,
        /// All machines that are about to be made; without the private halves of their host keys.
        requests: Vec<Wanted>,
    },
    /// Tell everything that carries our labels, machines or not. The result is [`Remaining`].
    Leftovers,
    /// Tell how a machine is reached since it was started. The result is [`Made`].
    Located {
        /// Which one.
        machine: Existing,
    },
    /// Switch a machine off at once, as pulling its plug does, and keep its disk. The result is an empty object.
    Kill {
        /// Which one.
        machine: Existing,
    },
    /// Freeze a machine, with all that is in its memory. The result is an empty object.
    Pause {
        /// Which one.
        machine: Existing,
    },
    /// Let a frozen machine go on. The result is an empty object.
    Unpause {
        /// Which one.
        machine: Existing,
    },
    /// Note that a machine that ends itself will do so at another time. The result is an empty object.
    Extend {
        /// Which one.
        machine: Existing,
        /// When (RFC 3339).
        end: Timestamp,
    },
    /// Tell why a machine is gone. The result is a [`TerminationReason`].
    TerminationReason {
        /// Which one.
        machine: Existing,
    },
    /// Read the host key of a machine if others may know it, because they can read what it was told at its birth.
    /// The result is [`PublicKey`].
    KnownHostKey {
        /// Which one.
        machine: Existing,
    },
    /// Note that a machine has another host key from now on. The result is an empty object.
    NoteHostKey {
        /// Which one.
        machine: Existing,
        /// One OpenSSH line.
        public: String,
    },
}

/// One line that a program writes to its standard output: an object with `protocol`, which is
/// [`VERSION`], and one of these fields.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// `progress`: what is happening, in a few words.
    Progress(String),
    /// `warning`: what the user should know although nothing failed.
    Warning(String),
    /// `result`: the operation is done; the last line.
    Result(Value),
    /// `error`: the operation failed; the last line.
    Error(Problem),
}

/// Why a program could not do what it was asked; its kind decides on the exit code and on the hints that
/// users get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// The place where machines come from does not answer.
    Unreachable {
        /// Which place: "the cloud at `https://…`".
        place: String,
        /// What came instead of an answer.
        message: String,
    },
    /// There are no credentials, or they are not accepted.
    NoCredentials {
        /// Where: "AWS".
        place: String,
        /// Which ones were tried.
        tried: String,
        /// What would make them good.
        help: String,
        /// What was said of them.
        message: String,
    },
    /// Something has to be chosen or set up first.
    NotConfigured {
        /// What is missing.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// Something of a name that is needed exists and was not made by this driver. It was left alone.
    Foreign {
        /// What exists: "a container named `dojo-practice-worker-1`".
        subject: String,
    },
    /// A port, an address range or a name is in use.
    Taken {
        /// What was wanted: "port 8080".
        resource: String,
        /// Who has it: "network `bridge`".
        owner: String,
    },
    /// The request cannot be met here, whatever is tried.
    Unsupported {
        /// Why.
        message: String,
    },
    /// Anything else.
    Failed {
        /// What went wrong.
        message: String,
    },
}

/// What a driver is and can.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// What it does, in one line.
    #[serde(default)]
    pub description: String,
    /// Its own version, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The architecture of the machines that it makes, where that is known beforehand: `amd64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Whether it has the operation `host_key`.
    #[serde(default)]
    pub host_key: bool,
    /// Which of the operations it has, by name, that not every program needs to have: `host_key` and what follows
    /// it in [`Operation`].
    #[serde(default)]
    pub operations: Vec<String>,
    /// Whether one run of it answers any number of requests, several at a time. It ends when its standard input
    /// does and all is answered, and may be killed whenever nothing is left to answer.
    #[serde(default)]
    pub session: bool,
    /// How long operations may take, in seconds, by name, where the usual time is not right.
    #[serde(default)]
    pub timeouts: BTreeMap<String, u64>,
    /// The options that it takes.
    #[serde(default)]
    pub options: Vec<OptionSchema>,
}

/// An option that a driver takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptionSchema {
    /// Its name, in lower-case letters, digits and hyphens.
    pub name: String,
    /// What values it has.
    #[serde(rename = "type", default)]
    pub kind: OptionType,
    /// What it is for, in one line.
    #[serde(default)]
    pub description: String,
    /// The value of an option that is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The only values that it may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    /// Whether no machine can be made without it.
    #[serde(default)]
    pub required: bool,
}

/// What values an option has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionType {
    /// Any text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list, in JSON where it is a flag.
    Array,
    /// Values by name, in JSON where it is a flag.
    Object,
}

/// The result of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What was looked at.
    pub findings: Vec<Seen>,
}

/// One thing that was looked at: a [`Finding`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `ok`, `warning`, or `problem` if no machine can be made until it is mended.
    pub level: Level,
    /// What was looked at, in a word or two.
    pub subject: String,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// The result of `create` and of `located`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The machine.
    pub machine: Existing,
}

/// The result of `list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The machines.
    pub machines: Vec<Existing>,
}

/// The result of `host_key` and of `known_host_key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// One OpenSSH line; `null` where it is not known yet, or where nobody else can know it.
    #[serde(deserialize_with = "Option::deserialize")]
    pub public: Option<String>,
}

/// The result of `architecture`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// In the words of Debian or of the kernel: `amd64`, `x86_64`; `null` where it is not known beforehand.
    pub architecture: Option<String>,
}

/// The result of `price`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Priced {
    /// The price; `null` where machines cost nothing.
    pub price: Option<Tag>,
}

/// A [`Price`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tag {
    /// What kind of machine: "t3.medium in eu-central-1".
    pub of: String,
    /// For an hour, with its disk and its address, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly: Option<Dollars>,
    /// Why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// The result of `leftovers`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remaining {
    /// Everything.
    pub leftovers: Vec<Thing>,
}

/// A [`Leftover`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Thing {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The cluster's random id.
    pub cluster_id: String,
    /// The random id of the home that made it, if it carries one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// What it is: "machine `worker-1`".
    pub what: String,
}

/// The result of `termination_reason`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminationReason {
    /// Why, in a few words; `null` where it is not known.
    pub reason: Option<String>,
}

/// The result of an operation that only succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

impl Request {
    /// As it is written: one line.
    pub fn line(&self) -> Vec<u8> {
        let mut line =
            serde_json::to_vec(self).expect("requests have nothing but strings for keys");
        line.push(b'\n');
        line
    }
}

impl Operation {
    /// Its name, as it stands in requests.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::Check => "check",
            Self::Prepare { .. } => "prepare",
            Self::Create { .. } => "create",
            Self::List { .. } => "list",
            Self::Start { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Destroy { .. } => "destroy",
            Self::Cleanup { .. } => "cleanup",
            Self::HostKey { .. } => "host_key",
            Self::Place => "place",
            Self::Architecture => "architecture",
            Self::Price => "price",
            Self::Admit { .. } => "admit",
            Self::Leftovers => "leftovers",
            Self::Located { .. } => "located",
            Self::Kill { .. } => "kill",
            Self::Pause { .. } => "pause",
            Self::Unpause { .. } => "unpause",
            Self::Extend { .. } => "extend",
            Self::TerminationReason { .. } => "termination_reason",
            Self::KnownHostKey { .. } => "known_host_key",
            Self::NoteHostKey { .. } => "note_host_key",
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let message = chain(error);
        match error {
            Error::Unreachable { place, source } => {
                Self::Unreachable { place: place.clone(), message: chain(&**source) }
            }
            Error::NoCredentials { place, tried, help, source } => Self::NoCredentials {
                place: place.clone(),
                tried: tried.clone(),
                help: help.clone(),
                message: chain(&**source),
            },
            Error::NotConfigured { help, .. } => {
                Self::NotConfigured { message, help: help.clone() }
            }
            Error::Foreign { subject } => Self::Foreign { subject: subject.clone() },
            Error::Taken { resource, owner } => {
                Self::Taken { resource: resource.clone(), owner: owner.clone() }
            }
            Error::Unsupported(_) => Self::Unsupported { message },
            _ => Self::Failed { message },
        }
    }
}

impl From<Finding> for Seen {
    fn from(finding: Finding) -> Self {
        let Finding { level, subject, detail, fix } = finding;
        Self { level, subject, detail, fix }
    }
}

impl From<Price> for Tag {
    fn from(price: Price) -> Self {
        let (hourly, unknown) = match price.hourly {
            Ok(hourly) => (Some(hourly), None),
            Err(why) => (None, Some(why)),
        };
        Self { of: price.of, hourly, unknown }
    }
}

impl From<Tag> for Price {
    fn from(tag: Tag) -> Self {
        let unknown = tag.unknown.unwrap_or_else(|| "the driver does not say it".to_owned());
        Self { of: tag.of, hourly: tag.hourly.ok_or(unknown) }
    }
}

impl From<Leftover> for Thing {
    fn from(leftover: Leftover) -> Self {
        let Leftover { cluster, cluster_id, home, what, .. } = leftover;
        Self { cluster, cluster_id, home, what }
    }
}

impl Thing {
    /// Something of a driver.
    pub fn leftover(self, driver: DriverName) -> Leftover {
        let Self { cluster, cluster_id, home, what } = self;
        Leftover { driver, cluster, cluster_id, home, what }
    }
}

impl From<Seen> for Finding {
    fn from(seen: Seen) -> Self {
        Self { level: seen.level, subject: seen.subject, detail: seen.detail, fix: seen.fix }
    }
}
