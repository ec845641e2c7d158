//! `dojo ls`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use futures_util::future;
use jiff::Timestamp;
use serde::Serialize;

use crate::driver::registry;
use crate::event::chain;
use crate::model::{ClusterName, Dollars, Machine, MachineState, Places};
use crate::observe;
use crate::store::{Listed, Phase, Record};

use super::answer::in_time;
use super::args::{DataFormat, Elsewhere, Ls};
use super::error::{self, Error};
use super::services::{Context, DEFAULT_CLUSTER};
use super::{costs, lifetime, output};

/// One cluster, as `dojo ls -o json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    name: ClusterName,
    /// swarm, none; absent if it cannot be known
    orchestrator: Option<String>,
    state: String,
    /// absent if the driver cannot be asked
    running: Option<usize>,
    machines: usize,
    /// when the first of its machines ends itself; absent if none does
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    /// what its machines have cost by now at the most, in US dollars; absent if that is not known
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Dollars>,
    context: String,
    /// whether docker or kubectl leads to it in this shell
    selected: bool,
    /// where its machines are, by driver; absent if no record says it
    #[serde(skip_serializing_if = "Places::is_empty")]
    places: Places,
    /// why its machines cannot be known; absent if they are
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Machines, or why they cannot be known.
type Found<T> = Result<T, Error>;

pub(super) async fn run(context: &Context, args: &Ls) -> Result<ExitCode, Error> {
    let recorded = context.home.list()?;
    let pointed_at = context.pointed_at(&recorded);
    let all = all_machines(context, &args.elsewhere);
    let (of_records, all) = future::join(recorded_machines(context, &recorded), all).await;
    let mut silent: Vec<Error> = Vec::new();
    let mut unrecorded = match all {
        Ok(all) => Some(all),
        Err(error) if error::is_usage(&error) => return Err(error),
        Err(error) => {
            silent.extend(counts(&recorded, args).then_some(error));
            None
        }
    };
    let mut rows = Vec::new();
    for ((name, record), own) in recorded.into_iter().zip(of_records) {
        let mut found = unrecorded.as_mut().map(|all| all.remove(&name).unwrap_or_default());
        if let (Ok(Some(record)), Some(found), Some(all)) = (&record, &mut found, &mut unrecorded) {
            // Others of that name are somebody's as well.
            found.retain(|machine| machine.cluster_id != record.cluster_id);
            if !found.is_empty() {
                all.insert(name.clone(), std::mem::take(found));
            }
        }
        rows.push(match record {
            Ok(Some(record)) => {
                let row = row(name, Some(&record), &own);
                silent.extend(match own {
                    Ok(machines) => unknown(&machines),
                    Err(error) => Some(error),
                });
                row
            }
            Ok(None) => match found {
                // A directory without a record and without machines: nothing of it exists.
                None => continue,
                Some(found) if found.is_empty() => continue,
                Some(found) => row(name, None, &Ok(found)),
            },
            Err(_) => Row {
                state: "damaged record".to_owned(),
                running: found.as_deref().map(running),
                ..row(name, None, &Ok(found.unwrap_or_default()))
            },
        });
    }
    for (name, found) in unrecorded.unwrap_or_default() {
        let homes: Result<Vec<bool>, _> =
            found.iter().map(|m| context.home.is_other(m.home.as_deref())).collect();
        let is_others = homes?.into_iter().all(|other| other);
        let mut row = row(name, None, &Ok(found));
        if is_others {
            "of another home".clone_into(&mut row.state);
        }
        rows.push(row);
    }
    for row in &mut rows {
        row.selected = pointed_at.contains(&row.name);
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    match args.output {
        DataFormat::Json => output::json(&rows)?,
        DataFormat::Table => table(&rows)?,
    }
    Ok(told(&silent))
}

/// Whether it counts that nobody answered where machines without a record are looked for: if the user names
/// that place or has clusters of its kind; else only if there is nothing else to show.
fn counts(recorded: &[Listed], args: &Ls) -> bool {
    let mut records = recorded.iter().filter_map(|(_, record)| record.as_ref().ok()?.as_ref());
    let is_used = |record: &Record| record.spec.drivers().contains(&registry::default());
    args.elsewhere.driver.is_some() || recorded.is_empty() || records.any(is_used)
}

/// Tells each reason once, and what the command ends with.
fn told(silent: &[Error]) -> ExitCode {
    let mut reasons = BTreeSet::new();
    let mut code = ExitCode::SUCCESS;
    for error in silent {
        if reasons.insert(chain(error)) {
            error::tell(error);
        }
        code = error::not_ready();
    }
    code
}

/// The machines of each record, from where it says that they come, or why that cannot be asked. All are
/// asked at once.
async fn recorded_machines(context: &Context, recorded: &[Listed]) -> Vec<Found<Vec<Machine>>> {
    let asked = recorded.iter().map(async |(_, record)| match record {
        Ok(Some(record)) => machines(context, record).await,
        _ => Ok(Vec::new()),
    });
    future::join_all(asked).await
}

/// All machines of one driver by cluster, with a record or without.
async fn all_machines(
    context: &Context,
    elsewhere: &Elsewhere,
) -> Found<BTreeMap<ClusterName, Vec<Machine>>> {
    let spec = elsewhere.spec(DEFAULT_CLUSTER.parse()?)?;
    let ask = async {
        let services = context.services_anywhere(&spec).await?;
        Ok(services.driver.list(None).await?)
    };
    let mut by_cluster: BTreeMap<ClusterName, Vec<Machine>> = BTreeMap::new();
    for machine in in_time(&spec, ask).await? {
        by_cluster.entry(machine.id.cluster.clone()).or_default().push(machine);
    }
    Ok(by_cluster)
}

async fn machines(context: &Context, record: &Record) -> Found<Vec<Machine>> {
    let spec = record.spec.located(&record.places);
    let ask = async {
        let services = context.services(&record.spec).await?;
        Ok(observe::look(&*services.driver, record).await?.found)
    };
    in_time(&spec, ask).await
}

/// Says which machines do not answer, where nobody else can tell how they are.
fn unknown(found: &[Machine]) -> Option<Error> {
    let silent = found.iter().filter(|m| m.state == MachineState::Unknown);
    let silent: Vec<String> = silent.map(|m| format!("`{}` ({})", m.id, m.handle)).collect();
    (!silent.is_empty()).then_some(Error::NoAnswer(silent))
}

fn running(found: &[Machine]) -> usize {
    found.iter().filter(|m| m.state == MachineState::Running).count()
}

fn row(name: ClusterName, record: Option<&Record>, found: &Found<Vec<Machine>>) -> Row {
    let machines = found.as_deref().unwrap_or_default();
    let running = running(machines);
    let wanted = record.map_or(machines.len(), |r| r.spec.machines().len());
    let state = match record {
        None => "no record here",
        Some(_) if found.is_err() => "unknown",
        Some(_) if running == 0 && unknown(machines).is_some() => "unknown",
        Some(record) => match record.phase() {
            Phase::Destroying => "half removed",
            Phase::Creating
            | Phase::Scaling
            | Phase::Upgrading
            | Phase::Saving
            | Phase::Restoring => "unfinished",
            Phase::Ready if running == wanted => "running",
            Phase::Ready if running == 0 && machines.len() == wanted => {
                let is_paused = machines.iter().any(|m| m.state == MachineState::Paused);
                if is_paused { "paused" } else { "stopped" }
            }
            Phase::Ready => "degraded",
        },
    };
    let orchestrator =
        record.map(|r| r.spec.orchestrator).or(machines.first().map(|m| m.orchestrator));
    Row {
        context: name.context(),
        name,
        orchestrator: orchestrator.map(|o| o.to_string()),
        state: state.to_owned(),
        running: found.is_ok().then_some(running),
        machines: wanted,
        expires: lifetime::first_end(machines),
        cost: costs::so_far(machines),
        selected: false,
        places: record.map(|record| record.places.clone()).unwrap_or_default(),
        error: match found {
            Ok(_) => unknown(machines).as_ref().map(|error| chain(error)),
            Err(error) => Some(chain(error)),
        },
    }
}

fn table(rows: &[Row]) -> Result<(), Error> {
    let header = ["NAME", "KIND", "STATE", "MACHINES", "COST", "CONTEXT"].map(str::to_owned);
    let mut cells = vec![header.to_vec()];
    cells.extend(rows.iter().map(|row| {
        vec![
            row.name.to_string(),
            row.orchestrator.clone().unwrap_or_else(|| "?".to_owned()),
            match row.expires {
                Some(end) => format!("{}, {} left", row.state, lifetime::left(end)),
                None => row.state.clone(),
            },
            format!("{}/{}", row.running.map_or("?".to_owned(), |n| n.to_string()), row.machines),
            row.cost.map(|cost| cost.to_string()).unwrap_or_default(),
            if row.selected { format!("{} *", row.context) } else { row.context.clone() },
        ]
    }));
    if rows.iter().all(|row| row.cost.is_none()) {
        // Most people's machines cost nothing.
        for row in &mut cells {
            row.remove(4);
        }
    }
    output::table(&cells)
}
