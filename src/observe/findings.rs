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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn remarks(changes: &[(&str, Value)]) -> Vec<(Option<String>, String)> {
        let machine = |name: &str, role: &str| {
            json!({ "name": name, "role": role, "driver": "docker", "exists": true, "state": "running",
                "address": "10.200.0.11", "reachable": true, "error": null })
        };
        let machines = [machine("manager-1", "manager"), machine("worker-1", "worker")];
        let mut facts = json!({ "name": "practice", "orchestrator": "swarm", "findings": [],
            "machines": { "items": machines } });
        for (pointer, value) in changes {
            match facts.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => facts[pointer.trim_start_matches('/')] = value.clone(),
            }
        }
        let facts: Facts = serde_json::from_value(facts).unwrap();
        let told = of(&facts).into_iter();
        told.map(|remark| (remark.machine.map(|m| m.to_string()), remark.message)).collect()
    }

    #[test]
    fn nothing_is_said_of_what_is_well() {
        assert_eq!(remarks(&[]), []);
        let none = json!({ "items": [], "error": null });
        assert_eq!(remarks(&[("/services", none.clone()), ("/nodes", none)]), []);
    }

    #[test]
    fn what_cannot_be_known_is_said_and_not_taken_for_nothing() {
        let unknown = json!({ "items": null, "error": "no leader" });
        let said = remarks(&[("/services", unknown)]);
        assert_eq!(said, [(None, "the services cannot be known: no leader".to_owned())]);
    }

    #[test]
    fn a_service_that_lacks_tasks_names_the_newest_cause_and_its_machine() {
        let task = |id: &str, since: &str, err: &str, node: &str| json!({ "id": id, "node": node, "state": "failed", "since": since, "err": err });
        let services = json!({ "items": [{ "id": "s", "name": "web", "desiredTasks": 2,
            "runningTasks": 1, "tasks": [
                task("t1", "2026-01-02T03:04:05Z", "old", "manager-1"),
                task("t2", "2026-01-02T03:04:06Z", "task: non-zero exit (137)", "worker-1")
            ] }] });
        let wanted = "service `web` has 1 of 2 tasks running: task: non-zero exit (137)";
        let said = remarks(&[("/services", services)]);
        assert_eq!(said, [(Some("worker-1".to_owned()), wanted.to_owned())]);
    }

    #[test]
    fn a_crashing_pod_names_its_container_and_how_it_ended() {
        let pods = json!({ "items": [{ "namespace": "default", "name": "bad", "uid": "u",
            "phase": "Running", "ready": false, "nodeName": "worker-1", "containers": [{
                "name": "main", "image": "i", "init": false, "ready": false, "restartCount": 2,
                "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                "lastState": { "terminated": { "exitCode": 3, "reason": "Error" } } }] }] });
        let wanted = "pod `default/bad` is not ready: container `main` waits, CrashLoopBackOff after 2 \
                      restarts, the last time by Error, exit code 3";
        let said = remarks(&[("/pods", pods)]);
        assert_eq!(said, [(Some("worker-1".to_owned()), wanted.to_owned())]);
    }

    #[test]
    fn a_machine_that_is_off_or_silent_is_named_once() {
        let off = remarks(&[
            ("/machines/items/1/state", json!("stopped")),
            ("/machines/items/1/error", json!("stopped")),
        ]);
        let is = |text: &str| [(Some("worker-1".to_owned()), text.to_owned())];
        assert_eq!(off, is("machine `worker-1` is stopped"));
        let engine = json!({ "error": "no answer" });
        let mut silent = json!({ "name": "worker-1", "role": "worker", "driver": "docker",
            "exists": true, "state": "running", "address": "10.200.0.51", "reachable": true });
        silent["engine"] = engine;
        let silent = remarks(&[("/machines/items/1", silent)]);
        assert_eq!(silent, is("the engine of `worker-1` does not answer: no answer"));
    }
}
