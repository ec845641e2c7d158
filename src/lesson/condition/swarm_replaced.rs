//! `swarm.replaced`: a task ended, and another one came in its place.
//!
//! Told from the history of tasks, of which a swarm keeps the last five of each replica: also what nobody watched is
//! seen. A container that was killed ends with 137; one that took too much memory does so too, and facts do not tell them
//! apart. Nor do they tell who asked for an update.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Cause, Part, by_place, ill_tasks};
use crate::remote::{Extra, Extras};

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

fn reason(cause: Cause) -> Reason {
    match cause {
        Cause::Exited => Reason::EndedByItself,
        Cause::Unhealthy => Reason::ReplacedAsUnhealthy,
        Cause::Killed => Reason::KilledByHand,
        Cause::Update => Reason::ReplacedByUpdate,
        Cause::NodeDown => Reason::NodeDown,
        Cause::Drained => Reason::NodeDrained,
        Cause::Rejected => Reason::Rejected,
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

/// What was replaced in a service after a moment and up to a sample, oldest first.
pub(super) fn replacements(moment: Moment<'_>, service: &str) -> Vec<Replacement> {
    let mut known = BTreeMap::<String, Replacement>::new();
    let ill: BTreeSet<&str> = moment.samples().flat_map(|it| ill_tasks(&it.facts)).collect();
    // What had ended before is no news, whatever the clocks say; nor is it when its place is taken again.
    let mark = moment.story.mark();
    let services = mark.services.iter().flat_map(Part::iter);
    let before: BTreeSet<&str> = services
        .filter(|found| found.name == service)
        .flat_map(|found| &found.tasks)
        .filter(|task| Cause::of(task, mark).is_some())
        .map(|task| task.id.as_str())
        .collect();
    for sample in moment.samples() {
        let items = sample.facts.services.iter().flat_map(Part::iter);
        for found in items.filter(|found| found.name == service) {
            for tasks in by_place(found).into_values() {
                for pair in tasks.windows(2) {
                    let [new, old] = pair else { continue };
                    let was_ill = ill.contains(old.id.as_str());
                    let Some(cause) = Cause::known(old, &sample.facts, was_ill) else { continue };
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
            return Err(Unmet::new(reason(other.cause))
                .saw("slot", slot)
                .saw("node", other.node.as_deref().unwrap_or_default())
                .saw("exit-code", exit)
                .since(Some(other.at)));
        }
        let facts = moment.facts()?;
        let places = by_place(service);
        let ended = places.values().filter_map(|tasks| tasks.first()).find(|task| {
            task.since.is_some_and(|at| at > moment.after) && Cause::of(task, facts).is_some()
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
