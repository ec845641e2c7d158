//! How it stands with a lesson, as its screen shows it.

use crate::learn::Session;
use crate::lesson::{Outcome, Reason, Told, Verdict, label, sentence};
use crate::model::Language;
use crate::observe::{Facts, MachineFacts, Part};
use crate::remote::{ContainerFact, PodStatus, SwarmTask};
use crate::report::screen::{Health, Line, Machine, Prediction, Sign, Tile, Truth, View};

use super::tell::{chosen, shown};

/// All that is known of a lesson.
pub(in crate::cli) fn of(
    session: &Session,
    verdict: Option<&Verdict>,
    facts: Option<&Facts>,
) -> View {
    let text = session.step_text();
    let language = session.attempt.language;
    let step = &session.attempt.step;
    let mut view = View {
        lesson: session.lesson.id.clone(),
        title: session.title().to_owned(),
        step: session.number() + 1,
        of: session.lesson.steps.len(),
        step_title: step.id.clone(),
        goal: text.goal.clone(),
        hints: session.hint_counts(),
        can_next: step.passed,
        files: session.attempt.directory.as_deref().map(shown),
        language,
        ..View::default()
    };
    if let Some(verdict) = verdict {
        let deciding = verdict.told.deciding();
        add(&verdict.told, 0, deciding, language, &mut view.conditions);
        view.look = deciding.look.clone().filter(|_| verdict.verdict != Outcome::Passed);
        view.prediction = verdict.prediction.as_ref().map(|prediction| Prediction {
            said: chosen(&text, &prediction.said),
            truth: step.passed.then(|| Truth {
                words: chosen(&text, &prediction.truth),
                right: prediction.right,
            }),
        });
    }
    view.machines = facts.map(machines).unwrap_or_default();
    view
}

fn add(told: &Told, depth: usize, deciding: &Told, language: Language, lines: &mut Vec<Line>) {
    // That all of them are wanted is how lists are read.
    if told.condition == "all" {
        for part in &told.parts {
            add(part, depth, deciding, language, lines);
        }
        return;
    }
    let is_deciding = std::ptr::eq(told, deciding) && !told.is_passed();
    lines.push(Line {
        sign: sign(told),
        words: label(told, language),
        seen: is_deciding.then(|| sentence(told, language)).flatten(),
        depth,
    });
    for part in &told.parts {
        add(part, depth + 1, deciding, language, lines);
    }
}

/// How a condition stands.
pub(super) fn sign(told: &Told) -> Sign {
    match (told.outcome, told.reason) {
        (Outcome::Passed, _) => Sign::Passed,
        (Outcome::NotYet, Some(Reason::Waits)) => Sign::Waiting,
        (Outcome::NotYet, _) => Sign::NotYet,
        (Outcome::Lost, _) => Sign::Lost,
        (Outcome::CannotTell, _) => Sign::CannotTell,
    }
}

fn machines(facts: &Facts) -> Vec<Machine> {
    let tiles = |machine: &MachineFacts| {
        let name = machine.name.to_string();
        let mut tiles = Vec::new();
        for service in facts.services.iter().flat_map(Part::iter) {
            let tasks = service.tasks.iter();
            let here = tasks.filter(|task| task.node.as_deref() == Some(&name));
            tiles.extend(here.filter_map(|task| {
                Some(Tile { label: task.name(&service.name), health: of_task(task)? })
            }));
        }
        for container in machine.containers.iter().flat_map(Part::iter) {
            if container.service.is_none() {
                let (label, health) = (container.name.clone(), of_container(container));
                tiles.push(Tile { label, health });
            }
        }
        for pod in facts.pods.iter().flat_map(Part::iter) {
            let is_here = pod.node_name.as_deref() == Some(&name);
            if is_here && !pod.namespace.starts_with("kube-") {
                tiles.push(Tile { label: pod.name.clone(), health: of_pod(pod) });
            }
        }
        tiles.sort_by(|one, other| one.label.cmp(&other.label));
        tiles
    };
    let machine = |machine: &MachineFacts| Machine {
        name: machine.name.to_string(),
        health: of_machine(machine, facts),
        tiles: tiles(machine),
    };
    facts.machines.iter().map(machine).collect()
}

fn of_machine(machine: &MachineFacts, facts: &Facts) -> Health {
    if machine.exists.is_none() {
        return Health::Unknown;
    }
    if !machine.is_on() {
        return Health::Off;
    }
    if machine.engine.as_ref().is_some_and(|engine| engine.error.is_some()) {
        return Health::Bad;
    }
    let name = machine.name.to_string();
    let mut nodes = facts.nodes.iter().flat_map(Part::iter);
    match nodes.find(|node| node.name == name).and_then(|node| node.ready) {
        Some(false) => Health::Bad,
        None if machine.reachable == Some(false) => Health::Bad,
        Some(true) | None => Health::Good,
    }
}

/// How a task is; nothing, if it is history.
fn of_task(task: &SwarmTask) -> Option<Health> {
    let is_wanted = task.desired_state.as_deref() == Some("running");
    match task.state.as_deref() {
        Some("running") if is_wanted => Some(Health::Good),
        Some("failed" | "rejected") if is_wanted => Some(Health::Bad),
        Some("running") => Some(Health::Changing),
        Some("shutdown" | "failed" | "rejected" | "complete" | "remove" | "orphaned") => None,
        Some(_) if is_wanted || task.desired_state.as_deref() == Some("ready") => {
            Some(Health::Changing)
        }
        _ => None,
    }
}

fn of_container(container: &ContainerFact) -> Health {
    let health = container.health.as_ref().and_then(|health| health.status.as_deref());
    match (container.state.as_deref(), health) {
        (Some("running"), Some("unhealthy")) | (Some("dead"), _) => Health::Bad,
        (Some("running"), Some("starting")) | (Some("restarting"), _) => Health::Changing,
        (Some("running"), _) => Health::Good,
        (Some(_), _) => Health::Off,
        (None, _) => Health::Unknown,
    }
}

fn of_pod(pod: &PodStatus) -> Health {
    match (pod.deletion_timestamp, pod.ready, pod.phase.as_deref()) {
        (Some(_), ..) => Health::Changing,
        (_, _, Some("Succeeded")) => Health::Off,
        (_, _, Some("Failed")) => Health::Bad,
        (_, Some(true), _) => Health::Good,
        (_, _, Some("Pending")) => Health::Changing,
        (_, _, Some("Running")) => Health::Bad,
        _ => Health::Unknown,
    }
}
