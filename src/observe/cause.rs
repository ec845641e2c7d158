//! Why tasks of a swarm end, and what comes in their place. A swarm keeps the last five of each replica; why one ended it
//! says in parts only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::remote::{ContainerFact, SwarmService, SwarmTask};

use super::facts::{Facts, Part};

/// Why a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Its container ended by itself.
    Exited,
    /// Its health check failed.
    Unhealthy,
    /// Its container was killed.
    Killed,
    /// The service was updated, or restarted by `--force`.
    Update,
    /// Its node is down.
    NodeDown,
    /// Its node was drained.
    Drained,
    /// Its node would not run it.
    Rejected,
}

impl Cause {
    /// In a word: `node-down`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Unhealthy => "unhealthy",
            Self::Killed => "killed",
            Self::Update => "update",
            Self::NodeDown => "node-down",
            Self::Drained => "drained",
            Self::Rejected => "rejected",
        }
    }

    /// Why a task ended; `None` if it has not.
    pub fn of(task: &SwarmTask, facts: &Facts) -> Option<Self> {
        let said = task.err.as_deref().unwrap_or_default();
        let nodes = || facts.nodes.iter().flat_map(Part::iter);
        let node = nodes().find(|node| Some(&node.id) == task.node_id.as_ref());
        let is_down = node.is_some_and(|node| node.ready == Some(false));
        let is_drained =
            node.is_some_and(|node| node.availability.as_deref().is_some_and(|it| it == "drain"));
        match task.state.as_deref()? {
            "failed" if said.contains("unhealthy") => Some(Self::Unhealthy),
            "failed" if task.exit_code.is_some_and(|code| BY_SIGNAL.contains(&code)) => {
                Some(Self::Killed)
            }
            // Somebody has even removed it.
            "failed" if said.contains("No such container") => Some(Self::Killed),
            "failed" | "complete" => Some(Self::Exited),
            "rejected" => Some(Self::Rejected),
            "orphaned" => Some(Self::NodeDown),
            _ if task.desired_state.as_deref() != Some("shutdown") => None,
            // Nobody is there to stop it, so it looks as if it ran.
            _ if is_down => Some(Self::NodeDown),
            "shutdown" if is_drained => Some(Self::Drained),
            "shutdown" => Some(Self::Update),
            _ => None,
        }
    }

    /// The same where it is known whether it [was ill](ill_tasks). A server that heeds the signal by which a swarm stops what is ill
    /// ends by itself with 0: only its health tells why.
    pub fn known(task: &SwarmTask, facts: &Facts, was_ill: bool) -> Option<Self> {
        match Self::of(task, facts) {
            Some(Self::Exited) if was_ill => Some(Self::Unhealthy),
            other => other,
        }
    }
}

/// Statuses of what ends when a signal kills it, as shells and engines tell them.
const BY_SIGNAL: [i64; 2] = [137, 143];

/// The tasks of each replica, newest first.
pub fn by_place(service: &SwarmService) -> BTreeMap<(Option<i64>, Option<&str>), Vec<&SwarmTask>> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for task in &service.tasks {
        // A global service has one for each node.
        let node = if task.slot.is_none() { task.node_id.as_deref() } else { None };
        places.entry((task.slot, node)).or_default().push(task);
    }
    places
}

/// The tasks whose containers are ill, or were when they ended. Of each container that has ended an engine says `unhealthy`: ill was
/// that whose check had failed as often as it may.
pub fn ill_tasks(facts: &Facts) -> impl Iterator<Item = &str> {
    let is_ill = |container: &&ContainerFact| {
        let health = container.health.as_ref();
        let allowed = container.healthcheck.as_ref().and_then(|check| check.retries);
        health.is_some_and(|health| {
            health.status.as_deref() == Some("unhealthy")
                && health.failing_streak.unwrap_or(0) >= allowed.unwrap_or(1).max(1)
        })
    };
    let ill = facts.containers().map(|(_, container)| container).filter(is_ill);
    ill.filter_map(|it| it.task_id.as_deref())
}
