//! What a cluster knows is kept by its managers or control planes alone. Where they are lost there can only
//! be a new, empty one, and nobody gets that without having asked for it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::bootstrap;
use crate::event::Progress;
use crate::kind;
use crate::model::{Machine, MachineName, MachineState, Service, TlsFiles};
use crate::observe::{PATIENCE, in_time, nodes};
use crate::pace::stretch;
use crate::plan::Plan;
use crate::remote::Standing;
use crate::store::Record;

use super::error::Error;
use super::leaders::leads;
use super::lost::ours;
use super::services::Services;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Ask machines only where it is doubtful; what they turn out to be is asked later.
    Quick,
    /// Ask them all, because nobody will later.
    Close,
}

/// Refuses to go on where that would make a new cluster in place of one that is lost.
pub(super) async fn refuse_lost(
    services: &Services,
    record: &Record,
    existing: &[Machine],
    look: Look,
) -> Result<(), Error> {
    if !record.begun || services.bootstrappers.of(record.spec.orchestrator).is_none() {
        return Ok(());
    }
    let keepers: Vec<&Machine> = existing
        .iter()
        .filter(|m| leads(m.id.name) && m.state != MachineState::Unfinished)
        .collect();
    let here: BTreeSet<MachineName> = keepers.iter().map(|m| m.id.name).collect();
    let known = record.machines.iter().map(|m| m.id.name).filter(|name| leads(*name));
    let all: BTreeSet<MachineName> = here.iter().copied().chain(known).collect();
    let gone: Vec<MachineName> = all.difference(&here).copied().collect();
    if here.is_empty() {
        // Of a record that was rebuilt nobody knows how many there were.
        let asked = record.spec.machines().into_iter().map(|m| m.name).filter(|name| leads(*name));
        let gone = if gone.is_empty() { asked.collect() } else { gone };
        return Err(lost(record, existing, How::Gone(gone)));
    }
    let is_minority = 2 * here.len() <= all.len();
    if !is_minority && look == Look::Quick {
        return Ok(());
    }
    let standings = standings(services, record, existing, &keepers).await;
    if standings.contains(&Some(Standing::Leads)) {
        Ok(())
    } else if is_minority {
        Err(lost(record, existing, How::Minority { gone, of: all.len() }))
    } else if standings.iter().all(|standing| *standing == Some(Standing::Outside)) {
        Err(lost(record, existing, How::Left(here.into_iter().collect())))
    } else {
        Ok(())
    }
}

/// How each of those that keep the state stands to its cluster, as far as it says so.
async fn standings(
    services: &Services,
    record: &Record,
    existing: &[Machine],
    keepers: &[&Machine],
) -> Vec<Option<Standing>> {
    let directory = services.home.directory(&record.spec.name);
    let end = Instant::now() + stretch(PATIENCE);
    if kind::of(record.spec.orchestrator).service() == Service::Api {
        let api = nodes(&*services.driver, existing, &directory.join("kubeconfig"), end).await;
        return vec![api.list.is_ok().then_some(Standing::Leads)];
    }
    let tls = TlsFiles::in_directory(&directory.join("pki/client"));
    let ask = keepers.iter().map(async |machine| {
        if machine.state != MachineState::Running {
            return None;
        }
        let ask = async {
            let engine = services.dialer.engine(machine, &tls, PATIENCE).await;
            engine.map_err(|e| e.to_string())?.standing().await.map_err(|e| e.to_string())
        };
        in_time(end, ask).await.ok()
    });
    join_all(ask).await
}

/// How a cluster came to be lost.
pub(super) enum How {
    /// Everybody who kept its state is gone.
    Gone(Vec<MachineName>),
    /// Too many are gone for the others to decide anything.
    Minority {
        /// Who is gone.
        gone: Vec<MachineName>,
        /// Of how many.
        of: usize,
    },
    /// The machines are there, and are in no cluster any more.
    Left(Vec<MachineName>),
}

fn lost(record: &Record, existing: &[Machine], how: How) -> Error {
    let kind = kind::of(record.spec.orchestrator);
    let how = match how {
        How::Gone(gone) => format!("{} gone", are(&gone)),
        How::Minority { gone, of } => {
            let noun = gone.first().map(|name| name.role.to_string()).unwrap_or_default();
            format!(
                "of its {of} {noun}s {} gone, and without a majority nothing is decided",
                are(&gone)
            )
        }
        How::Left(left) => format!("{} in {} no more", are(&left), kind.noun()),
    };
    Error::StateLost {
        cluster: record.spec.name.clone(),
        what: kind.state(),
        how,
        left: existing.iter().map(|m| m.id.name).collect(),
        survivor: existing
            .iter()
            .find(|m| kind.survives_in_one() && leads(m.id.name))
            .map(|m| Box::new(m.clone())),
    }
}

/// "manager-1 is", "manager-1 and manager-2 are".
fn are(names: &[MachineName]) -> String {
    let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, [])) => format!("{last} is"),
        Some((last, others)) => format!("{} and {last} are", others.join(", ")),
        None => "all that kept it are".to_owned(),
    }
}

/// What it means for a cluster that was begun that no leader of it is reachable, said of the machines that there are.
pub(super) async fn explained(
    services: &Services,
    record: &Record,
    error: bootstrap::Error,
) -> Error {
    let bootstrap::Error::NoMember { .. } = error else { return error.into() };
    let existing = ours(services, &record.spec.name, Some(record)).await;
    let (existing, _) = existing.unwrap_or_default();
    let left = existing.iter().map(|m| m.id.name).filter(|name| leads(*name)).collect();
    lost(record, &existing, How::Left(left))
}

impl Error {
    /// Whether a cluster cannot be had again, but a new one in its place.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::StateLost { .. } | Self::Bootstrap(bootstrap::Error::NoQuorum { .. }))
    }
}

/// Tells of machines that were there and are to be made again: what was on their disks is not.
pub(super) fn tell_of_gone(
    record: &Record,
    existing: &[Machine],
    plan: &Plan,
    progress: &Progress,
) {
    let known = record.machines.iter().filter(|m| existing.iter().all(|e| e.id != m.id));
    for machine in known.filter(|m| plan.create.contains(&m.id.name)) {
        progress.machine(machine.id.name).warn("it is gone, and is made anew, empty");
    }
}
