//! Names that are checked once, when they are parsed, and can be used anywhere afterwards: in
//! container names, host names, certificates, file names and shell scripts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The cluster name does not have the allowed form.
    #[error(
        "`{0}` is not a cluster name: use 2 to 40 lower-case letters, digits and single hyphens, \
         beginning with a letter and ending with a letter or digit"
    )]
    Cluster(String),
    /// The name means something else to Docker.
    #[error("`{0}` is reserved: docker calls its own context that, so choose another name")]
    Reserved(String),
    /// The machine name does not have the form `ROLE-NUMBER`.
    #[error(
        "`{0}` is not a machine name: expected manager-N, control-plane-N, worker-N or machine-N"
    )]
    Machine(String),
    /// The name of a snapshot does not have the allowed form.
    #[error(
        "`{0}` is not a name for a snapshot: use 1 to 40 letters, digits and hyphens, with no hyphen at either end"
    )]
    Snapshot(String),
}

/// The name of a cluster.
///
/// It becomes part of host names (RFC 1123: 63 characters a label), of container names and of
/// docker context names, so it allows only what all of them allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

impl ClusterName {
    /// The longest cluster name, in characters; leaves room for a machine's name in a host name.
    pub const MAX_LENGTH: usize = 40;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of this cluster's docker and kubectl contexts.
    pub fn context(&self) -> String {
        format!("dojo-{self}")
    }
}

impl FromStr for ClusterName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text == "default" {
            return Err(InvalidName::Reserved(text.to_owned()));
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = (2..=Self::MAX_LENGTH).contains(&text.len())
            && text.chars().all(allowed)
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--");
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Cluster(text.to_owned())) }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for ClusterName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

/// What a machine is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A swarm manager.
    Manager,
    /// A Kubernetes control plane: API server, etcd, scheduler and controllers.
    ControlPlane,
    /// Stands before several control planes and spreads connections over them.
    LoadBalancer,
    /// A worker of a swarm or of a Kubernetes cluster.
    Worker,
    /// A plain Docker host that belongs to no cluster.
    #[serde(rename = "machine")]
    Engine,
}

impl Role {
    /// Every role, in the order in which machines are listed.
    pub const ALL: [Self; 5] =
        [Self::Manager, Self::ControlPlane, Self::LoadBalancer, Self::Worker, Self::Engine];

    /// The word as it stands in machine names, labels and spec files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::ControlPlane => "control-plane",
            Self::LoadBalancer => "load-balancer",
            Self::Worker => "worker",
            Self::Engine => "machine",
        }
    }

    /// Whether a machine of it keeps what its cluster knows, and decides for it.
    pub fn leads(self) -> bool {
        matches!(self, Self::Manager | Self::ControlPlane)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a machine within its cluster: its role and a number from 1, as in `worker-2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineName {
    /// What the machine is there for.
    pub role: Role,
    /// Counts the machines of one role, from 1.
    pub number: u16,
}

impl MachineName {
    /// The name of the `number`th machine of a role, counted from 1.
    pub fn new(role: Role, number: u16) -> Self {
        Self { role, number }
    }

    /// The same as a variable of a shell can be called: `worker_1`.
    pub fn variable(self) -> String {
        self.to_string().replace('-', "_")
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.role.as_str(), self.number))
    }
}

impl FromStr for MachineName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::Machine(text.to_owned());
        let (role, number) = text.rsplit_once('-').ok_or_else(invalid)?;
        let role = Role::ALL.into_iter().find(|r| r.as_str() == role).ok_or_else(invalid)?;
        let number = number.parse().ok().filter(|n| *n > 0).ok_or_else(invalid)?;
        let name = Self { role, number };
        // Refuses `worker-01` and `worker-+1`, which parse as numbers and are not how we write them.
        if name.to_string() == text { Ok(name) } else { Err(invalid()) }
    }
}

impl TryFrom<String> for MachineName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<MachineName> for String {
    fn from(name: MachineName) -> Self {
        name.to_string()
    }
}

/// A machine's full name, unique on this computer: `practice/worker-2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MachineId {
    /// The cluster it belongs to.
    pub cluster: ClusterName,
    /// Its name there.
    pub name: MachineName,
}

impl MachineId {
    /// The name under which its SSH host key is pinned (the `HostKeyAlias` of OpenSSH), and the name
    /// of its container: addresses are reused by later machines, this is not.
    pub fn alias(&self) -> String {
        format!("dojo-{}-{}", self.cluster, self.name)
    }

    /// The name of the machine's own docker context, where machines have one. No cluster's context is called so.
    pub fn context(&self) -> String {
        format!("{}.{}", self.cluster.context(), self.name)
    }

    /// The machine whose own context is called so; `None` if no machine's can be.
    pub fn from_context(context: &str) -> Option<Self> {
        let (cluster, name) = context.strip_prefix("dojo-")?.split_once('.')?;
        Some(Self { cluster: cluster.parse().ok()?, name: name.parse().ok()? })
    }

    /// The machine of a cluster that has this alias.
    pub fn from_alias(cluster: &ClusterName, alias: &str) -> Option<Self> {
        let name = alias.strip_prefix(&format!("dojo-{cluster}-"))?.parse().ok()?;
        Some(Self { cluster: cluster.clone(), name })
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.cluster, self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_leads_back_to_its_machine() {
        let [cluster, other]: [ClusterName; 2] = ["lab", "lab-2"].map(|name| name.parse().unwrap());
        let id = MachineId { cluster: cluster.clone(), name: "worker-11".parse().unwrap() };
        assert_eq!(MachineId::from_alias(&cluster, &id.alias()), Some(id.clone()));
        assert_eq!(MachineId::from_alias(&other, &id.alias()), None);
        for foreign in ["dojo-lab-2-worker-1", "lab-worker-1", "dojo-lab-worker-01", "192.0.2.1"] {
            assert_eq!(MachineId::from_alias(&cluster, foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_context_leads_back_to_its_machine_and_is_no_cluster_s() {
        let id =
            MachineId { cluster: "lab-2".parse().unwrap(), name: "machine-11".parse().unwrap() };
        assert_eq!(id.context(), "dojo-lab-2.machine-11");
        assert_eq!(MachineId::from_context(&id.context()), Some(id));
        for other in ["dojo-lab-2-machine-11", "dojo-lab.x", "dojo-.machine-1", "lab.machine-1"] {
            assert_eq!(MachineId::from_context(other), None, "{other}");
        }
    }

    #[test]
    fn cluster_names_are_safe_everywhere_they_go() {
        for good in ["ab", "dojo", "practice-2", &"a".repeat(40)] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "A1",
            "two words",
            ";$(reboot)",
            "-x",
            "x-",
            "a--b",
            "1st",
            "ä1",
            "a_b",
            "a/b",
            "..",
            &"a".repeat(41),
            &"a".repeat(64),
        ] {
            assert!(bad.parse::<ClusterName>().is_err(), "{bad}");
        }
        assert!(matches!("default".parse::<ClusterName>(), Err(InvalidName::Reserved(_))));
    }

    #[test]
    fn machine_names_read_back_as_written() {
        for role in Role::ALL {
            let name = MachineName::new(role, 12);
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for bad in ["worker", "worker-0", "worker-01", "boss-1", "worker-+1", "-1", "worker-1 "] {
            assert!(bad.parse::<MachineName>().is_err(), "{bad}");
        }
    }
}
