//! `dojo snapshot`.

mod args;

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Progress;
use crate::model::{ClusterName, MachineName, SnapshotName, counted};
use crate::snapshot::Snapshot;
use crate::workflow;

use super::data_format::DataFormat;
use super::error::{About as _, Error};
use super::output;
use super::services::Context;

pub(super) use args::SnapshotCommand;
use args::SnapshotLs;

/// A snapshot, as `dojo snapshot ls -o json` prints it.
#[derive(Debug, Serialize)]
struct View {
    name: String,
    /// when everything stood still for it; null where that cannot be read
    taken: Option<String>,
    /// what its state belongs to
    runs: Option<String>,
    machines: Vec<MachineName>,
    whole: bool,
    lacking: Vec<Lacking>,
}

#[derive(Debug, Serialize)]
struct Lacking {
    machine: MachineName,
    why: String,
}

pub(super) async fn run(context: &Context, command: SnapshotCommand) -> Result<ExitCode, Error> {
    match command {
        SnapshotCommand::Ls(args) => return list(context, args).await,
        SnapshotCommand::Save(args) => save(context, &args.snapshot).await?,
        SnapshotCommand::Restore(args) => restore(context, &args.snapshot).await?,
        SnapshotCommand::Rm(args) => remove(context, &args.snapshot).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A snapshot by what a person calls it: `before-lunch` of the current cluster, or `practice/before-lunch`. The
/// cluster exists.
fn meant(context: &Context, text: &str) -> Result<(ClusterName, SnapshotName), Error> {
    let (cluster, name) = if let Some((cluster, name)) = text.split_once('/') {
        (cluster.parse()?, name.parse()?)
    } else {
        let name = text.parse()?;
        (context.cluster(None)?, name)
    };
    context.record(&cluster)?;
    Ok((cluster, name))
}

async fn save(context: &Context, text: &str) -> Result<(), Error> {
    let (cluster, name) = meant(context, text)?;
    let services = context.services_of(&cluster).await.about(&cluster)?;
    let work = workflow::save_snapshot(&services, &cluster, name.clone());
    let kept = Box::pin(work).await.about(&cluster)?;
    if context.quiet {
        return Ok(());
    }
    let machines = counted(kept.about.machines.len(), "machine");
    let seconds = kept.elapsed.as_secs_f64();
    output::line(&format!("{cluster}/{name} is kept on {machines}, {seconds:.1} s"))?;
    output::line(&format!("  dojo snapshot restore {cluster}/{name}  put it back"))
}

async fn restore(context: &Context, text: &str) -> Result<(), Error> {
    let (cluster, name) = meant(context, text)?;
    let services = context.services_of(&cluster).await.about(&cluster)?;
    let work = workflow::restore_snapshot(&services, &cluster, name);
    let kept = Box::pin(work).await.about(&cluster)?;
    if context.quiet {
        return Ok(());
    }
    let (taken, seconds) = (moment(kept.about.taken), kept.elapsed.as_secs_f64());
    output::line(&format!("{cluster} is as it was at {taken}, {seconds:.1} s"))
}

async fn remove(context: &Context, text: &str) -> Result<(), Error> {
    let (cluster, name) = meant(context, text)?;
    let services = context.services_of(&cluster).await.about(&cluster)?;
    workflow::remove_snapshot(&services, &cluster, &name).await.about(&cluster)?;
    if context.quiet { Ok(()) } else { output::line(&format!("{cluster}/{name} is removed")) }
}

async fn list(context: &Context, args: SnapshotLs) -> Result<ExitCode, Error> {
    let cluster = context.cluster(args.name)?;
    context.record(&cluster)?;
    let services = context.services_of(&cluster).await.about(&cluster)?;
    let all = workflow::snapshots(&services, &cluster).await.about(&cluster)?;
    match args.output {
        DataFormat::Json => output::json(&all.found.iter().map(view).collect::<Vec<_>>())?,
        DataFormat::Table if all.found.is_empty() => output::line("there are no snapshots")?,
        DataFormat::Table => output::table(&table(&all.found))?,
    }
    let progress = Progress::new(Arc::clone(&context.reporter));
    for (machine, why) in &all.silent {
        progress.machine(*machine).warn(format!("nobody knows of its snapshots: {why}"));
    }
    Ok(if all.silent.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn view(snapshot: &Snapshot) -> View {
    let Snapshot { name, about, lacking } = snapshot;
    let lacking = lacking.iter();
    let about = about.as_ref();
    View {
        name: name.to_string(),
        taken: about.map(|about| about.taken.to_string()),
        runs: about.map(|about| about.runs.clone()),
        machines: about.map(|about| about.machines.clone()).unwrap_or_default(),
        whole: snapshot.lacking.is_empty(),
        lacking: lacking
            .map(|(machine, lack)| Lacking { machine: *machine, why: lack.to_string() })
            .collect(),
    }
}

fn table(snapshots: &[Snapshot]) -> Vec<Vec<String>> {
    let header = ["NAME", "TAKEN", "OF", "STATE"].map(str::to_owned).to_vec();
    let rows = snapshots.iter().map(|snapshot| {
        let about = snapshot.about.as_ref();
        let lacks: Vec<_> =
            snapshot.lacking.iter().map(|(name, lack)| format!("{name} {lack}")).collect();
        vec![
            snapshot.name.to_string(),
            about.map_or("?".to_owned(), |about| moment(about.taken)),
            about.map_or("?".to_owned(), |about| {
                format!("{}, {}", about.runs, counted(about.machines.len(), "machine"))
            }),
            if lacks.is_empty() { "whole".to_owned() } else { lacks.join(", ") },
        ]
    });
    std::iter::once(header).chain(rows).collect()
}

/// A moment as one reads it on a clock and a calendar.
fn moment(moment: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC);
    moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
