//! Machines in the protocol: what is asked for, and what there is.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::driver::{
    LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_HOME, LABEL_MACHINE, LABEL_ORCHESTRATOR, LABEL_ROLE,
};
use crate::model::{
    Bytes, Cost, Cpus, DriverName, HostKey, Machine, MachineId, MachineRequest, MachineState,
    Orchestrator, Port, Protocol, Secret, Service, Size,
};

/// The labels that a machine carries, as in [`LABEL_CLUSTER`] and its neighbours.
pub type Labels = BTreeMap<String, String>;

/// A machine that is to be made: a [`MachineRequest`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// A name for it that no other machine of this computer has: `dojo-practice-worker-1`.
    pub name: String,
    /// Its host name: `worker-1`.
    pub hostname: String,
    /// What it must carry from birth. All of it comes back in [`Existing::labels`].
    pub labels: Labels,
    /// The most memory that it may use, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Its CPU limit, in processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
#[derive(Debug, Serialize, Deserialize)]
pub struct WantedKey {
    /// Public half, one OpenSSH line.
    pub public: String,
    /// Private half in OpenSSH's format; only in `create`. It may not be logged nor put on a command line.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "expose",
        deserialize_with = "conceal"
    )]
    pub private: Option<Secret>,
}

/// A port of this computer that leads to one of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// When it ends itself, if it does (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What it costs, if it costs anything and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
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
            labels: labels(
                &request.id,
                &request.cluster_id,
                Some(&request.home),
                request.orchestrator,
            ),
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

    /// The request of a driver. A key that is not told is empty.
    ///
    /// # Errors
    /// A sentence on what is missing or wrong.
    pub fn request(self, driver: DriverName) -> Result<MachineRequest, String> {
        let born = Born::read(&self.labels, &self.name)?;
        let cpus = self.cpus.map(Cpus::try_from).transpose().map_err(|e| e.to_string())?;
        let port = |port: PublishedPort| Port {
            host: port.host,
            machine: port.machine,
            protocol: port.protocol,
        };
        Ok(MachineRequest {
            id: born.id,
            driver,
            cluster_id: born.cluster_id,
            home: born.home.unwrap_or_default(),
            orchestrator: born.orchestrator,
            size: Size { memory: self.memory.map(Bytes), cpus },
            ports: self.ports.into_iter().map(port).collect(),
            authorized_key: self.authorized_key,
            host_key: HostKey {
                public: self.host_key.public,
                private: self.host_key.private.unwrap_or_else(|| Secret::new("")),
            },
        })
    }
}

/// What labels tell of a machine.
struct Born {
    id: MachineId,
    cluster_id: String,
    home: Option<String>,
    orchestrator: Orchestrator,
}

impl Born {
    fn read(labels: &Labels, machine: &str) -> Result<Self, String> {
        let label = |key: &str| {
            let value = labels.get(key).map(String::as_str);
            value.ok_or_else(|| format!("machine `{machine}` has no label `{key}`"))
        };
        Ok(Self {
            id: MachineId {
                cluster: label(LABEL_CLUSTER)?.parse().map_err(|e| format!("{e}"))?,
                name: label(LABEL_MACHINE)?.parse().map_err(|e| format!("{e}"))?,
            },
            orchestrator: label(LABEL_ORCHESTRATOR)?.parse()?,
            cluster_id: label(LABEL_CLUSTER_ID)?.to_owned(),
            home: labels.get(LABEL_HOME).cloned(),
        })
    }
}

/// A machine from before there were homes has no label of one.
fn labels(
    id: &MachineId,
    cluster_id: &str,
    home: Option<&String>,
    orchestrator: Orchestrator,
) -> Labels {
    let labels = [
        (LABEL_CLUSTER, id.cluster.to_string()),
        (LABEL_CLUSTER_ID, cluster_id.to_owned()),
        (LABEL_MACHINE, id.name.to_string()),
        (LABEL_ROLE, id.name.role.to_string()),
        (LABEL_ORCHESTRATOR, orchestrator.to_string()),
    ];
    let home = home.map(|home| (LABEL_HOME, home.clone()));
    labels.into_iter().chain(home).map(|(key, value)| (key.to_owned(), value)).collect()
}

impl From<&Machine> for Existing {
    fn from(machine: &Machine) -> Self {
        Self {
            labels: labels(
                &machine.id,
                &machine.cluster_id,
                machine.home.as_ref(),
                machine.orchestrator,
            ),
            handle: machine.handle.clone(),
            state: machine.state,
            user: machine.user.clone(),
            private_ip: machine.private_ip,
            endpoints: machine.endpoints.clone(),
            expires: machine.expires,
            cost: machine.cost,
        }
    }
}

impl Existing {
    /// The machine of a driver.
    ///
    /// # Errors
    /// A sentence on the label that is missing or wrong.
    pub fn machine(self, driver: DriverName) -> Result<Machine, String> {
        let Born { id, cluster_id, home, orchestrator } = Born::read(&self.labels, &self.handle)?;
        let direct = |service: Service| (service, (self.private_ip, service.port()).into());
        let direct = orchestrator.services(id.name.role).into_iter().map(direct);
        Ok(Machine {
            cluster_id,
            home,
            endpoints: direct.chain(self.endpoints).collect(),
            id,
            driver,
            orchestrator,
            handle: self.handle,
            state: self.state,
            user: self.user,
            private_ip: self.private_ip,
            expires: self.expires,
            cost: self.cost,
        })
    }
}

fn root() -> String {
    "root".to_owned()
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn expose<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}
