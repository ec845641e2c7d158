//! Machines that go down, and come up again. All that is wrong with one at the same time is one trouble, of which the first is
//! told, and the rest follows from it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::observe::{Facts, MachineFacts, NodeFacts, Part};

use super::happening::{Happening, What};
use super::look::Look;

/// How long a machine has to keep silent until that is told: a busy one is slow to answer.
const SILENT: SignedDuration = SignedDuration::from_secs(8);
/// How long after a machine has come up again things may still end because it was down.
const AFTERMATH: SignedDuration = SignedDuration::from_secs(60);

/// Something that is wrong with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Symptom {
    Gone,
    Off,
    NodeDown,
    Unreachable,
    EngineSilent,
    ApiSilent,
}

impl Symptom {
    /// Why a machine counts as down, in a word.
    fn cause(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Off => "off",
            Self::NodeDown => "node-down",
            Self::Unreachable => "unreachable",
            Self::EngineSilent => "engine-silent",
            Self::ApiSilent => "api-silent",
        }
    }

    /// How long it has to be so until it is told.
    fn patience(self) -> SignedDuration {
        match self {
            Self::Gone | Self::Off | Self::NodeDown => SignedDuration::ZERO,
            Self::Unreachable | Self::EngineSilent | Self::ApiSilent => SILENT,
        }
    }
}

/// All that is wrong with one machine.
#[derive(Debug)]
struct Trouble {
    since: Timestamp,
    /// It began when it was asked for.
    asked: bool,
    /// Whether any of it was told to somebody: what was so at the first look was not.
    aloud: bool,
    /// What is wrong, since when, and whether it was told.
    symptoms: BTreeMap<Symptom, (Timestamp, bool)>,
}

/// What machines are down, or were a moment ago.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    troubled: BTreeMap<String, Trouble>,
    /// Until when things may end that were on a machine that is up again, and whether it was asked for.
    aftermath: BTreeMap<String, (Timestamp, bool)>,
}

/// How something that ends on a machine is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// Its machine is well.
    OfItself,
    /// Its machine is down, which was told.
    OfMachine,
    /// Its machine is down, which was asked for.
    Asked,
}

impl Troubles {
    /// What is told of what ends on a machine.
    pub(super) fn because(&self, machine: Option<&str>, at: Timestamp) -> Because {
        let Some(machine) = machine else { return Because::OfItself };
        let now = self.troubled.get(machine).filter(|it| it.is_down()).map(|it| it.asked);
        let before = self.aftermath.get(machine).filter(|(until, _)| at <= *until);
        match now.or(before.map(|(_, asked)| *asked)) {
            None => Because::OfItself,
            Some(false) => Because::OfMachine,
            Some(true) => Because::Asked,
        }
    }

    pub(super) fn look(&mut self, look: Look<'_>) -> Vec<Happening> {
        let mut all = Vec::new();
        let Some(machines) = &look.facts.machines.items else { return all };
        self.troubled.retain(|name, _| machines.iter().any(|it| it.name.to_string() == *name));
        self.aftermath.retain(|_, (until, _)| look.at <= *until);
        for machine in machines {
            let name = machine.name.to_string();
            let before = self.troubled.get(&name);
            let was_down = before.is_some_and(|it| it.symptoms.contains_key(&Symptom::NodeDown));
            let found = symptoms(machine, look.facts, was_down);
            if found.is_empty() {
                self.is_well(&name, look, &mut all);
            } else {
                self.is_ill(&name, found, look, &mut all);
            }
        }
        all
    }

    fn is_ill(
        &mut self,
        name: &str,
        found: Vec<(Symptom, String)>,
        look: Look<'_>,
        all: &mut Vec<Happening>,
    ) {
        let begun =
            || Trouble { since: look.at, asked: false, aloud: false, symptoms: BTreeMap::new() };
        let trouble = self.troubled.entry(name.to_owned()).or_insert_with(begun);
        let is_new = found.iter().any(|(symptom, _)| !trouble.symptoms.contains_key(symptom));
        // What was not told yet may have been asked for all the same: it is known a moment later. How a machine was at the first
        // look nobody has asked for.
        let may_be_asked = !look.is_first && !trouble.aloud && (is_new || !trouble.is_down());
        trouble.asked |= look.asked && may_be_asked;
        trouble.symptoms.retain(|it, (_, told)| *told || found.iter().any(|(now, _)| now == it));
        for (symptom, words) in found {
            let (since, told) = *trouble.symptoms.entry(symptom).or_insert((look.at, false));
            let is_due = look.is_first || look.at.duration_since(since) >= symptom.patience();
            if told || !is_due {
                continue;
            }
            trouble.symptoms.insert(symptom, (since, true));
            if !look.is_first && !look.asked && !trouble.asked {
                all.push(Happening {
                    machine: Some(name.to_owned()),
                    cause: Some(symptom.cause()),
                    follows: std::mem::replace(&mut trouble.aloud, true),
                    ..look.happening(What::Down, name, words)
                });
            }
        }
    }

    fn is_well(&mut self, name: &str, look: Look<'_>, all: &mut Vec<Happening>) {
        let Some(trouble) = self.troubled.remove(name) else { return };
        if !trouble.is_down() {
            return;
        }
        let until = look.at.saturating_add(AFTERMATH).unwrap_or(Timestamp::MAX);
        self.aftermath.insert(name.to_owned(), (until, trouble.asked));
        if !trouble.asked {
            let after = look.at.duration_since(trouble.since).as_secs();
            all.push(Happening {
                machine: Some(name.to_owned()),
                ..look.happening(What::Up, name, format!("is up again after {}", length(after)))
            });
        }
    }
}

impl Trouble {
    /// Whether it was told, or would have been.
    fn is_down(&self) -> bool {
        self.symptoms.values().any(|(_, told)| *told)
    }
}

/// Seconds as a person says them.
fn length(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// What is wrong with a machine, and what is said of it. A node that was down is so until somebody says otherwise.
fn symptoms(machine: &MachineFacts, facts: &Facts, was_down: bool) -> Vec<(Symptom, String)> {
    let mut found = Vec::new();
    let why = |error: &Option<String>, known: &str| match error {
        Some(error) if error != known => format!(": {error}"),
        _ => String::new(),
    };
    let engine = machine.engine.as_ref().and_then(|engine| engine.error.as_ref());
    let api = machine.api.as_ref().and_then(|api| api.error.as_ref());
    match (machine.exists, machine.state) {
        (Some(false), _) => {
            found.push((Symptom::Gone, format!("is gone{}", why(&machine.error, "gone"))));
        }
        // Nobody knows.
        (None, _) => {}
        (_, Some(state)) if !machine.is_on() => found.push((Symptom::Off, format!("is {state}"))),
        _ => {
            if machine.reachable == Some(false) {
                found.push((
                    Symptom::Unreachable,
                    format!("cannot be reached{}", why(&machine.error, "")),
                ));
            }
            if let Some(error) = engine {
                let words = format!("has an engine that does not answer: {error}");
                found.push((Symptom::EngineSilent, words));
            }
            if let Some(error) = api {
                let words = format!("has a Kubernetes API that does not answer: {error}");
                found.push((Symptom::ApiSilent, words));
            }
        }
    }
    let name = machine.name.to_string();
    let nodes = facts.nodes.as_ref().and_then(|part: &Part<NodeFacts>| part.items.as_ref());
    let mut its = nodes.into_iter().flatten().filter(|node| node.name == name).peekable();
    let is_known = its.peek().is_some();
    // One that has come again under its name leaves the one before it behind, which is down for ever.
    // A swarm with a new leader knows of no node how it is, for a moment.
    let is_known = is_known && !its.clone().any(is_unknown);
    let is_down = if is_known { its.clone().all(|it| it.ready == Some(false)) } else { was_down };
    if is_down {
        let reason = its.next().and_then(|node| node.reason.as_ref());
        let reason = reason.map(|why| format!(" ({why})")).unwrap_or_default();
        found.push((Symptom::NodeDown, format!("is a node that is down{reason}")));
    }
    found
}

/// Whether whoever leads has not heard of a node yet.
fn is_unknown(node: &NodeFacts) -> bool {
    let reason = node.reason.as_deref().unwrap_or_default();
    node.ready == Some(false) && (reason == "unknown" || reason.starts_with("unknown: "))
}
