//! What is said between `dojo` and a driver that is a program of its own. `docs/drivers.md` tells the same
//! for people who write one.
//!
//! The program gets one [`Request`] on its standard input, and answers with [`Line`]s on its standard
//! output: as much progress as it likes, then one result or one error. Fields that a reader does not know
//! are to be ignored, so that the protocol can grow without a new [`VERSION`].

mod machine;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{ClusterName, Finding, Level};

pub use self::machine::{Existing, Labels, PublishedPort, Wanted, WantedKey};

/// The version of the protocol that is told here. It stands in every request and in every line of an
/// answer.
pub const VERSION: u64 = 1;

/// The options of a driver, by name.
pub type Options = BTreeMap<String, Value>;

/// All that a program reads on its standard input.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    /// [`VERSION`].
    pub protocol: u64,
    /// What to do.
    #[serde(flatten)]
    pub operation: Operation<'a>,
    /// The options that the user gave, and the defaults of all others that have one. Empty for
    /// [`Operation::Capabilities`], which comes before anything is known of options.
    pub options: &'a Options,
}

/// What a program is asked to do. Each operation means what the method of that name of
/// [`Driver`](crate::driver::Driver) means.
#[derive(Debug, Serialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation<'a> {
    /// Tell what the driver is and can. The result is [`Capabilities`].
    Capabilities,
    /// Look at the surroundings, change nothing. The result is [`Checked`].
    Check,
    /// Refuse what cannot be made, then make what machines share. The result is an empty object.
    Prepare {
        /// The cluster.
        cluster: &'a ClusterName,
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
        cluster: Option<&'a ClusterName>,
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
        cluster: &'a ClusterName,
        /// If given, only what carries this id as well.
        cluster_id: Option<&'a str>,
    },
    /// Read a machine's public host key without SSH. Only asked of a program that
    /// [says](Capabilities::host_key) that it can. The result is [`PublicKey`].
    HostKey {
        /// Which one.
        machine: Existing,
    },
}

/// One line that a program writes to its standard output: an object with `protocol`, which is
/// [`VERSION`], and one of these fields.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// The place where machines come from does not answer.
    Unreachable {
        /// Which place: "the cloud at `https://…`".
        place: String,
        /// What came instead of an answer.
        message: String,
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Capabilities {
    /// What it does, in one line.
    #[serde(default)]
    pub description: String,
    /// Its own version, if it has any.
    #[serde(default)]
    pub version: Option<String>,
    /// The architecture of the machines that it makes, where that is known beforehand: `amd64`.
    #[serde(default)]
    pub architecture: Option<String>,
    /// Whether it has the operation `host_key`.
    #[serde(default)]
    pub host_key: bool,
    /// How long operations may take, in seconds, by name, where the usual time is not right.
    #[serde(default)]
    pub timeouts: BTreeMap<String, u64>,
    /// The options that it takes.
    #[serde(default)]
    pub options: Vec<OptionSchema>,
}

/// An option that a driver takes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    #[serde(default)]
    pub default: Option<Value>,
    /// The only values that it may have.
    #[serde(default)]
    pub choices: Vec<Value>,
    /// Whether no machine can be made without it.
    #[serde(default)]
    pub required: bool,
}

/// What values an option has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
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
}

/// The result of `check`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Checked {
    /// What was looked at.
    pub findings: Vec<Seen>,
}

/// One thing that was looked at: a [`Finding`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    /// `ok`, `warning`, or `problem` if no machine can be made until it is mended.
    pub level: Level,
    /// What was looked at, in a word or two.
    pub subject: String,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    #[serde(default)]
    pub fix: Option<String>,
}

/// The result of `create`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Made {
    /// The machine.
    pub machine: Existing,
}

/// The result of `list`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// The machines.
    pub machines: Vec<Existing>,
}

/// The result of `host_key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PublicKey {
    /// One OpenSSH line.
    pub public: String,
}

/// The result of an operation that only succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Done {}

impl Operation<'_> {
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
        }
    }
}

impl From<Seen> for Finding {
    fn from(seen: Seen) -> Self {
        Self { level: seen.level, subject: seen.subject, detail: seen.detail, fix: seen.fix }
    }
}
