//! What is known of a cluster at one moment: plain data. What is not known is `null`, with the error that kept it
//! from being known; what a kind of cluster does not have, and what was not asked for, is absent.

use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    ClusterName, DriverName, MachineName, MachineState, Orchestrator, Role, Service,
};
use crate::remote::{
    BudgetStatus, ContainerFact, CronJobStatus, EventFact, Extra, Extras, ImageFact, JobStatus,
    KeysFact, KubernetesExtras, ManagerHealth, NodeDetails, NodeHealth, NodeStatus, PodStatus,
    ReplicaSetStatus, SwarmNode, SwarmObject, SwarmService, Workload,
};

use crate::kind::Majority;

/// A cluster as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Its name.
    pub name: ClusterName,
    /// What kind it is of.
    pub orchestrator: Orchestrator,
    /// Its machines, those that are gone included, by name.
    pub machines: Part<MachineFacts>,
    /// The node that leads a swarm; `null` where there is none, where nobody can tell, and for other kinds.
    pub leader: Option<String>,
    /// Whether those that decide are a majority; `null` where nobody decides, or an only one does.
    pub majority: Option<Majority>,
    /// Its nodes, as the cluster says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Part<NodeFacts>>,
    /// The services of a swarm with their tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Part<SwarmService>>,
    /// The deployments, daemon sets and stateful sets of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workloads: Option<Part<Workload>>,
    /// The pods of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Part<PodStatus>>,
    /// What else was asked for.
    #[serde(flatten)]
    pub extras: ExtraFacts,
    /// The certificates that are on this computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Part<CertificateFacts>>,
    /// What is not as it should be, in sentences.
    pub findings: Vec<Remark>,
}

impl Facts {
    /// The containers that engines tell of, with their machines.
    pub fn containers(&self) -> impl Iterator<Item = (MachineName, &ContainerFact)> {
        self.machines.iter().flat_map(|machine| {
            let its = machine.containers.iter().flat_map(Part::iter);
            its.map(|container| (machine.name, container))
        })
    }
}

/// What is asked for only where somebody needs it; absent where it was not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtraFacts {
    /// The networks, configs and secrets of a swarm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swarm_objects: Option<Part<SwarmObject>>,
    /// The replica sets of Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_sets: Option<Part<ReplicaSetStatus>>,
    /// Its jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Part<JobStatus>>,
    /// Its cron jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_jobs: Option<Part<CronJobStatus>>,
    /// Its events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Part<EventFact>>,
    /// The names and keys of its config maps and secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Part<KeysFact>>,
    /// Its pod disruption budgets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budgets: Option<Part<BudgetStatus>>,
}

impl ExtraFacts {
    /// What a swarm has told.
    pub(super) fn of_swarm(objects: Option<Vec<SwarmObject>>) -> Self {
        Self { swarm_objects: objects.map(|list| Ok(list).into()), ..Self::default() }
    }

    /// What Kubernetes has told.
    pub(super) fn of_kubernetes(extras: KubernetesExtras) -> Self {
        fn part<T>(list: Option<Vec<T>>) -> Option<Part<T>> {
            list.map(|list| Ok(list).into())
        }
        let KubernetesExtras { replica_sets, jobs, cron_jobs, events, keys, budgets } = extras;
        Self {
            swarm_objects: None,
            replica_sets: part(replica_sets),
            jobs: part(jobs),
            cron_jobs: part(cron_jobs),
            events: part(events),
            keys: part(keys),
            budgets: part(budgets),
        }
    }

    /// Why nothing of it is known, of what was asked for.
    pub(super) fn unknown(service: Service, asked: Extras, error: &str) -> Self {
        fn failed<T>(error: Option<String>) -> Option<Part<T>> {
            error.map(|error| Err(error).into())
        }
        let part =
            |of: Service, extra| (service == of && asked.has(extra)).then(|| error.to_owned());
        Self {
            swarm_objects: failed(part(Service::Engine, Extra::Stacks)),
            replica_sets: failed(part(Service::Api, Extra::ReplicaSets)),
            jobs: failed(part(Service::Api, Extra::Jobs)),
            cron_jobs: failed(part(Service::Api, Extra::Jobs)),
            events: failed(part(Service::Api, Extra::Events)),
            keys: failed(part(Service::Api, Extra::Keys)),
            budgets: failed(part(Service::Api, Extra::Budgets)),
        }
    }
}

/// A list, or why it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part<T> {
    /// What there is; `null` if that is not known.
    pub items: Option<Vec<T>>,
    /// Why it is not known.
    pub error: Option<String>,
}

impl<T> Part<T> {
    /// What there is; nothing, if it is not known.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }
}

impl<T> From<Result<Vec<T>, String>> for Part<T> {
    fn from(known: Result<Vec<T>, String>) -> Self {
        match known {
            Ok(items) => Self { items: Some(items), error: None },
            Err(error) => Self { items: None, error: Some(error) },
        }
    }
}

/// One machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineFacts {
    /// Its name.
    pub name: MachineName,
    /// What it is there for.
    pub role: Role,
    /// Where it comes from.
    pub driver: DriverName,
    /// Whether there is such a machine; `null` if its driver does not know it and it may be somewhere all the same.
    pub exists: Option<bool>,
    /// What its driver says that it does; `null` if it is not there.
    pub state: Option<MachineState>,
    /// Its address among its peers.
    pub address: IpAddr,
    /// Whether one can log in to it; `null` if that was not tried, because it does not run.
    pub reachable: Option<bool>,
    /// Why it is not there, does not run, or cannot be reached.
    pub error: Option<String>,
    /// What its Docker engine says; absent where the engine does not listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineFacts>,
    /// Whether the Kubernetes API answers there; absent where it does not listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiFacts>,
    /// The images that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Part<ImageFact>>,
    /// The containers of its engine; absent where the engine does not listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containers: Option<Part<ContainerFact>>,
}

impl MachineFacts {
    /// Whether it is there and on.
    pub fn is_on(&self) -> bool {
        self.exists == Some(true) && self.state == Some(MachineState::Running)
    }
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineFacts {
    /// Its version.
    pub version: Option<String>,
    /// How it stands to a swarm: `active`, `pending`, …; `null` if it is in none, or does not say.
    pub local_node_state: Option<String>,
    /// How it sees its swarm as a manager; `null` if it is none.
    pub manager: Option<ManagerFacts>,
    /// Why it says nothing.
    pub error: Option<String>,
}

/// How a manager sees its swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagerFacts {
    /// Whether the managers have a leader.
    pub sees_leader: bool,
    /// How many managers it knows, itself included; `null` if it does not say.
    pub managers: Option<usize>,
}

impl EngineFacts {
    /// As it answered, or why it did not.
    pub(super) fn of(health: Result<NodeHealth, String>) -> Self {
        match health {
            Ok(NodeHealth { version, member, manager }) => Self {
                version: Some(version),
                local_node_state: member,
                manager: manager.map(|ManagerHealth { sees_leader, known }| ManagerFacts {
                    sees_leader,
                    managers: Some(known).filter(|known| *known > 0),
                }),
                error: None,
            },
            Err(error) => {
                Self { version: None, local_node_state: None, manager: None, error: Some(error) }
            }
        }
    }

    /// How it is as a node, or why that is not known.
    pub fn health(&self) -> Result<NodeHealth, String> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(NodeHealth {
                version: self.version.clone().unwrap_or_default(),
                member: self.local_node_state.clone(),
                manager: self.manager.map(|manager| ManagerHealth {
                    sees_leader: manager.sees_leader,
                    known: manager.managers.unwrap_or(0),
                }),
            }),
        }
    }
}

/// Whether the Kubernetes API answers by way of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiFacts {
    /// Whether it does.
    pub answers: bool,
    /// Why it does not.
    pub error: Option<String>,
}

/// A node, as its cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// Its name, which is that of its machine.
    pub name: String,
    /// What tells it from another one of that name.
    pub id: String,
    /// `manager`, `control-plane` or `worker`.
    pub role: Option<String>,
    /// Whether it takes part.
    pub ready: Option<bool>,
    /// Why it does not.
    pub reason: Option<String>,
    /// Whether it gets work: `active`; of a swarm also `pause` and `drain`, of Kubernetes `cordoned`.
    pub availability: Option<String>,
    /// The version of its engine or kubelet.
    pub version: Option<String>,
    /// Where the other nodes reach it.
    pub address: Option<String>,
    /// Whether it leads the swarm; `null` if it is no manager.
    pub leader: Option<bool>,
    /// Whether the other managers reach it: `reachable` or `unreachable`; `null` if it is no manager.
    pub reachability: Option<String>,
    /// What a node of Kubernetes says beyond that; absent if it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<NodeDetails>,
}

/// What a node of Kubernetes that has been cordoned is called.
const CORDONED: &str = "cordoned";

impl NodeFacts {
    /// Whether it gets new work.
    pub fn is_schedulable(&self) -> bool {
        self.availability.as_deref() == Some("active")
    }
}

impl From<NodeStatus> for NodeFacts {
    fn from(node: NodeStatus) -> Self {
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            name: node.name,
            id: node.uid,
            role: Some(if node.control_plane { "control-plane" } else { "worker" }.to_owned()),
            ready: Some(node.ready),
            reason: known(node.reason),
            availability: Some(if node.schedulable { "active" } else { CORDONED }.to_owned()),
            version: known(node.version),
            address: node.internal_ip.map(|ip| ip.to_string()),
            leader: None,
            reachability: None,
            details: None,
        }
    }
}

impl From<SwarmNode> for NodeFacts {
    fn from(node: SwarmNode) -> Self {
        let ready = node.state.as_deref().map(|state| state == "ready");
        let state = node.state.filter(|_| ready == Some(false));
        let reason = match (state, node.message) {
            (Some(state), Some(message)) => Some(format!("{state}: {message}")),
            (state, message) => state.or(message),
        };
        Self {
            name: node.hostname,
            id: node.id,
            role: node.role,
            ready,
            reason,
            availability: node.availability,
            version: node.engine_version,
            address: node.addr,
            leader: node.leader,
            reachability: node.reachability,
            details: None,
        }
    }
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// Whose it is: `authority`, `client`, or a machine's name.
    pub owner: String,
    /// Where it is.
    pub file: PathBuf,
    /// What it is valid for.
    pub subject: Option<String>,
    /// From when.
    pub not_before: Option<Timestamp>,
    /// Until when.
    pub not_after: Option<Timestamp>,
    /// Why it cannot be read.
    pub error: Option<String>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The machine that it is about; `null` if it is about the cluster.
    pub machine: Option<MachineName>,
    /// What it is, in a sentence.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_known_is_null_and_says_why() {
        let unknown: Part<NodeFacts> = Err("nobody answers".to_owned()).into();
        let none: Part<NodeFacts> = Ok(Vec::new()).into();
        let said = serde_json::to_value([&unknown, &none]).unwrap();
        let wanted = json!([
            { "items": null, "error": "nobody answers" },
            { "items": [], "error": null }
        ]);
        assert_eq!(said, wanted);
        assert_eq!(serde_json::from_value::<[Part<NodeFacts>; 2]>(said).unwrap(), [unknown, none]);
    }

    #[test]
    fn an_engine_is_told_as_it_was_heard() {
        let manager = Some(ManagerHealth { sees_leader: false, known: 0 });
        let member = Some("active".to_owned());
        let health = Ok(NodeHealth { version: "26.1.5".to_owned(), member, manager });
        let facts = EngineFacts::of(health.clone());
        assert_eq!(facts.manager.unwrap().managers, None, "0 means that it does not say");
        assert_eq!(facts.health(), health);
        let silent = Err("no answer".to_owned());
        assert_eq!(EngineFacts::of(silent.clone()).health(), silent);
    }

    #[test]
    fn a_node_that_is_down_says_so() {
        let node = SwarmNode {
            id: "n".to_owned(),
            hostname: "worker-1".to_owned(),
            role: Some("worker".to_owned()),
            availability: Some("drain".to_owned()),
            state: Some("down".to_owned()),
            message: Some("heartbeat failure".to_owned()),
            addr: None,
            engine_version: None,
            leader: None,
            reachability: None,
        };
        let facts = NodeFacts::from(node);
        assert_eq!((facts.ready, facts.is_schedulable()), (Some(false), false));
        assert_eq!(facts.reason.as_deref(), Some("down: heartbeat failure"));
    }
}
