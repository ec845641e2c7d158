//! `swarm.replaced`: a task ended, and another one came in its place.
//!
//! Told from the history of tasks, of which a swarm keeps the last five of each replica: also what nobody watched is
//! seen. A container that was killed ends with 137; one that took too much memory does so too, and facts do not tell them
//! apart. Nor do they tell who asked for an update.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Facts, Part};
use crate::remote::{ContainerFact, Extra, Extras, SwarmService, SwarmTask};

use super::containers::containers;
use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet, known};
use super::swarm_service::needed;

/// A task of a service was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// The name of the service.
    pub service: String,
    /// Why its task ended; for any cause, if absent.
    pub because: Option<Cause>,
    /// Which replica it was; any, if absent.
    pub slot: Option<i64>,
}

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
    /// The word as it stands in lessons.
    fn as_str(self) -> &'static str {
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

    fn reason(self) -> Reason {
        match self {
            Self::Exited => Reason::EndedByItself,
            Self::Unhealthy => Reason::ReplacedAsUnhealthy,
            Self::Killed => Reason::KilledByHand,
            Self::Update => Reason::ReplacedByUpdate,
            Self::NodeDown => Reason::NodeDown,
            Self::Drained => Reason::NodeDrained,
            Self::Rejected => Reason::Rejected,
        }
    }
}

/// One task in the place of another.
pub(super) struct Replacement {
    pub(super) at: Timestamp,
    pub(super) cause: Cause,
    slot: Option<i64>,
    node: Option<String>,
    exit_code: Option<i64>,
}

/// Statuses of what ends when a signal kills it, as shells and engines tell them.
const BY_SIGNAL: [i64; 2] = [137, 143];

/// Why a task ended; `None` if it has not.
fn cause(task: &SwarmTask, facts: &Facts) -> Option<Cause> {
    let said = task.err.as_deref().unwrap_or_default();
    let nodes = || facts.nodes.iter().flat_map(Part::iter);
    let node = nodes().find(|node| Some(&node.id) == task.node_id.as_ref());
    let is_down = node.is_some_and(|node| node.ready == Some(false));
    let is_drained =
        node.is_some_and(|node| node.availability.as_deref().is_some_and(|it| it == "drain"));
    match task.state.as_deref()? {
        "failed" if said.contains("unhealthy") => Some(Cause::Unhealthy),
        "failed" if task.exit_code.is_some_and(|code| BY_SIGNAL.contains(&code)) => {
            Some(Cause::Killed)
        }
        // Somebody has even removed it.
        "failed" if said.contains("No such container") => Some(Cause::Killed),
        "failed" | "complete" => Some(Cause::Exited),
        "rejected" => Some(Cause::Rejected),
        "orphaned" => Some(Cause::NodeDown),
        _ if task.desired_state.as_deref() != Some("shutdown") => None,
        // Nobody is there to stop it, so it looks as if it ran.
        _ if is_down => Some(Cause::NodeDown),
        "shutdown" if is_drained => Some(Cause::Drained),
        "shutdown" => Some(Cause::Update),
        _ => None,
    }
}

/// Why a task ended that has been replaced. A server that heeds the signal by which a swarm stops what is ill ends by itself
/// with 0: only its health tells why.
fn cause_with(ill: &BTreeSet<&str>, task: &SwarmTask, facts: &Facts) -> Option<Cause> {
    match cause(task, facts) {
        Some(Cause::Exited) if ill.contains(task.id.as_str()) => Some(Cause::Unhealthy),
        other => other,
    }
}

/// The tasks whose containers were seen to be ill.
fn ill(moment: Moment<'_>) -> BTreeSet<&str> {
    let all = moment.samples().flat_map(|sample| containers(&sample.facts));
    let is_ill = |it: &&ContainerFact| {
        it.health.as_ref().is_some_and(|health| health.status.as_deref() == Some("unhealthy"))
    };
    all.map(|(_, container)| container)
        .filter(is_ill)
        .filter_map(|it| it.task_id.as_deref())
        .collect()
}

/// The tasks of each replica, newest first.
fn by_place(service: &SwarmService) -> BTreeMap<(Option<i64>, Option<&str>), Vec<&SwarmTask>> {
    let mut places = BTreeMap::<_, Vec<_>>::new();
    for task in &service.tasks {
        // A global service has one for each node.
        let node = if task.slot.is_none() { task.node_id.as_deref() } else { None };
        places.entry((task.slot, node)).or_default().push(task);
    }
    places
}

/// What was replaced in a service after a moment and up to a sample, oldest first.
pub(super) fn replacements(moment: Moment<'_>, service: &str) -> Vec<Replacement> {
    let mut known = BTreeMap::<String, Replacement>::new();
    let ill = ill(moment);
    // What had ended before is no news, whatever the clocks say; nor is it when its place is taken again.
    let mark = moment.story.mark();
    let services = mark.services.iter().flat_map(Part::iter);
    let before: BTreeSet<&str> = services
        .filter(|found| found.name == service)
        .flat_map(|found| &found.tasks)
        .filter(|task| cause(task, mark).is_some())
        .map(|task| task.id.as_str())
        .collect();
    for sample in moment.samples() {
        let items = sample.facts.services.iter().flat_map(Part::iter);
        for found in items.filter(|found| found.name == service) {
            for tasks in by_place(found).into_values() {
                for pair in tasks.windows(2) {
                    let [new, old] = pair else { continue };
                    let Some(cause) = cause_with(&ill, old, &sample.facts) else { continue };
                    if before.contains(old.id.as_str()) || known.contains_key(&old.id) {
                        continue;
                    }
                    let at = old.since.max(new.created_at).unwrap_or(sample.at);
                    known.insert(
                        old.id.clone(),
                        Replacement {
                            at,
                            cause,
                            slot: old.slot,
                            node: old.node.clone(),
                            exit_code: old.exit_code,
                        },
                    );
                }
            }
        }
    }
    let mut known: Vec<_> = known.into_values().filter(|it| it.at > moment.after).collect();
    known.sort_by_key(|it| it.at);
    known
}

impl Leaf for Replaced {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let all = replacements(moment, &self.service);
        let fits_slot = |it: &&Replacement| self.slot.is_none() || it.slot == self.slot;
        let fits = |it: &&Replacement| self.because.is_none_or(|cause| it.cause == cause);
        if let Some(found) = all.iter().filter(fits_slot).find(fits) {
            let slot = found.slot.map_or_else(String::new, |slot| slot.to_string());
            return Ok(Met::happened(found.at)
                .saw("slot", slot)
                .saw("node", found.node.as_deref().unwrap_or_default()));
        }
        known(moment.story.mark().services.as_ref())?;
        let service = needed(moment, &self.service)?;
        if let Some(other) = all.iter().rfind(fits_slot) {
            let exit = other.exit_code.map_or_else(String::new, |code| code.to_string());
            let slot = other.slot.map_or_else(String::new, |slot| slot.to_string());
            return Err(Unmet::new(other.cause.reason())
                .saw("slot", slot)
                .saw("node", other.node.as_deref().unwrap_or_default())
                .saw("exit-code", exit)
                .since(Some(other.at)));
        }
        let facts = moment.facts()?;
        let places = by_place(service);
        let ended = places.values().filter_map(|tasks| tasks.first()).find(|task| {
            task.since.is_some_and(|at| at > moment.after) && cause(task, facts).is_some()
        });
        Err(match ended {
            Some(task) => Unmet::new(Reason::NoSuccessor).since(task.since),
            None => Unmet::new(Reason::NotReplaced),
        })
    }

    fn is_live(&self) -> bool {
        false
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("service", self.service.clone())]);
        wanted.extend(self.because.map(|cause| ("because", cause.as_str().to_owned())));
        wanted.extend(self.slot.map(|slot| ("slot", slot.to_string())));
        wanted
    }

    fn command(&self) -> String {
        format!("docker service ps --no-trunc {}", self.service)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoService,
            Reason::NotReplaced,
            Reason::NoSuccessor,
            Reason::KilledByHand,
            Reason::ReplacedByUpdate,
            Reason::EndedByItself,
            Reason::ReplacedAsUnhealthy,
            Reason::NodeDown,
            Reason::NodeDrained,
            Reason::Rejected,
        ]
    }

    fn asks(&self) -> Ask {
        let by_health = matches!(self.because, Some(Cause::Unhealthy | Cause::Exited));
        let extras: &[Extra] = if by_health { &[Extra::Containers] } else { &[] };
        Ask { workloads: true, extras: Extras::of(extras), ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.service);
    }
}
