//! `dojo ls`.

use std::collections::BTreeMap;

use futures_util::future;
use jiff::Timestamp;
use serde::Serialize;

use crate::model::{ClusterName, Dollars, Machine, MachineState, Places};
use crate::store::{Listed, Phase, Record};
use crate::workflow;

use super::args::{DataFormat, Elsewhere, Ls};
use super::error::Error;
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
    selected: bool,
    /// where its machines are, by driver; absent if no record says it
    #[serde(skip_serializing_if = "Places::is_empty")]
    places: Places,
}

pub(super) async fn run(context: &Context, args: &Ls) -> Result<(), Error> {
    let recorded = context.home.list()?;
    let all = all_machines(context, &args.elsewhere);
    let (of_records, all) = future::join(recorded_machines(context, &recorded), all).await;
    let mut unrecorded = match (all, &args.elsewhere.driver) {
        (Err(error), Some(_)) => return Err(error),
        (all, _) => all.ok(),
    };
    let current = context.contexts.current().ok().flatten();
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
            Ok(Some(record)) => row(name, Some(&record), own, current.as_deref()),
            Ok(None) => match found {
                // A directory without a record and without machines: nothing of it exists.
                None | Some(_) if found.as_ref().is_none_or(Vec::is_empty) => continue,
                found => row(name, None, found, current.as_deref()),
            },
            Err(_) => Row {
                state: "damaged record".to_owned(),
                ..row(name, None, found, current.as_deref())
            },
        });
    }
    for (name, found) in unrecorded.unwrap_or_default() {
        let homes: Result<Vec<bool>, _> =
            found.iter().map(|m| context.home.is_other(m.home.as_deref())).collect();
        let is_others = homes?.into_iter().all(|other| other);
        let mut row = row(name, None, Some(found), current.as_deref());
        if is_others {
            "of another home".clone_into(&mut row.state);
        }
        rows.push(row);
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    match args.output {
        DataFormat::Json => output::json(&rows),
        DataFormat::Table => table(&rows),
    }
}

/// The machines of each record, from where it says that they come; `None` if that cannot be asked. All
/// are asked at once.
async fn recorded_machines(context: &Context, recorded: &[Listed]) -> Vec<Option<Vec<Machine>>> {
    let asked = recorded.iter().map(async |(name, record)| {
        let record = record.as_ref().ok()?.as_ref()?;
        let services = context.services(&record.spec).await.ok()?;
        let mut machines = services.driver.list(Some(name)).await.ok()?;
        machines.retain(|machine| machine.cluster_id == record.cluster_id);
        Some(machines)
    });
    future::join_all(asked).await
}

/// All machines of one driver by cluster, with a record or without.
async fn all_machines(
    context: &Context,
    elsewhere: &Elsewhere,
) -> Result<BTreeMap<ClusterName, Vec<Machine>>, Error> {
    let services = context.services_anywhere(&elsewhere.spec(DEFAULT_CLUSTER.parse()?)?).await?;
    let mut by_cluster: BTreeMap<ClusterName, Vec<Machine>> = BTreeMap::new();
    for machine in services.driver.list(None).await.map_err(workflow::Error::from)? {
        by_cluster.entry(machine.id.cluster.clone()).or_default().push(machine);
    }
    Ok(by_cluster)
}

fn row(
    name: ClusterName,
    record: Option<&Record>,
    found: Option<Vec<Machine>>,
    current: Option<&str>,
) -> Row {
    let context = name.context();
    let asked = found.is_some();
    let found = found.unwrap_or_default();
    let running = found.iter().filter(|m| m.state == MachineState::Running).count();
    let wanted = record.map_or(found.len(), |r| r.spec.machines().len());
    let state = match record {
        None => "no record here",
        Some(_) if !asked => "unknown",
        Some(record) => match record.phase {
            Phase::Destroying => "half removed",
            Phase::Creating | Phase::Scaling | Phase::Upgrading => "unfinished",
            Phase::Ready if running == wanted => "running",
            Phase::Ready if running == 0 && found.len() == wanted => "stopped",
            Phase::Ready => "degraded",
        },
    };
    let orchestrator =
        record.map(|r| r.spec.orchestrator).or(found.first().map(|m| m.orchestrator));
    Row {
        name,
        orchestrator: orchestrator.map(|o| o.to_string()),
        state: state.to_owned(),
        running: asked.then_some(running),
        machines: wanted,
        expires: lifetime::first_end(&found),
        cost: costs::so_far(&found),
        selected: current == Some(&context),
        context,
        places: record.map(|record| record.places.clone()).unwrap_or_default(),
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
