//! What has happened between two looks at a cluster, for those who watch it.

use std::collections::BTreeMap;

use crate::model::MachineState;
use crate::observe::{Facts, MachineFacts, NodeFacts, Part};
use crate::remote::{PodStatus, SwarmTask};

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
    if let (Some(before), Some(now)) = (&before.pods, &now.pods) {
        pods(before, now, &mut all);
    }
    all
}

/// What a person calls a task: `web.2`.
pub fn task_name(service: &str, task: &SwarmTask) -> String {
    match (task.slot, &task.node) {
        (Some(slot), _) => format!("{service}.{slot}"),
        (None, Some(node)) => format!("{service}.{node}"),
        (None, None) => service.to_owned(),
    }
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
            tasks.map(|task| (task.id.clone(), (task_name(&service.name, task), task.clone())))
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
