//! What is asked of an engine that is not about starting or joining anything.

use bollard::models::LocalNodeState;
use bollard::query_parameters::ListNodesOptions;

use crate::driver::Source;

use super::Engine;

/// How a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// The version of what it runs on: of its engine, as in `26.1.5`, or of its kubelet, as in `v1.32.4`.
    pub version: String,
    /// Its state as a member, as docker (`active`, `pending`, …) or kubectl (`Ready`, `NotReady`) calls
    /// it; absent where there is no cluster.
    pub member: Option<String>,
}

/// How an engine stands to a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is in none.
    Outside,
    /// It is in one, and cannot say anything for it.
    Inside,
    /// It speaks for one.
    Speaks,
}

impl Engine {
    /// Asks the engine whether it is in a swarm, and whether that has a leader.
    pub async fn standing(&self) -> Result<Standing, Source> {
        let swarm = self.api().info().await?.swarm.unwrap_or_default();
        Ok(match swarm.local_node_state {
            None | Some(LocalNodeState::EMPTY | LocalNodeState::INACTIVE) => Standing::Outside,
            // Only managers list nodes, and only while there is a leader.
            Some(_) => match self.api().list_nodes(None::<ListNodesOptions>).await {
                Ok(_) => Standing::Speaks,
                Err(_) => Standing::Inside,
            },
        })
    }

    /// Asks the engine for its version and its swarm state, in one request.
    pub async fn health(&self) -> Result<NodeHealth, Source> {
        let info = self.api().info().await?;
        let state = info.swarm.and_then(|s| s.local_node_state);
        let member = match state {
            None | Some(LocalNodeState::EMPTY | LocalNodeState::INACTIVE) => None,
            Some(state) => Some(state.to_string()),
        };
        Ok(NodeHealth { version: info.server_version.unwrap_or_default(), member })
    }
}
