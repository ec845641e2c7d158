//! What is said between `dojo` and a driver that is a program of its own. `docs/drivers.md` tells the same
//! for people who write one.
//!
//! The program gets one [`Request`] on its standard input, and answers with [`Line`]s on its standard
//! output: as much progress as it likes, then one result or one error. Fields that a reader does not know
//! are to be ignored, so that the protocol can grow without a new [`VERSION`].

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::driver::{
    LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_MACHINE, LABEL_ORCHESTRATOR, LABEL_ROLE,
};
use crate::model::{
    ClusterName, DriverName, Finding, Level, Machine, MachineId, MachineRequest, MachineState,
    Orchestrator, Protocol, Secret, Service,
};

/// The version of the protocol that is told here. It stands in every request and in every line of an
/// answer.
pub const VERSION: u64 = 1;

/// The options of a driver, by name.
pub type Options = BTreeMap<String, Value>;

/// The labels that a machine carries, as in [`LABEL_CLUSTER`] and its neighbours.
pub type Labels = BTreeMap<String, String>;

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

/// A machine that is to be made: a [`MachineRequest`].
#[derive(Debug, Serialize)]
pub struct Wanted {
    /// A name for it that no other machine of this computer has: `dojo-practice-worker-1`.
    pub name: String,
    /// Its host name: `worker-1`.
    pub hostname: String,
    /// What it must carry from birth. All of it comes back in [`Existing::labels`].
    pub labels: Labels,
    /// The most memory that it may use, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The most processors that it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Ports of this computer that are to lead to it.
    pub ports: Vec<PublishedPort>,
    /// The TCP ports of the machine that this computer must reach, by [`Service`].
    pub services: BTreeMap<Service, u16>,
    /// The public key that may log in, one OpenSSH line.
    pub authorized_key: String,
    /// The host key that sshd must present from its first moment.
    pub host_key: WantedKey,
}

/// A host key for a machine.
#[derive(Debug, Serialize)]
pub struct WantedKey {
    /// Public half, one OpenSSH line.
    pub public: String,
    /// Private half in OpenSSH's format; only in `create`. It may not be logged nor put on a command line.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "expose")]
    pub private: Option<Secret>,
}

/// A port of this computer that leads to one of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedPort {
    /// The port of this computer.
    pub host: u16,
    /// The port of the machine.
    pub machine: u16,
    /// `tcp` or `udp`.
    pub protocol: Protocol,
}

/// A machine that exists: a [`Machine`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existing {
    /// What it was given at birth.
    pub labels: Labels,
    /// What the driver calls it.
    pub handle: String,
    /// `running`, `stopped`, or `unfinished` if its creation was cut short.
    pub state: MachineState,
    /// The user to log in as; `root` unless told. Anyone else needs password-less sudo.
    #[serde(default = "root")]
    pub user: String,
    /// Its address among its peers.
    pub private_ip: IpAddr,
    /// Where this computer reaches its services; those that are absent, at the private address.
    #[serde(default)]
    pub endpoints: BTreeMap<Service, SocketAddr>,
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

impl Wanted {
    /// A request with all that it takes to make the machine.
    pub fn with_private_key(request: &MachineRequest) -> Self {
        let mut wanted = Self::without_private_key(request);
        wanted.host_key.private = Some(request.host_key.private.clone());
        wanted
    }

    /// A request to look at.
    pub fn without_private_key(request: &MachineRequest) -> Self {
        Self {
            name: request.id.alias(),
            hostname: request.id.name.to_string(),
            labels: labels(&request.id, &request.cluster_id, request.orchestrator),
            memory: request.size.memory.map(|bytes| bytes.0),
            cpus: request.size.cpus.map(f64::from),
            ports: request
                .ports
                .iter()
                .map(|port| PublishedPort {
                    host: port.host,
                    machine: port.machine,
                    protocol: port.protocol,
                })
                .collect(),
            services: request.services().into_iter().map(|s| (s, s.port())).collect(),
            authorized_key: request.authorized_key.clone(),
            host_key: WantedKey { public: request.host_key.public.clone(), private: None },
        }
    }
}

fn labels(id: &MachineId, cluster_id: &str, orchestrator: Orchestrator) -> Labels {
    Labels::from(
        [
            (LABEL_CLUSTER, id.cluster.to_string()),
            (LABEL_CLUSTER_ID, cluster_id.to_owned()),
            (LABEL_MACHINE, id.name.to_string()),
            (LABEL_ROLE, id.name.role.to_string()),
            (LABEL_ORCHESTRATOR, orchestrator.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    )
}

impl From<&Machine> for Existing {
    fn from(machine: &Machine) -> Self {
        Self {
            labels: labels(&machine.id, &machine.cluster_id, machine.orchestrator),
            handle: machine.handle.clone(),
            state: machine.state,
            user: machine.user.clone(),
            private_ip: machine.private_ip,
            endpoints: machine.endpoints.clone(),
        }
    }
}

impl Existing {
    /// The machine of a driver.
    ///
    /// # Errors
    /// A sentence on the label that is missing or wrong.
    pub fn machine(self, driver: DriverName) -> Result<Machine, String> {
        let label = |key: &str| {
            let value = self.labels.get(key).map(String::as_str);
            value.ok_or_else(|| format!("machine `{}` has no label `{key}`", self.handle))
        };
        Ok(Machine {
            id: MachineId {
                cluster: label(LABEL_CLUSTER)?.parse().map_err(|e| format!("{e}"))?,
                name: label(LABEL_MACHINE)?.parse().map_err(|e| format!("{e}"))?,
            },
            driver,
            cluster_id: label(LABEL_CLUSTER_ID)?.to_owned(),
            orchestrator: label(LABEL_ORCHESTRATOR)?.parse()?,
            handle: self.handle,
            state: self.state,
            user: self.user,
            private_ip: self.private_ip,
            endpoints: self.endpoints,
        })
    }
}

impl From<Seen> for Finding {
    fn from(seen: Seen) -> Self {
        Self { level: seen.level, subject: seen.subject, detail: seen.detail, fix: seen.fix }
    }
}

fn root() -> String {
    "root".to_owned()
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn expose<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}
