//! Containers that somebody has started on an engine, and that no swarm takes care of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::remote::ContainerFact;

use super::happening::{Happening, What};
use super::look::Look;
use super::machines::{Because, Troubles};
use super::tasks::OUT_OF_MEMORY;

/// How long to wait whether an engine starts it again, or somebody removes it.
const PATIENCE: SignedDuration = SignedDuration::from_millis(1500);

/// The statuses of what ends because it is told to: well, or by the signal that asks it to end.
const TOLD_TO: [i64; 2] = [0, 143];

/// What is known of containers, by machine and id.
#[derive(Debug, Default)]
pub(super) struct Containers {
    known: BTreeMap<(String, String), Known>,
    /// The machines whose containers were seen.
    seen: BTreeSet<String>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    runs: bool,
    restarts: i64,
    is_ill: bool,
    /// When it ended, with what, and whether that was asked for, until that is told.
    ended: Option<(Timestamp, Option<i64>, bool)>,
}

impl Containers {
    pub(super) fn look(&mut self, look: Look<'_>, troubles: &Troubles) -> Vec<Happening> {
        let mut all = Vec::new();
        for machine in look.facts.machines.iter() {
            let Some(items) = machine.containers.as_ref().and_then(|it| it.items.as_ref()) else {
                continue;
            };
            let name = machine.name.to_string();
            let is_new = self.seen.insert(name.clone());
            let because = troubles.because(Some(&name), look.at);
            for container in items.iter().filter(|it| it.service.is_none()) {
                let key = (name.clone(), container.id.clone());
                let is_known = self.known.contains_key(&key);
                let known = self.known.entry(key).or_default();
                let found = known.look(container, look, is_known);
                if is_new || because == Because::Asked {
                    continue;
                }
                all.extend(found.into_iter().map(|happening| Happening {
                    machine: Some(name.clone()),
                    message: format!("{} on {name}", happening.message),
                    follows: because == Because::OfMachine,
                    ..happening
                }));
            }
            // What somebody has removed is nothing to be told.
            self.known.retain(|(at, id), _| *at != name || items.iter().any(|it| it.id == *id));
        }
        all
    }
}

impl Known {
    fn look(&mut self, now: &ContainerFact, look: Look<'_>, is_known: bool) -> Vec<Happening> {
        let mut all = Vec::new();
        let subject = now.name.as_str();
        let runs = matches!(now.state.as_deref(), Some("running" | "paused"));
        if self.runs && !runs {
            self.ended = Some((look.at, now.exit_code, look.asked));
        }
        self.runs = runs;
        let restarts = now.restart_count.unwrap_or(0);
        // A person who starts it begins to count anew.
        if is_known && restarts > self.restarts {
            let code = self.ended.take().and_then(|(_, code, _)| code);
            let words = code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
            let words = format!("ended and was restarted{words}");
            let happening = look.happening(What::Restarted, subject, words);
            all.push(Happening { cause: Some(cause(now, code)), ..happening });
        }
        self.restarts = restarts;
        if runs {
            self.ended = None;
        }
        if let Some((since, code, asked)) = self.ended
            && look.at.duration_since(since) >= PATIENCE
        {
            self.ended = None;
            let ran_out = now.oom_killed == Some(true);
            if !asked && (ran_out || code.is_some_and(|code| !TOLD_TO.contains(&code))) {
                let cause = cause(now, code);
                let how = match cause {
                    OUT_OF_MEMORY => "ran out of memory",
                    "killed" => "was killed",
                    _ => "ended by itself",
                };
                let code = code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
                let happening = look.happening(What::Ended, subject, format!("{how}{code}"));
                all.push(Happening { cause: Some(cause), ..happening });
            }
        }
        let is_ill = runs && status(now) == Some("unhealthy");
        if is_ill && !self.is_ill && is_known {
            let happening = look.happening(What::Unhealthy, subject, "is unhealthy");
            all.push(Happening { cause: Some("unhealthy"), ..happening });
        }
        self.is_ill = is_ill;
        if look.asked { Vec::new() } else { all }
    }
}

fn status(container: &ContainerFact) -> Option<&str> {
    container.health.as_ref()?.status.as_deref()
}

fn cause(container: &ContainerFact, code: Option<i64>) -> &'static str {
    match code {
        _ if container.oom_killed == Some(true) => OUT_OF_MEMORY,
        Some(137) => "killed",
        _ => "exited",
    }
}
