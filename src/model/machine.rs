//! Machines: what was asked of a driver, and what it made.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Bytes, Cost, Cpus, DriverName, MachineId, Orchestrator, Secret, Service};

/// TCP or UDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A port of this computer that leads to a port of a machine: `8080:80` or `5353:53/udp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Port {
    /// The port on 127.0.0.1 of the engine's host.
    pub host: u16,
    /// The port on the machine.
    pub machine: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a port mapping: write it as 8080:80 or 5353:53/udp");
        let (ports, protocol) = match text.split_once('/') {
            None | Some((_, "tcp")) => (text.trim_end_matches("/tcp"), Protocol::Tcp),
            Some((ports, "udp")) => (ports, Protocol::Udp),
            Some(_) => return Err(wrong()),
        };
        let (host, machine) = ports.split_once(':').ok_or_else(wrong)?;
        let number = |n: &str| n.parse::<u16>().ok().filter(|n| *n > 0).ok_or_else(wrong);
        Ok(Self { host: number(host)?, machine: number(machine)?, protocol })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.machine)?;
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp => f.write_str("/udp"),
        }
    }
}

impl TryFrom<String> for Port {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Port> for String {
    fn from(port: Port) -> Self {
        port.to_string()
    }
}

/// How large a machine may grow; what is absent is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Size {
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
}

/// A machine's SSH host key, made on this computer so that it is known before the first connection.
#[derive(Debug, Clone)]
pub struct HostKey {
    /// Public half, one OpenSSH line: `ssh-ed25519 AAAA…`.
    pub public: String,
    /// Private half, OpenSSH format.
    pub private: Secret,
}

/// What a driver is asked to make.
#[derive(Debug, Clone)]
pub struct MachineRequest {
    /// Its name.
    pub id: MachineId,
    /// Where it is to come from.
    pub driver: DriverName,
    /// The random id of the cluster; tells clusters of one name apart that belong to several users
    /// of one engine or account.
    pub cluster_id: String,
    /// The random id of the home that makes it; tells those who share an engine or account whose it is.
    pub home: String,
    /// What the cluster will be; kept with the machine so that a lost record can be rebuilt.
    pub orchestrator: Orchestrator,
    /// Limits.
    pub size: Size,
    /// Ports to publish beside those of [`Service`].
    pub ports: Vec<Port>,
    /// The public key that may log in, one OpenSSH line.
    pub authorized_key: String,
    /// The host key that the machine must present from its first moment.
    pub host_key: HostKey,
}

impl MachineRequest {
    /// What this computer talks to on the machine.
    pub fn services(&self) -> Vec<Service> {
        self.orchestrator.services(self.id.name.role)
    }
}

/// What a machine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// On, or booting.
    Running,
    /// Off; can be started.
    Stopped,
    /// Frozen, with all that was in its memory; starting it lets it go on.
    Paused,
    /// Not known, because it does not answer and nobody else can tell; for what is to be done, it counts as off.
    Unknown,
    /// Its creation was cut short before it first booted; it is of no use and `create` replaces it.
    Unfinished,
}

impl fmt::Display for MachineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Unknown => "unknown",
            Self::Unfinished => "unfinished",
        })
    }
}

/// A machine that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its name.
    pub id: MachineId,
    /// Where it came from.
    #[serde(default = "DriverName::first")]
    pub driver: DriverName,
    /// The random id of the cluster that it was made for.
    pub cluster_id: String,
    /// The random id of the home that made it; absent if it carries none, as all did once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// What the cluster was to be.
    pub orchestrator: Orchestrator,
    /// What its driver calls it: a container id, an instance id.
    pub handle: String,
    /// What it is doing.
    pub state: MachineState,
    /// The user to log in as; anyone but root needs password-less sudo.
    pub user: String,
    /// Its address among its peers, node to node.
    pub private_ip: IpAddr,
    /// How *this* computer reaches its services: published ports and public addresses look alike here.
    pub endpoints: BTreeMap<Service, SocketAddr>,
    /// When it ends itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What it costs, if it costs anything and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// A machine does not have what was to be reached on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("machine `{machine}` has no {service}")]
pub struct NoService {
    /// Which machine.
    pub machine: MachineId,
    /// What it does not have.
    pub service: Service,
}

impl Machine {
    /// How this computer reaches a service of the machine: where its driver says, else at the machine's own
    /// address.
    ///
    /// # Errors
    /// [`NoService`] if such a machine has no such service.
    pub fn endpoint(&self, service: Service) -> Result<SocketAddr, NoService> {
        if !self.orchestrator.services(self.id.name.role).contains(&service) {
            return Err(NoService { machine: self.id.clone(), service });
        }
        let direct = SocketAddr::new(self.private_ip, service.port());
        Ok(self.endpoints.get(&service).copied().unwrap_or(direct))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_read_back_as_written() {
        for text in ["8080:80", "5353:53/udp"] {
            assert_eq!(text.parse::<Port>().unwrap().to_string(), text);
        }
        assert_eq!("8080:80/tcp".parse::<Port>().unwrap().protocol, Protocol::Tcp);
        for bad in ["80", "0:80", "80:", "a:b", "80:80/sctp", "70000:80", "127.0.0.1:80:80"] {
            assert!(bad.parse::<Port>().is_err(), "{bad}");
        }
    }
}
