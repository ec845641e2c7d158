//! What was asked for: from flags or from a file, the same struct, validated once.

mod count;
mod file;
mod place;
mod proof;
mod ranges;
mod sections;
mod validate;

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

use crate::driver::registry;
use crate::model::{
    Bytes, ClusterName, Cpus, DriverName, EngineOptions, KubernetesOptions, MachineName,
    Orchestrator, Port, Role, Size,
};

pub use file::{Error, read};
pub use sections::Sections;
pub use validate::{Invalid, Place};

/// The name of the format of spec files.
pub const API_VERSION: &str = "clusterdojo/v1";

/// A cluster, as asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Its name.
    pub name: ClusterName,
    /// What stands on the machines.
    pub orchestrator: Orchestrator,
    /// Its machines, by kind.
    pub machines: Vec<MachineGroup>,
    /// How Docker is installed and configured on each.
    #[serde(default)]
    pub engine: EngineOptions,
    /// What was chosen about Kubernetes.
    #[serde(default, skip_serializing_if = "KubernetesOptions::is_default")]
    pub kubernetes: KubernetesOptions,
    /// What was chosen about machines of each driver.
    #[serde(flatten)]
    pub sections: Sections,
}

/// Machines of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineGroup {
    /// What they are there for.
    pub role: Role,
    /// How many.
    #[serde(default = "one")]
    pub count: u16,
    /// Where they come from.
    #[serde(default = "registry::default", deserialize_with = "driver_name")]
    pub driver: DriverName,
    /// The most memory that each may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The most processor time that each may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// Ports of this computer that lead to the first machine of the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
}

/// What is wrong with one is told with those that there are.
fn driver_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DriverName, D::Error> {
    registry::read_name(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn one() -> u16 {
    1
}

impl MachineGroup {
    /// `count` machines of one role, with no limits and no ports.
    pub fn new(role: Role, count: u16, driver: DriverName) -> Self {
        Self { role, count, driver, memory: None, cpus: None, ports: Vec::new() }
    }
}

/// One machine of a spec.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineSpec {
    /// Its name.
    pub name: MachineName,
    /// Where it comes from.
    pub driver: DriverName,
    /// Its limits.
    pub size: Size,
    /// Its published ports.
    pub ports: Vec<Port>,
}

impl ClusterSpec {
    /// A cluster of these machines, with nothing else chosen.
    pub fn new(name: ClusterName, orchestrator: Orchestrator, machines: Vec<MachineGroup>) -> Self {
        Self {
            name,
            orchestrator,
            machines,
            engine: EngineOptions::default(),
            kubernetes: KubernetesOptions::default(),
            sections: Sections::default(),
        }
    }

    /// Every machine, in order: the groups as they are written, each counted through. Groups of the
    /// same role continue the count. Before several control planes there is a load balancer.
    pub fn machines(&self) -> Vec<MachineSpec> {
        let mut machines: Vec<MachineSpec> = Vec::new();
        for group in &self.machines {
            let before = machines.iter().filter(|m| m.name.role == group.role).count();
            let size = Size { memory: group.memory, cpus: group.cpus };
            machines.extend((0..group.count).map(|index| MachineSpec {
                name: MachineName::new(
                    group.role,
                    index.saturating_add(u16::try_from(before).unwrap_or(u16::MAX)) + 1,
                ),
                driver: group.driver.clone(),
                size,
                ports: if index == 0 { group.ports.clone() } else { Vec::new() },
            }));
        }
        if self.count(Role::ControlPlane) > 1 {
            machines.push(MachineSpec {
                name: MachineName::new(Role::LoadBalancer, 1),
                driver: self.driver(),
                size: Size::default(),
                ports: Vec::new(),
            });
        }
        machines.sort_by_key(|m| m.name);
        machines
    }

    /// How many machines have a role.
    pub fn count(&self, role: Role) -> usize {
        self.machines.iter().filter(|g| g.role == role).map(|g| usize::from(g.count)).sum()
    }

    /// Where the first machine comes from, and whatever else is said of no group.
    pub fn driver(&self) -> DriverName {
        self.machines.first().map_or_else(registry::default, |g| g.driver.clone())
    }

    /// How many machines come from a driver.
    pub fn count_of(&self, driver: &DriverName) -> usize {
        self.machines().iter().filter(|machine| machine.driver == *driver).count()
    }

    /// All the places that machines come from.
    pub fn drivers(&self) -> BTreeSet<DriverName> {
        self.machines.iter().map(|g| g.driver.clone()).collect()
    }
}
