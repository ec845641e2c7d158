//! What a step wants to be looked at on machines, and the looking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::event::chain;
use crate::lesson::{Evidence, Found, Look, Looked, Lookout, On, Step, answers, script};
use crate::observe::Facts;
use crate::remote::{Remote, Script};

use super::look::Eyes;

/// How long one look at a machine may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Looks once at all that a step needs, the cluster and its machines; `known` is what was seen before.
pub(super) async fn look(
    eyes: &Eyes,
    step: &Step,
    known: Option<&Evidence>,
) -> (Facts, Vec<Looked>) {
    let facts = eyes.look(step).await;
    let mut lookouts = Lookouts::of(step, known, eyes.now());
    if lookouts.is_empty() {
        return (facts, Vec::new());
    }
    lookouts.learn(&facts);
    let looks = lookouts.look(eyes).await;
    // What was found on machines is put beside what the cluster tells after it, and not before.
    (eyes.look(step).await, looks)
}

/// What is looked at on machines.
pub(super) struct Lookouts {
    wanted: Vec<Lookout>,
    /// The machines of each.
    machines: Vec<BTreeSet<String>>,
    /// Of journals, only what is newer counts.
    since: Timestamp,
    /// Those that somebody is logged in to.
    logins: BTreeMap<String, Arc<dyn Remote>>,
}

impl Lookouts {
    /// What a step wants to be looked at; `known` is what was seen of it before.
    pub(super) fn of(step: &Step, known: Option<&Evidence>, now: Timestamp) -> Self {
        let wanted: Vec<Lookout> = step.check.looks().into_iter().collect();
        let machines = vec![BTreeSet::new(); wanted.len()];
        let since = known.map_or(now, |known| known.since.at);
        let mut lookouts = Self { wanted, machines, since, logins: BTreeMap::new() };
        if let Some(known) = known {
            lookouts.learn(&known.since.facts);
            known.seen.iter().for_each(|sample| lookouts.learn(&sample.facts));
        }
        lookouts
    }

    /// Whether nothing is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Takes up on which machines it is to be looked at.
    pub(super) fn learn(&mut self, facts: &Facts) {
        for (wanted, machines) in self.wanted.iter().zip(&mut self.machines) {
            let found = wanted.machines(std::iter::once(facts));
            // Pods that are gone have left something behind.
            if matches!(wanted.on, On::Pods(_)) {
                machines.extend(found);
            } else {
                *machines = found;
            }
        }
    }

    /// Looks at all of it, on all machines at the same time.
    pub(super) async fn look(&mut self, eyes: &Eyes) -> Vec<Looked> {
        let mut of_machine = BTreeMap::<String, Vec<Look>>::new();
        for (wanted, machines) in self.wanted.iter().zip(&self.machines) {
            for machine in machines {
                let looks = of_machine.entry(machine.clone()).or_default();
                if !looks.contains(&wanted.look) {
                    looks.push(wanted.look.clone());
                }
            }
        }
        let since = self.since;
        let work = of_machine.into_iter().map(|(machine, looks)| {
            let login = self.logins.get(&machine).cloned();
            async move {
                let (login, found) = look_at(eyes, &machine, login, &looks, since).await;
                (machine, login, looks, found)
            }
        });
        let mut all = Vec::new();
        for (machine, login, looks, found) in join_all(work).await {
            for (look, found) in looks.into_iter().zip(found) {
                all.push(Looked { machine: machine.clone(), look, found });
            }
            match login {
                Some(login) => drop(self.logins.insert(machine, login)),
                // Somebody logs in again the next time.
                None => drop(self.logins.remove(&machine)),
            }
        }
        all
    }
}

/// Looks at one machine, and tells what was found of each; also the login, if it is of use still.
async fn look_at(
    eyes: &Eyes,
    machine: &str,
    login: Option<Arc<dyn Remote>>,
    looks: &[Look],
    since: Timestamp,
) -> (Option<Arc<dyn Remote>>, Vec<Found>) {
    let failed = |error: String| vec![Found::Failed { error }; looks.len()];
    let login = match login {
        Some(login) => login,
        None => match eyes.log_in(machine).await {
            Ok(login) => login,
            Err(error) => return (None, failed(chain(&error))),
        },
    };
    let script = Script::new(
        "look at the machine",
        "What the step is about is there. Nothing is changed.",
        script(looks, since),
    );
    match login.run(&script.within(PATIENCE)).await {
        Ok(said) => (Some(login), answers(looks, &said)),
        Err(error) => (None, failed(chain(&error))),
    }
}
