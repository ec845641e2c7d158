//! What is not as it should be, said in sentences. Nothing is asked here: it is all in the facts.

use crate::model::MachineName;
use crate::remote::{ContainerState, PodContainer, PodStatus, SwarmService};

use super::facts::{Facts, MachineFacts, NodeFacts, Part, Remark};

/// All that is to be said of a cluster.
pub(super) fn of(facts: &Facts) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if let Some(majority) = facts.majority.filter(|majority| !majority.holds) {
        let (on, of, role) = (majority.on, majority.of, majority.role);
        let message = format!("{on} of {of} machines of role {role} are no majority");
        remarks.push(Remark { machine: None, message });
    }
    let mut unknown = |what: &str, error: Option<&String>| {
        let Some(error) = error else { return };
        let message = format!("the {what} cannot be known: {error}");
        remarks.push(Remark { machine: None, message });
    };
    unknown("machines", facts.machines.error.as_ref());
    unknown("nodes", error(facts.nodes.as_ref()));
    unknown("services", error(facts.services.as_ref()));
    unknown("workloads", error(facts.workloads.as_ref()));
    unknown("pods", error(facts.pods.as_ref()));
    remarks.extend(facts.machines.iter().filter_map(of_machine));
    let nodes = facts.nodes.iter().flat_map(Part::iter).filter_map(of_node);
    let services = facts.services.iter().flat_map(Part::iter).filter_map(of_service);
    let pods = facts.pods.iter().flat_map(Part::iter).filter_map(of_pod);
    remarks.extend(nodes.chain(services).chain(pods));
    remarks
}

fn error<T>(part: Option<&Part<T>>) -> Option<&String> {
    part.and_then(|part| part.error.as_ref())
}

fn of_machine(machine: &MachineFacts) -> Option<Remark> {
    let engine = machine.engine.as_ref().and_then(|engine| engine.error.as_ref());
    let api = machine.api.as_ref().and_then(|api| api.error.as_ref());
    let message = match (&machine.error, engine, api) {
        (Some(error), _, _) if machine.exists != Some(true) => {
            format!("machine `{}` is not there: {error}", machine.name)
        }
        (Some(_), _, _) if !machine.is_on() => {
            let state = machine.state.map(|state| state.to_string()).unwrap_or_default();
            format!("machine `{}` is {state}", machine.name)
        }
        (Some(error), _, _) => format!("machine `{}` cannot be reached: {error}", machine.name),
        (None, Some(error), _) => {
            format!("the engine of `{}` does not answer: {error}", machine.name)
        }
        (None, None, Some(error)) => {
            format!("the Kubernetes API does not answer on `{}`: {error}", machine.name)
        }
        (None, None, None) => return None,
    };
    Some(Remark { machine: Some(machine.name), message })
}

fn of_node(node: &NodeFacts) -> Option<Remark> {
    let why = node.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let message = match (node.ready, node.availability.as_deref()) {
        (Some(false), _) => format!("node `{}` is not ready{why}", node.name),
        (_, Some(availability)) if availability != "active" => {
            format!("node `{}` gets no new work: its availability is {availability}", node.name)
        }
        _ => return None,
    };
    Some(Remark { machine: machine(Some(&node.name)), message })
}

fn of_service(service: &SwarmService) -> Option<Remark> {
    let (desired, running) = (service.desired_tasks?, service.running_tasks?);
    if running >= desired {
        return None;
    }
    // The newest one that says what is wrong.
    let failed = service.tasks.iter().filter(|task| task.err.is_some());
    let failed = failed.max_by_key(|task| task.since);
    let why = failed.and_then(|task| task.err.as_ref()).map(|err| format!(": {err}"));
    let name = &service.name;
    let why = why.unwrap_or_default();
    let message = format!("service `{name}` has {running} of {desired} tasks running{why}");
    Some(Remark { machine: machine(failed.and_then(|task| task.node.as_ref())), message })
}

fn of_pod(pod: &PodStatus) -> Option<Remark> {
    let finished = pod.phase.as_deref() == Some("Succeeded");
    if pod.ready == Some(true) || finished || pod.deletion_timestamp.is_some() {
        return None;
    }
    let containers = || pod.containers.iter().flatten();
    let why = containers().find_map(of_container);
    let why = why.or_else(|| pod.message.clone()).or_else(|| pod.reason.clone());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let message = format!("pod `{}/{}` is not ready{why}", pod.namespace, pod.name);
    Some(Remark { machine: machine(pod.node_name.as_ref()), message })
}

fn of_container(container: &PodContainer) -> Option<String> {
    let name = &container.name;
    let ended = |state: &ContainerState| match state {
        ContainerState::Terminated { exit_code, reason, .. } if *exit_code != 0 => {
            let reason = reason.as_deref().unwrap_or("an error");
            Some(format!("{reason}, exit code {exit_code}"))
        }
        _ => None,
    };
    let last = container.last_state.as_ref().and_then(ended);
    match container.state.as_ref()? {
        ContainerState::Waiting { reason: Some(reason), .. } => {
            let last = last.map(|last| {
                let times = container.restart_count;
                format!(" after {times} restarts, the last time by {last}")
            });
            Some(format!("container `{name}` waits, {reason}{}", last.unwrap_or_default()))
        }
        state => ended(state).map(|ended| format!("container `{name}` has ended with {ended}")),
    }
}

fn machine(node: Option<&String>) -> Option<MachineName> {
    node.and_then(|name| name.parse().ok())
}
