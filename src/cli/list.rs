//! `dojo ls`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use futures_util::future;
use jiff::Timestamp;
use serde::Serialize;

use crate::driver::registry;
use crate::event::chain;
use crate::model::{ClusterName, Dollars, DriverName, Machine, MachineState, Orchestrator, Places};
use crate::observe;
use crate::store::{Listed, Phase, Record};

use super::answer::in_time;
use super::args::{DataFormat, Elsewhere, Ls};
use super::error::Error;
use super::filter::{self, Filtered, STATES};
use super::services::{Context, DEFAULT_CLUSTER};
use super::template::{Field, Pieces, Template};
use super::{costs, lifetime, output};
use super::{exit, failure};

/// One cluster, as `dojo ls -o json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    name: ClusterName,
    /// absent if it cannot be known
    orchestrator: Option<Orchestrator>,
    state: &'static str,
    /// absent if the driver cannot be asked
    running: Option<usize>,
    machines: usize,
    /// where its machines come from, as far as that is known
    drivers: BTreeSet<DriverName>,
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

impl Filtered for Row {
    fn name(&self) -> &ClusterName {
        &self.name
    }

    fn kind(&self) -> Option<Orchestrator> {
        self.orchestrator
    }

    fn has_driver(&self, driver: &DriverName) -> bool {
        self.drivers.contains(driver)
    }

    fn status(&self) -> &str {
        self.state
    }
}

impl Row {
    /// What stands in a template for a field; nothing, if that is not known.
    fn field(&self, field: Field) -> String {
        match field {
            Field::Name => self.name.to_string(),
            Field::Kind => self.orchestrator.map(|kind| kind.to_string()).unwrap_or_default(),
            Field::Status => self.state.to_owned(),
            Field::Running => self.running.map(|n| n.to_string()).unwrap_or_default(),
            Field::Machines => self.machines.to_string(),
            Field::Driver => {
                let drivers: Vec<_> = self.drivers.iter().map(DriverName::as_str).collect();
                drivers.join(",")
            }
            Field::Cost => self.cost.map(|cost| cost.to_string()).unwrap_or_default(),
            Field::Expires => self.expires.map(|end| end.to_string()).unwrap_or_default(),
            Field::Context => self.context.clone(),
            Field::Selected => self.selected.to_string(),
        }
    }
}

/// Machines, or why they cannot be known.
type Found<T> = Result<T, Error>;

pub(super) async fn run(context: &Context, args: &Ls) -> Result<ExitCode, Error> {
    let recorded = context.home.list()?;
    let pointed_at = context.pointed_at(&recorded);
    let all = all_machines(context, &args.elsewhere);
    let (of_records, all) = future::join(recorded_machines(context, &recorded), all).await;
    // Why something is not known, and of which cluster, if of one alone.
    let mut silent: Vec<(Option<ClusterName>, Error)> = Vec::new();
    let mut unrecorded = match all {
        Ok(all) => Some(all),
        Err(error) if exit::is_usage(&error) => return Err(error),
        Err(error) => {
            silent.extend(counts(&recorded, args).then_some((None, error)));
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
                let row = row(name.clone(), Some(&record), &own);
                let why = match own {
                    Ok(machines) => unknown(&machines),
                    Err(error) => Some(error),
                };
                silent.extend(why.map(|error| (Some(name), error)));
                row
            }
            Ok(None) => match found {
                // A directory without a record and without machines: nothing of it exists.
                None => continue,
                Some(found) if found.is_empty() => continue,
                Some(found) => row(name, None, &Ok(found)),
            },
            Err(_) => Row {
                state: "damaged record",
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
            row.state = "of another home";
        }
        rows.push(row);
    }
    for row in &mut rows {
        row.selected = pointed_at.contains(&row.name);
    }
    debug_assert!(rows.iter().all(|row| STATES.contains(&row.state)), "each can be asked for");
    rows.retain(|row| filter::fit(&args.filter, row));
    silent.retain(|(name, _)| name.as_ref().is_none_or(|n| rows.iter().any(|row| row.name == *n)));
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    match (&args.format, args.output) {
        (Some(format), _) => formatted(&rows, format)?,
        (None, Some(DataFormat::Json)) => output::json(&rows)?,
        // As `docker ps -q` does.
        (None, None) if context.quiet => {
            let names: String = rows.iter().map(|row| format!("{}\n", row.name)).collect();
            output::write(names.as_bytes())?;
        }
        (None, Some(DataFormat::Table) | None) => table(&rows)?,
    }
    Ok(told(silent.iter().map(|(_, error)| error)))
}

fn formatted(rows: &[Row], format: &Template) -> Result<(), Error> {
    let fill = |pieces: &Pieces, row: &Row| pieces.fill(|field| row.field(field));
    match format {
        Template::Json => rows.iter().try_for_each(output::json_line),
        Template::Lines(pieces) => rows.iter().try_for_each(|row| output::line(&fill(pieces, row))),
        Template::Table(pieces) => {
            let cells = |line: String| line.split('\t').map(str::to_owned).collect();
            let filled = rows.iter().map(|row| cells(fill(pieces, row)));
            let rows: Vec<Vec<String>> =
                std::iter::once(cells(pieces.header())).chain(filled).collect();
            output::table(&rows)
        }
    }
}

/// Whether it counts that nobody answered where machines without a record are looked for: if the user names
/// that place or has clusters of its kind; else only if there is nothing else to show.
fn counts(recorded: &[Listed], args: &Ls) -> bool {
    let mut records = recorded.iter().filter_map(|(_, record)| record.as_ref().ok()?.as_ref());
    let is_used = |record: &Record| record.spec.drivers().contains(&registry::default());
    args.elsewhere.driver.is_some() || recorded.is_empty() || records.any(is_used)
}

/// Tells each reason once, and what the command ends with.
fn told<'a>(silent: impl IntoIterator<Item = &'a Error>) -> ExitCode {
    let mut reasons = BTreeSet::new();
    let mut code = ExitCode::SUCCESS;
    for error in silent {
        if reasons.insert(chain(error)) {
            failure::tell(error);
        }
        code = exit::not_ready();
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
        orchestrator,
        state,
        running: found.is_ok().then_some(running),
        machines: wanted,
        drivers: match record {
            Some(record) => record.spec.drivers(),
            None => machines.iter().map(|machine| machine.driver.clone()).collect(),
        },
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
            row.orchestrator.map_or("?".to_owned(), |kind| kind.to_string()),
            match row.expires {
                Some(end) => format!("{}, {} left", row.state, lifetime::left(end)),
                None => row.state.to_owned(),
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
