//! What happens to a cluster as a whole: who leads it, whether it can decide, and how its updates go.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::observe::{Facts, NodeFacts, Part};
use crate::remote::SwarmService;

use super::happening::{Happening, What};
use super::look::Look;
use super::machines::{Because, Troubles};

/// How long nobody may lead until that counts as a lost majority: an election takes a few seconds.
const ELECTION: SignedDuration = SignedDuration::from_secs(20);

/// How long it may take until it is told what has become of the one that led before.
const FATE: SignedDuration = SignedDuration::from_secs(9);

/// What a swarm says of an update that somebody takes back by hand.
const BY_HAND: &str = "manually requested rollback";

/// Who leads, and how updates went.
#[derive(Debug, Default)]
pub(super) struct Leading {
    leader: Option<String>,
    /// Another one leads, which is not told yet.
    changed: Option<Changed>,
    /// Since when there is no majority, whether that was told, and whether it was asked for.
    lost: Option<Lost>,
    updates: BTreeMap<String, Option<String>>,
}

/// Another one leads.
#[derive(Debug)]
struct Changed {
    since: Timestamp,
    /// Who led before.
    before: String,
}

#[derive(Debug, Clone, Copy)]
struct Lost {
    since: Timestamp,
    told: bool,
    asked: bool,
}

impl Leading {
    pub(super) fn look(&mut self, look: Look<'_>, troubles: &Troubles) -> Vec<Happening> {
        let mut all = Vec::new();
        all.extend(self.leader(look, troubles));
        all.extend(self.majority(look));
        self.updates(look, &mut all);
        all
    }

    fn leader(&mut self, look: Look<'_>, troubles: &Troubles) -> Option<Happening> {
        if let Some(now) = &look.facts.leader
            && let Some(before) = self.leader.replace(now.clone()).filter(|before| before != now)
        {
            self.changed.get_or_insert(Changed { since: look.at, before });
        }
        let (now, changed) = (self.leader.as_ref()?, self.changed.take()?);
        let before = &changed.before;
        let because = troubles.because(Some(before), look.at);
        let is_asked = look.asked || because == Because::Asked;
        if is_asked || now == before || was_demoted(before, look.facts) {
            return None;
        }
        // If that one is down, this follows from it.
        if because == Because::OfItself && look.at.duration_since(changed.since) < FATE {
            self.changed = Some(changed);
            return None;
        }
        Some(Happening {
            machine: Some(now.clone()),
            follows: because == Because::OfMachine,
            ..look.happening(
                What::LeaderChanged,
                now,
                format!("leads the swarm instead of {before}"),
            )
        })
    }

    fn majority(&mut self, look: Look<'_>) -> Option<Happening> {
        let majority = look.facts.majority?;
        if majority.holds {
            let lost = self.lost.take()?;
            let is_told = lost.told && !lost.asked;
            // The first that answers says so before it is known which others are there.
            let count = if 2 * majority.on > majority.of {
                format!(": {} of {} {}s", majority.on, majority.of, majority.role)
            } else {
                String::new()
            };
            let words = format!("has a majority again{count}");
            return is_told
                .then(|| look.happening(What::MajorityBack, look.facts.name.to_string(), words));
        }
        let begun = Lost { since: look.at, told: look.is_first, asked: look.asked };
        let lost = self.lost.get_or_insert(begun);
        lost.asked |= look.asked && !lost.told;
        // Too few are there, or nobody leads though enough are.
        let is_sure = 2 * majority.on <= majority.of;
        if lost.told || !(is_sure || look.at.duration_since(lost.since) >= ELECTION) {
            return None;
        }
        lost.told = true;
        if lost.asked {
            return None;
        }
        let words = if is_sure {
            format!(
                "has lost its majority, and accepts no changes: {} of {} {}s",
                majority.on, majority.of, majority.role
            )
        } else {
            "has nobody who leads it, and accepts no changes".to_owned()
        };
        Some(look.happening(What::MajorityLost, look.facts.name.to_string(), words))
    }

    fn updates(&mut self, look: Look<'_>, all: &mut Vec<Happening>) {
        let Some(services) = look.facts.services.as_ref().and_then(|it| it.items.as_ref()) else {
            return;
        };
        for service in services {
            let now = service.update_state.clone();
            let before = self.updates.insert(service.id.clone(), now.clone());
            if let (Some(before), Some(now)) = (before, now)
                && before.as_deref() != Some(now.as_str())
                && !look.asked
            {
                all.extend(of_update(look, service, before.as_deref(), &now));
            }
        }
        self.updates.retain(|id, _| services.iter().any(|service| service.id == *id));
    }
}

/// Whether a node is no manager any more.
fn was_demoted(name: &str, facts: &Facts) -> bool {
    let mut nodes = facts.nodes.iter().flat_map(Part::iter).filter(|node| node.name == name);
    let is_worker = |node: &NodeFacts| node.role.as_deref() == Some("worker");
    nodes.next().is_some_and(is_worker)
}

fn of_update(
    look: Look<'_>,
    service: &SwarmService,
    before: Option<&str>,
    now: &str,
) -> Option<Happening> {
    let said = service.update_message.as_deref().filter(|said| !said.is_empty());
    let why = said.map(|said| format!(": {said}")).unwrap_or_default();
    let (what, words) = match now {
        "paused" | "rollback_paused" => (What::UpdatePaused, "has an update that is paused"),
        "rollback_started" if said != Some(BY_HAND) => {
            (What::RolledBack, "has an update that is rolled back")
        }
        // It went fast, and nobody who takes an update back by hand does so while it goes on.
        "rollback_completed" if before == Some("updating") => {
            (What::RolledBack, "has an update that was rolled back")
        }
        _ => return None,
    };
    Some(look.happening(what, service.name.clone(), format!("{words}{why}")))
}
