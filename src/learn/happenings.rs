//! What has happened between two looks at a cluster, for those who watch it.

use std::collections::BTreeMap;

use crate::model::MachineState;
use crate::observe::{Facts, MachineFacts, NodeFacts, Part};
use crate::remote::{ContainerFact, PodStatus, SwarmTask};

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// On which machine; empty if on none.
    pub place: String,
    /// What: `web.2 failed: task: non-zero exit (137)`.
    pub words: String,
}

/// All that is otherwise than before, in an order that stays the same.
pub fn happenings(before: &Facts, now: &Facts) -> Vec<Happening> {
    let mut all = Vec::new();
    machines(&before.machines, &now.machines, &mut all);
    if let (Some(before), Some(now)) = (&before.nodes, &now.nodes) {
        nodes(before, now, &mut all);
    }
    if before.leader != now.leader
        && let Some(leader) = &now.leader
    {
        all.push(Happening { place: leader.clone(), words: "leads the swarm".to_owned() });
    }
    if now.services.as_ref().is_some_and(|part| part.items.is_some()) {
        tasks(before, now, &mut all);
    }
    for machine in now.machines.iter() {
        let before = before.machines.iter().find(|it| it.name == machine.name);
        if let Some(before) = before.and_then(|it| it.containers.as_ref())
            && let Some(now) = &machine.containers
        {
            containers(&machine.name.to_string(), before, now, &mut all);
        }
    }
    if let (Some(before), Some(now)) = (&before.pods, &now.pods) {
        pods(before, now, &mut all);
    }
    all
}

/// What a person calls a container: that of a task as its task.
fn container_name(container: &ContainerFact) -> &str {
    let task = container.task_id.as_ref();
    let short = task.and_then(|task| container.name.strip_suffix(task.as_str())?.strip_suffix('.'));
    short.unwrap_or(&container.name)
}

fn machines(before: &Part<MachineFacts>, now: &Part<MachineFacts>, all: &mut Vec<Happening>) {
    let states: BTreeMap<_, _> = before.iter().map(|it| (it.name, it.state)).collect();
    for machine in now.iter() {
        let Some(state) = states.get(&machine.name) else { continue };
        if *state == machine.state || now.error.is_some() {
            continue;
        }
        let words = match machine.state {
            Some(MachineState::Running) => "is on",
            Some(_) => "is off",
            None => "is gone",
        };
        all.push(Happening { place: machine.name.to_string(), words: words.to_owned() });
    }
}

fn nodes(before: &Part<NodeFacts>, now: &Part<NodeFacts>, all: &mut Vec<Happening>) {
    let known: BTreeMap<_, _> = before.iter().map(|node| (&node.name, node)).collect();
    for node in now.iter() {
        let Some(before) = known.get(&node.name) else { continue };
        let mut say = |words: String| all.push(Happening { place: node.name.clone(), words });
        if before.ready != node.ready {
            match node.ready {
                Some(true) => say("node is ready".to_owned()),
                Some(false) => say("node is down".to_owned()),
                None => {}
            }
        }
        if before.availability != node.availability
            && let Some(availability) = &node.availability
        {
            say(format!("node is {availability}"));
        }
    }
}

fn tasks(before: &Facts, now: &Facts, all: &mut Vec<Happening>) {
    let of = |facts: &Facts| -> BTreeMap<String, (String, SwarmTask)> {
        let services = facts.services.iter().flat_map(Part::iter);
        let tasks = services.flat_map(|service| {
            let tasks = service.tasks.iter();
            tasks.map(|task| (task.id.clone(), (task.name(&service.name), task.clone())))
        });
        tasks.collect()
    };
    let known = of(before);
    let mut changed: Vec<_> = of(now)
        .into_iter()
        .filter(|(id, (_, task))| {
            known.get(id).is_none_or(|(_, before)| before.state != task.state)
        })
        .map(|(_, named)| named)
        .collect();
    changed.sort_by(|(one, a), (other, b)| (a.since, one).cmp(&(b.since, other)));
    for (name, task) in changed {
        let state = task.state.as_deref().unwrap_or("unknown");
        let why = match (&task.err, task.exit_code) {
            (Some(err), _) if !err.is_empty() => format!(": {err}"),
            (_, Some(code)) if code != 0 => format!(": exit code {code}"),
            _ => String::new(),
        };
        let place = task.node.clone().unwrap_or_default();
        all.push(Happening { place, words: format!("{name} {state}{why}") });
    }
}

fn containers(
    place: &str,
    before: &Part<ContainerFact>,
    now: &Part<ContainerFact>,
    all: &mut Vec<Happening>,
) {
    if before.items.is_none() || now.items.is_none() {
        return;
    }
    let find =
        |part: &'_ Part<ContainerFact>, id: &str| part.iter().find(|it| it.id == id).cloned();
    let mut say = |container: &ContainerFact, what: &str| {
        let words = format!("{} {what}", container_name(container));
        all.push(Happening { place: place.to_owned(), words });
    };
    let health = |container: &ContainerFact| {
        container.health.as_ref().and_then(|health| health.status.clone())
    };
    for container in now.iter() {
        let before = find(before, &container.id);
        let state = before.as_ref().and_then(|it| it.state.as_deref());
        // What runs for a service is told by its tasks.
        if container.service.is_none() && container.state.as_deref() != state {
            match (container.state.as_deref(), container.exit_code) {
                (Some(state @ "exited"), Some(code)) => {
                    say(container, &format!("{state}: exit code {code}"));
                }
                (Some(state), _) => say(container, state),
                (None, _) => {}
            }
        }
        if let Some(status) = health(container)
            && before.is_some_and(|before| health(&before).is_some_and(|was| was != status))
        {
            say(container, &format!("is {status}"));
        }
    }
    for container in before.iter().filter(|it| it.service.is_none()) {
        if find(now, &container.id).is_none() {
            say(container, "is gone");
        }
    }
}

fn pods(before: &Part<PodStatus>, now: &Part<PodStatus>, all: &mut Vec<Happening>) {
    let is_theirs = |pod: &&PodStatus| !pod.namespace.starts_with("kube-");
    let known: BTreeMap<_, _> = before.iter().map(|pod| (&pod.uid, pod)).collect();
    for pod in now.iter().filter(is_theirs) {
        let place = pod.node_name.clone().unwrap_or_default();
        let mut say = |what: &str| {
            let words = format!("{} {what}", pod.name);
            all.push(Happening { place: place.clone(), words });
        };
        let Some(before) = known.get(&pod.uid) else {
            say("is made");
            continue;
        };
        if before.deletion_timestamp.is_none() && pod.deletion_timestamp.is_some() {
            say("is told to go");
        }
        let (was, is) = (restarts(before), restarts(pod));
        if is > was {
            say(&format!("is restarted (restart {is})"));
        }
        if before.ready != pod.ready {
            match pod.ready {
                Some(true) => say("is ready"),
                Some(false) => say("is not ready"),
                None => {}
            }
        } else if before.phase != pod.phase
            && let Some(phase) = &pod.phase
        {
            say(&phase.to_lowercase());
        }
    }
    for pod in before.iter().filter(is_theirs) {
        if now.items.is_some() && now.iter().all(|it| it.uid != pod.uid) {
            let place = pod.node_name.clone().unwrap_or_default();
            all.push(Happening { place, words: format!("{} is gone", pod.name) });
        }
    }
}

fn restarts(pod: &PodStatus) -> i32 {
    pod.containers.iter().flatten().map(|container| container.restart_count).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn facts(containers: &Value) -> Facts {
        let machine = json!({"name": "machine-1", "role": "machine", "driver": "docker", "exists": true,
            "state": "running", "address": "10.0.0.2", "reachable": true, "error": null,
            "containers": {"items": containers, "error": null}});
        serde_json::from_value(
            json!({"name": "practice", "orchestrator": "engines", "leader": null,
            "majority": null, "machines": {"items": [machine], "error": null}, "findings": []}),
        )
        .unwrap()
    }

    fn container(name: &str, task: Option<&str>, state: &str, health: Option<&str>) -> Value {
        json!({"id": name, "name": name, "image": "dojo/lab:1", "service": task.map(|_| "web"), "taskID": task,
            "state": state, "exitCode": if state == "exited" { 137 } else { 0 },
            "health": health.map(|status| json!({"status": status, "failingStreak": 0, "log": []}))})
    }

    fn told(before: &[Value], now: &[Value]) -> Vec<String> {
        let all = happenings(&facts(&json!(before)), &facts(&json!(now)));
        all.into_iter().map(|it| format!("{}: {}", it.place, it.words)).collect()
    }

    #[test]
    fn containers_come_fall_ill_end_and_go() {
        let web = |state, health| container("web", None, state, health);
        assert_eq!(told(&[], &[web("running", None)]), ["machine-1: web running"]);
        let (well, ill) = (web("running", Some("healthy")), web("running", Some("unhealthy")));
        assert_eq!(told(std::slice::from_ref(&well), &[ill]), ["machine-1: web is unhealthy"]);
        assert_eq!(
            told(std::slice::from_ref(&well), &[web("exited", None)]),
            ["machine-1: web exited: exit code 137"]
        );
        assert_eq!(told(std::slice::from_ref(&well), &[]), ["machine-1: web is gone"]);
        let same = [well];
        assert_eq!(told(&same, &same), [""; 0]);
    }

    #[test]
    fn of_containers_of_services_only_their_health_is_told() {
        let task = |state, health| container("web.1.t1", Some("t1"), state, health);
        let before = [task("running", Some("healthy"))];
        assert_eq!(
            told(&before, &[task("running", Some("unhealthy"))]),
            ["machine-1: web.1 is unhealthy"]
        );
        assert_eq!(told(&before, &[]), [""; 0]);
    }
}
