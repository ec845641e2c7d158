//! What a manager says of its swarm: nodes, services and their tasks, in the words of the engine's API.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    EventMessage, Node, Service, ServiceSpecMode, Task, TaskSpec, TaskState, TaskStatus,
};
use bollard::query_parameters::{
    EventsOptions, ListImagesOptions, ListNodesOptions, ListServicesOptions, ListTasksOptions,
};
use futures_util::StreamExt as _;
use futures_util::future::try_join3;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::driver::Source;

use super::Engine;
use super::extras::{Extra, Extras};
use super::said::{moment, said};
use super::stacks::{ServiceDetails, SwarmObject};

/// A swarm as one of its managers tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwarmView {
    /// Its nodes, by host name.
    pub nodes: Vec<SwarmNode>,
    /// Its services with their tasks, by name.
    pub services: Vec<SwarmService>,
    /// Its networks, configs and secrets, by kind and name; absent if they were not asked for.
    pub objects: Option<Vec<SwarmObject>>,
}

impl SwarmView {
    /// Whether who tells it reaches a majority of the managers, itself among them. Without that it can decide nothing, and
    /// what it tells may be old.
    pub fn hears_majority(&self) -> bool {
        let managers = || self.nodes.iter().filter_map(|node| node.reachability.as_deref());
        2 * managers().filter(|it| *it == "reachable").count() > managers().count()
    }
}

/// A node of a swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwarmNode {
    /// Its id.
    pub id: String,
    /// Its host name.
    pub hostname: String,
    /// `manager` or `worker`.
    pub role: Option<String>,
    /// `active`, `pause` or `drain`.
    pub availability: Option<String>,
    /// `ready`, `down`, `disconnected` or `unknown`.
    pub state: Option<String>,
    /// Why it is in that state.
    pub message: Option<String>,
    /// The address that the managers see.
    pub addr: Option<String>,
    /// The version of its engine.
    pub engine_version: Option<String>,
    /// Whether it leads; absent for workers.
    pub leader: Option<bool>,
    /// Whether the other managers reach it: `reachable` or `unreachable`; absent for workers.
    pub reachability: Option<String>,
}

/// A service of a swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwarmService {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image of its tasks, with the digest that the manager has found.
    pub image: Option<String>,
    /// `replicated`, `global`, `replicated-job` or `global-job`.
    pub mode: Option<String>,
    /// How many tasks are to run: the replicas of a replicated service.
    pub desired_tasks: Option<u64>,
    /// How many run.
    pub running_tasks: Option<u64>,
    /// How an update goes: `updating`, `completed`, `paused`, `rollback_started`; absent before the first one.
    pub update_state: Option<String>,
    /// What it says of that: why it is paused or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_message: Option<String>,
    /// Its tasks by slot and node, the newest one of each first: those that were replaced follow their successors.
    pub tasks: Vec<SwarmTask>,
    /// What it says beyond that; absent if it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ServiceDetails>,
}

/// A task: one attempt to run a container of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwarmTask {
    /// Its id.
    pub id: String,
    /// Which replica it is; absent where there is one for each node.
    pub slot: Option<i64>,
    /// The host name of the node that it is on; absent before it has one, and if the node is gone.
    pub node: Option<String>,
    /// The id of that node.
    #[serde(rename = "nodeID")]
    pub node_id: Option<String>,
    /// What the swarm wants of it: `running`, `shutdown`, `ready`, …
    pub desired_state: Option<String>,
    /// What it does: `running`, `failed`, `rejected`, `pending`, …
    pub state: Option<String>,
    /// Since when it does that.
    pub since: Option<Timestamp>,
    /// What the node says of it: `started`.
    pub message: Option<String>,
    /// Why it failed, was rejected or waits.
    pub err: Option<String>,
    /// What its container ended with.
    pub exit_code: Option<i64>,
    /// Its container.
    #[serde(rename = "containerID")]
    pub container_id: Option<String>,
    /// The image that it was made of.
    pub image: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

impl SwarmTask {
    /// What a person calls it, as a task of that service: `web.2`.
    pub fn name(&self, service: &str) -> String {
        match (self.slot, &self.node) {
            (Some(slot), _) => format!("{service}.{slot}"),
            (None, Some(node)) => format!("{service}.{node}"),
            (None, None) => service.to_owned(),
        }
    }
}

/// An image of an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFact {
    /// Its names, with tags or digests.
    pub names: Vec<String>,
    /// Its size in bytes.
    pub size_bytes: Option<i64>,
}

impl Engine {
    /// The swarm that the engine is a manager of.
    ///
    /// # Errors
    /// Whatever the engine says where it is no manager, or where the managers have no leader.
    pub async fn swarm(&self, asked: Extras) -> Result<SwarmView, Source> {
        let counted = ListServicesOptions { status: Some(true), ..Default::default() };
        let (nodes, services, tasks) = try_join3(
            self.api().list_nodes(None::<ListNodesOptions>),
            self.api().list_services(Some(counted)),
            self.api().list_tasks(None::<ListTasksOptions>),
        )
        .await?;
        let objects =
            if asked.has(Extra::Stacks) { Some(self.swarm_objects().await?) } else { None };
        let details: Vec<_> = services
            .iter()
            .map(|service| {
                let objects = objects.as_deref().unwrap_or_default();
                asked.has(Extra::Details).then(|| ServiceDetails::of(service, objects))
            })
            .collect();
        Ok(SwarmView { objects, ..view(&nodes, services, &tasks, details) })
    }

    /// The images that the engine has, by name.
    pub async fn images(&self) -> Result<Vec<ImageFact>, Source> {
        let images = self.api().list_images(None::<ListImagesOptions>).await?;
        let mut images: Vec<_> = images
            .into_iter()
            .map(|image| {
                let has_tags = !image.repo_tags.is_empty();
                let names = if has_tags { image.repo_tags } else { image.repo_digests };
                ImageFact { names, size_bytes: Some(image.size) }
            })
            .collect();
        images.sort();
        Ok(images)
    }

    /// Tells of each change of a container of this engine, and of a node or service where it is a manager. Nobody
    /// tells of tasks.
    pub fn events(&self) -> BoxStream<'static, Result<(), Source>> {
        let types = ["container", "node", "service"].map(str::to_owned).to_vec();
        let filters = Some(HashMap::from([("type".to_owned(), types)]));
        let api = self.api().clone();
        let options = EventsOptions { filters, ..Default::default() };
        let events = api.events(Some(options)).filter_map(|event| async {
            match event {
                Ok(event) => matters(&event).then_some(Ok(())),
                Err(error) => Some(Err(error.into())),
            }
        });
        events.boxed()
    }
}

/// Commands that are run in a container, health checks among them, change nothing of it.
fn matters(event: &EventMessage) -> bool {
    event.action.as_deref().is_none_or(|action| !action.starts_with("exec_") && action != "top")
}

fn view(
    nodes: &[Node],
    services: Vec<Service>,
    tasks: &[Task],
    details: Vec<Option<ServiceDetails>>,
) -> SwarmView {
    let mut nodes: Vec<_> = nodes.iter().map(SwarmNode::of).collect();
    nodes.sort_by(|a, b| (&a.hostname, &a.id).cmp(&(&b.hostname, &b.id)));
    let names: BTreeMap<&str, &str> =
        nodes.iter().map(|n| (n.id.as_str(), n.hostname.as_str())).collect();
    let of = |service: &str| {
        let its = tasks.iter().filter(|task| task.service_id.as_deref() == Some(service));
        let mut its: Vec<_> = its.map(|task| SwarmTask::of(task, &names)).collect();
        its.sort_by(|a, b| {
            let place = |t: &SwarmTask| (t.slot, t.slot.is_none().then(|| t.node_id.clone()));
            place(a).cmp(&place(b)).then(b.created_at.cmp(&a.created_at)).then(a.id.cmp(&b.id))
        });
        its
    };
    let mut services: Vec<_> = services
        .into_iter()
        .zip(details)
        .map(|(service, details)| {
            let tasks = of(service.id.as_deref().unwrap_or_default());
            SwarmService { details, ..SwarmService::of(service, tasks) }
        })
        .collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    SwarmView { nodes, services, objects: None }
}

impl SwarmNode {
    fn of(node: &Node) -> Self {
        let (spec, status) = (node.spec.as_ref(), node.status.as_ref());
        let description = node.description.as_ref();
        let manager = node.manager_status.as_ref();
        let engine = description.and_then(|d| d.engine.as_ref());
        Self {
            id: node.id.clone().unwrap_or_default(),
            hostname: description.and_then(|d| d.hostname.clone()).unwrap_or_default(),
            role: spec.and_then(|s| said(s.role.as_ref())),
            availability: spec.and_then(|s| said(s.availability.as_ref())),
            state: status.and_then(|s| said(s.state.as_ref())),
            message: status.and_then(|s| said(s.message.as_ref())),
            addr: status.and_then(|s| said(s.addr.as_ref())),
            engine_version: engine.and_then(|e| e.engine_version.clone()),
            leader: manager.map(|m| m.leader == Some(true)),
            reachability: manager.and_then(|m| said(m.reachability.as_ref())),
        }
    }
}

impl SwarmService {
    fn of(service: Service, tasks: Vec<SwarmTask>) -> Self {
        let spec = service.spec.unwrap_or_default();
        let counted = service.service_status.as_ref();
        let update = service.update_status.as_ref();
        Self {
            id: service.id.unwrap_or_default(),
            name: spec.name.unwrap_or_default(),
            image: spec.task_template.as_ref().and_then(image),
            mode: spec.mode.as_ref().and_then(mode).map(str::to_owned),
            desired_tasks: counted.and_then(|c| c.desired_tasks),
            running_tasks: counted.and_then(|c| c.running_tasks),
            update_state: update.and_then(|u| said(u.state.as_ref())),
            update_message: update.and_then(|u| said(u.message.as_ref())),
            tasks,
            details: None,
        }
    }
}

impl SwarmTask {
    fn of(task: &Task, nodes: &BTreeMap<&str, &str>) -> Self {
        let none = TaskStatus::default();
        let status = task.status.as_ref().unwrap_or(&none);
        let container = status.container_status.as_ref();
        // The API has 0 where nothing has ended.
        let has_ended = matches!(
            status.state,
            Some(TaskState::COMPLETE | TaskState::FAILED | TaskState::SHUTDOWN | TaskState::REMOVE)
        );
        let node_id = said(task.node_id.as_ref());
        Self {
            id: task.id.clone().unwrap_or_default(),
            slot: task.slot.filter(|slot| *slot > 0),
            node: node_id.as_deref().and_then(|id| nodes.get(id)).map(|name| (*name).to_owned()),
            node_id,
            desired_state: said(task.desired_state.as_ref()),
            state: said(status.state.as_ref()),
            since: moment(status.timestamp.as_ref()),
            message: said(status.message.as_ref()),
            err: said(status.err.as_ref()),
            exit_code: container.and_then(|c| c.exit_code).filter(|_| has_ended),
            container_id: container.and_then(|c| said(c.container_id.as_ref())),
            image: task.spec.as_ref().and_then(image),
            created_at: moment(task.created_at.as_ref()),
        }
    }
}

fn image(spec: &TaskSpec) -> Option<String> {
    spec.container_spec.as_ref()?.image.clone()
}

fn mode(mode: &ServiceSpecMode) -> Option<&'static str> {
    let ServiceSpecMode { replicated, global, replicated_job, global_job } = mode;
    [
        (replicated.is_some(), "replicated"),
        (global.is_some(), "global"),
        (replicated_job.is_some(), "replicated-job"),
        (global_job.is_some(), "global-job"),
    ]
    .into_iter()
    .find_map(|(is, name)| is.then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As an engine of version 26.1.5 tells them.
    fn nodes() -> Vec<Node> {
        serde_json::from_value(json!([{
            "ID": "n1", "Version": {"Index": 9}, "CreatedAt": "2026-01-02T03:04:05.6Z",
            "UpdatedAt": "2026-01-02T03:04:05.6Z",
            "Spec": {"Labels": {}, "Role": "worker", "Availability": "drain"},
            "Description": {"Hostname": "worker-1", "Engine": {"EngineVersion": "26.1.5"}},
            "Status": {"State": "down", "Message": "heartbeat failure", "Addr": "10.200.0.51"}
        }, {
            "ID": "n0", "Spec": {"Labels": {}, "Role": "manager", "Availability": "active"},
            "Description": {"Hostname": "manager-1", "Engine": {"EngineVersion": "26.1.5"}},
            "Status": {"State": "ready", "Addr": "10.200.0.11"},
            "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "10.200.0.11:2377"}
        }]))
        .unwrap()
    }

    fn services() -> Vec<Service> {
        serde_json::from_value(json!([{
            "ID": "s1", "Version": {"Index": 12},
            "Spec": {"Name": "web", "Labels": {},
                "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1@sha256:ab"}, "ForceUpdate": 0},
                "Mode": {"Replicated": {"Replicas": 2}}},
            "Endpoint": {"Spec": {}},
            "ServiceStatus": {"RunningTasks": 1, "DesiredTasks": 2, "CompletedTasks": 0}
        }, {"ID": "s0", "Spec": {"Name": "agent", "Mode": {"Global": {}}}}]))
        .unwrap()
    }

    fn tasks() -> Vec<Task> {
        serde_json::from_value(json!([{
            "ID": "t1", "CreatedAt": "2026-01-02T03:04:05Z", "ServiceID": "s1", "Slot": 1, "NodeID": "n1",
            "Spec": {"ContainerSpec": {"Image": "nginx:1@sha256:ab"}},
            "Status": {"Timestamp": "2026-01-02T03:05:05.123456789Z", "State": "failed", "Message": "started",
                "Err": "task: non-zero exit (137)",
                "ContainerStatus": {"ContainerID": "c1", "PID": 0, "ExitCode": 137}, "PortStatus": {}},
            "DesiredState": "shutdown"
        }, {
            "ID": "t2", "CreatedAt": "2026-01-02T03:05:06Z", "ServiceID": "s1", "Slot": 1, "NodeID": "n0",
            "Status": {"Timestamp": "2026-01-02T03:05:07Z", "State": "running", "Message": "started",
                "ContainerStatus": {"ContainerID": "c2", "PID": 77, "ExitCode": 0}},
            "DesiredState": "running"
        }, {
            "ID": "t3", "CreatedAt": "2026-01-02T03:05:06Z", "ServiceID": "s1", "Slot": 2, "NodeID": "gone",
            "Status": {"Timestamp": "0001-01-01T00:00:00Z", "State": "pending", "Err": "no suitable node"},
            "DesiredState": "running"
        }]))
        .unwrap()
    }

    #[test]
    fn a_replaced_task_stays_behind_its_successor_with_its_cause() {
        let view = view(&nodes(), services(), &tasks(), vec![None, None]);
        let names: Vec<_> = view.services.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["agent", "web"]);
        let web = &view.services[1];
        assert_eq!((web.desired_tasks, web.running_tasks), (Some(2), Some(1)));
        assert_eq!(web.mode.as_deref(), Some("replicated"));
        let ids: Vec<_> = web.tasks.iter().map(|t| t.id.as_str()).collect();
        assert_eq!(ids, ["t2", "t1", "t3"]);
        let [successor, failed, waits] = &web.tasks[..] else { panic!("three tasks") };
        assert_eq!((failed.slot, failed.exit_code), (Some(1), Some(137)));
        assert_eq!(failed.err.as_deref(), Some("task: non-zero exit (137)"));
        assert_eq!(failed.node.as_deref(), Some("worker-1"));
        assert_eq!(failed.since.unwrap().to_string(), "2026-01-02T03:05:05.123456789Z");
        assert_eq!((successor.exit_code, successor.container_id.as_deref()), (None, Some("c2")));
        assert_eq!((waits.since, waits.node.as_deref()), (None, None));
        assert_eq!(waits.err.as_deref(), Some("no suitable node"));
    }

    #[test]
    fn a_service_that_nobody_counted_is_not_one_without_tasks() {
        let view = view(&nodes(), services(), &[], vec![None, None]);
        let agent = &view.services[0];
        assert_eq!((agent.desired_tasks, agent.running_tasks), (None, None));
        assert_eq!(serde_json::to_value(agent).unwrap()["runningTasks"], json!(null));
    }

    #[test]
    fn nodes_are_as_the_managers_see_them() {
        let view = view(&nodes(), Vec::new(), &[], Vec::new());
        let [manager, worker] = &view.nodes[..] else { panic!("two nodes") };
        assert_eq!((manager.leader, manager.state.as_deref()), (Some(true), Some("ready")));
        assert_eq!((worker.leader, worker.availability.as_deref()), (None, Some("drain")));
        assert_eq!(worker.message.as_deref(), Some("heartbeat failure"));
    }

    #[test]
    fn a_manager_that_hears_one_of_three_or_two_of_four_is_alone() {
        let hears = |reachable: usize, managers: usize| {
            let mut list = nodes();
            let manager = list.pop().unwrap();
            for number in 0..managers {
                let mut other = manager.clone();
                if number >= reachable {
                    other.manager_status.as_mut().unwrap().reachability =
                        Some(bollard::models::Reachability::UNREACHABLE);
                }
                list.push(other);
            }
            view(&list, Vec::new(), &[], Vec::new()).hears_majority()
        };
        assert!(hears(1, 1) && hears(2, 3) && hears(3, 4));
        assert!(!hears(1, 2) && !hears(1, 3) && !hears(2, 4));
    }

    #[test]
    fn what_runs_in_a_container_changes_nothing_of_it() {
        let event = |action: &str| EventMessage {
            action: Some(action.to_owned()),
            ..EventMessage::default()
        };
        assert!(["die", "start", "health_status: unhealthy"].iter().all(|a| matters(&event(a))));
        assert!(!["exec_create: sh", "exec_die"].iter().any(|a| matters(&event(a))));
    }
}
