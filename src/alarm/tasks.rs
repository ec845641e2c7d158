//! Tasks of a swarm that end by themselves, or by what happens to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::observe::{Cause, by_place, ill_tasks};
use crate::remote::{SwarmService, SwarmTask};

use super::happening::{Happening, What};
use super::look::Look;
use super::machines::{Because, Troubles};

/// How long to wait for what engines say of why a task ended, and for what comes in its place.
const PATIENCE: SignedDuration = SignedDuration::from_millis(1500);
/// What has done its work is left alone, unless its swarm begins it again within this time.
const AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// What has become of tasks.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Whether services were seen before: nobody may have told of them at the first look.
    has_begun: bool,
    ill: BTreeSet<String>,
    /// Those whose end was told, or is nothing to be told.
    over: BTreeSet<String>,
    /// Those that have ended a moment ago: when, and whether that was asked for.
    waiting: BTreeMap<String, (Timestamp, bool)>,
}

impl Tasks {
    pub(super) fn look(&mut self, look: Look<'_>, troubles: &Troubles) -> Vec<Happening> {
        let mut all = Vec::new();
        self.ill.extend(ill_tasks(look.facts).map(str::to_owned));
        let Some(services) = look.facts.services.as_ref().and_then(|it| it.items.as_ref()) else {
            return all;
        };
        let look = Look { is_first: !self.has_begun, ..look };
        self.has_begun = true;
        for service in services {
            for tasks in by_place(service).into_values() {
                for (age, task) in tasks.iter().enumerate() {
                    let successor = age.checked_sub(1).map(|newer| tasks[newer]);
                    all.extend(self.one(service, task, successor, look, troubles));
                }
            }
        }
        let tasks = services.iter().flat_map(|service| &service.tasks);
        let known: BTreeSet<&str> = tasks.map(|task| task.id.as_str()).collect();
        self.over.retain(|id| known.contains(id.as_str()));
        self.waiting.retain(|id, _| known.contains(id.as_str()));
        self.ill.retain(|id| known.contains(id.as_str()));
        all
    }

    fn one(
        &mut self,
        service: &SwarmService,
        task: &SwarmTask,
        successor: Option<&SwarmTask>,
        look: Look<'_>,
        troubles: &Troubles,
    ) -> Option<Happening> {
        if self.over.contains(&task.id) {
            return None;
        }
        let cause = Cause::known(task, look.facts, self.ill.contains(&task.id))?;
        if look.is_first || matches!(cause, Cause::Update | Cause::Drained) {
            self.over.insert(task.id.clone());
            return None;
        }
        let (since, asked) = self.waiting.entry(task.id.clone()).or_insert((look.at, false));
        *asked |= look.asked;
        if look.at.duration_since(*since) < PATIENCE {
            return None;
        }
        let asked = *asked;
        self.waiting.remove(&task.id);
        self.over.insert(task.id.clone());
        let because = troubles.because(task.node.as_deref(), look.at);
        if asked || because == Because::Asked || has_done_its_work(task, cause, successor) {
            return None;
        }
        let what = if successor.is_some() { What::Replaced } else { What::Ended };
        let ran_out = has_run_out(task, look);
        let message = format!("{}{}", ended(task, cause, ran_out), replaced(successor));
        Some(Happening {
            machine: task.node.clone(),
            cause: Some(if ran_out { OUT_OF_MEMORY } else { cause.as_str() }),
            follows: because == Because::OfMachine,
            ..look.happening(what, task.name(&service.name), message)
        })
    }
}

/// The cause of what was killed because it took too much memory.
pub(super) const OUT_OF_MEMORY: &str = "out-of-memory";

/// Whether a task has ended well, and was not begun again at once.
fn has_done_its_work(task: &SwarmTask, cause: Cause, successor: Option<&SwarmTask>) -> bool {
    if cause != Cause::Exited || task.state.as_deref() != Some("complete") {
        return false;
    }
    let begun = successor.and_then(|next| next.created_at).zip(task.since);
    begun.is_none_or(|(next, end)| next.duration_since(end) > AGAIN)
}

/// Whether a task's container took too much memory.
fn has_run_out(task: &SwarmTask, look: Look<'_>) -> bool {
    let mut its = look.facts.containers().map(|(_, container)| container);
    its.any(|it| it.task_id.as_ref() == Some(&task.id) && it.oom_killed == Some(true))
}

fn ended(task: &SwarmTask, cause: Cause, ran_out: bool) -> String {
    let on = task.node.as_ref().map(|node| format!(" on {node}")).unwrap_or_default();
    let code = task.exit_code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let said = task.err.as_deref().filter(|said| !said.is_empty());
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    match cause {
        _ if ran_out => format!("ran out of memory{on}{code}"),
        Cause::Exited => format!("ended by itself{on}{code}"),
        Cause::Unhealthy => format!("was unhealthy{on}"),
        Cause::Killed => format!("was killed{on}{code}"),
        Cause::NodeDown => format!("is lost{on}, which is down"),
        Cause::Rejected => format!("was rejected{on}{said}"),
        Cause::Update | Cause::Drained => unreachable!("that was asked for"),
    }
}

fn replaced(successor: Option<&SwarmTask>) -> String {
    match successor {
        None => ", and is not replaced".to_owned(),
        Some(SwarmTask { node: Some(node), .. }) => format!("; replaced on {node}"),
        // It waits for a node.
        Some(_) => "; its replacement has no node yet".to_owned(),
    }
}
