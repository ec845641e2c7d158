//! What is asked of an engine that is not about starting or joining anything.

use std::time::Duration;

use bollard::models::LocalNodeState;
use bollard::query_parameters::ListNodesOptions;
use jiff::Timestamp;

use crate::driver::Source;
use crate::pace::within;

use super::Engine;
use super::said::moment;

/// How long an engine may take to say what it is.
const INFO: Duration = Duration::from_millis(1500);
/// How long a leader may take to answer a manager.
const LEADER: Duration = Duration::from_secs(1);

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// The version of what it runs on: of its engine, as in `26.1.5`, or of its kubelet, as in `v1.37.2`.
    pub version: String,
    /// Its state as a member, as docker (`active`, `pending`, …) or kubectl (`Ready`, `NotReady`) calls
    /// it; absent where there is no cluster.
    pub member: Option<String>,
    /// What it says as a manager of a swarm; absent if it is none.
    pub manager: Option<ManagerHealth>,
}

/// How a manager sees its swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManagerHealth {
    /// Whether the managers have a leader. Without a majority of them there is none.
    pub sees_leader: bool,
    /// How many managers it knows, itself included; 0 if it does not say.
    pub known: usize,
}

/// How an engine stands to a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is in none.
    Outside,
    /// It is in one, and cannot say anything for it.
    Inside,
    /// It leads one.
    Leads,
}

impl Engine {
    /// Asks the engine whether it is in a swarm, and whether that has a leader.
    pub async fn standing(&self) -> Result<Standing, Source> {
        let swarm = self.api().info().await?.swarm.unwrap_or_default();
        Ok(match swarm.local_node_state {
            None | Some(LocalNodeState::EMPTY | LocalNodeState::INACTIVE) => Standing::Outside,
            // Only managers list nodes, and only while there is a leader.
            Some(_) => match self.api().list_nodes(None::<ListNodesOptions>).await {
                Ok(_) => Standing::Leads,
                Err(_) => Standing::Inside,
            },
        })
    }

    /// Asks the engine for its version and its swarm state, and a manager also whether it has a leader.
    pub async fn health(&self) -> Result<NodeHealth, Source> {
        let Ok(info) = within(INFO, self.api().info()).await else {
            return self.without_leader().await;
        };
        let info = info?;
        let swarm = info.swarm.unwrap_or_default();
        let member = match swarm.local_node_state {
            None | Some(LocalNodeState::EMPTY | LocalNodeState::INACTIVE) => None,
            Some(state) => Some(state.to_string()),
        };
        let manager = match swarm.control_available {
            Some(true) => {
                let known = swarm.remote_managers.map_or(0, |managers| managers.len());
                Some(self.manager_health(known).await)
            }
            _ => None,
        };
        Ok(NodeHealth { version: info.server_version.unwrap_or_default(), member, manager })
    }

    /// The time by the engine's clock.
    pub async fn now(&self) -> Result<Timestamp, Source> {
        let time = self.api().info().await?.system_time;
        moment(time.as_ref()).ok_or_else(|| "it does not tell the time".into())
    }

    /// A manager asks its leader before it says anything of itself, and waits for one; nobody else does. That it
    /// answers otherwise is seen by another question.
    async fn without_leader(&self) -> Result<NodeHealth, Source> {
        let version = self.api().version().await?.version.unwrap_or_default();
        let manager = Some(ManagerHealth { sees_leader: false, known: 0 });
        Ok(NodeHealth { version, member: Some("active".to_owned()), manager })
    }

    /// Only a leader can list the nodes; without one the question is refused, or hangs.
    async fn manager_health(&self, known: usize) -> ManagerHealth {
        let list = self.api().list_nodes(None::<ListNodesOptions>);
        match within(LEADER, list).await {
            Ok(Ok(nodes)) => {
                let managers = nodes.iter().filter(|node| node.manager_status.is_some());
                ManagerHealth { sees_leader: true, known: managers.count() }
            }
            _ => ManagerHealth { sees_leader: false, known },
        }
    }
}
