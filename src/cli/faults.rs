//! `dojo break` and `unbreak`.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::Progress;
use crate::fault::{Broken, CATALOGUE, Entry, Fault};
use crate::workflow;

use super::args::{Break, BreakCommand, BreakLs, DataFormat, Unbreak};
use super::error::{About as _, Error};
use super::output;
use super::power::Target;
use super::services::Context;

/// One fault of the catalogue, as `dojo break -o json` prints it.
#[derive(Debug, Serialize)]
struct Known {
    name: &'static str,
    variants: &'static [&'static str],
    effect: &'static str,
    on: &'static str,
}

/// A fault that a machine has, as `dojo break ls -o json` prints it.
#[derive(Debug, Serialize)]
struct Present {
    machine: String,
    fault: String,
    since: Option<String>,
    /// When the machine undoes it by itself.
    until: Option<String>,
}

pub(super) async fn run(context: &Context, args: Break) -> Result<ExitCode, Error> {
    if let Some(BreakCommand::Ls(args)) = args.command {
        return list(context, args).await;
    }
    let (Some(fault), Some(machine)) = (&args.fault, &args.machine) else {
        return catalogue(args.output).map(|()| ExitCode::SUCCESS);
    };
    let fault: Fault = fault.parse()?;
    if fault.is_power_off() && args.limit.is_some() {
        let text = format!(
            "`--for` makes no sense with `{fault}`: a machine that is off cannot start itself"
        );
        return Err(Error::Usage(text));
    }
    let (cluster, machine) = context.machine_name(machine)?;
    context.record(&cluster)?;
    let services = context.services_of(&cluster).await?;
    let broken = workflow::break_machine(
        &services,
        &cluster,
        machine,
        fault,
        args.limit.unwrap_or_default(),
    )
    .await;
    let broken = broken.about(&cluster)?;
    match args.output {
        DataFormat::Json => output::json(&present(&broken))?,
        DataFormat::Table if context.quiet => {}
        DataFormat::Table => {
            let machine = &broken.machine;
            let ends = match broken.until {
                Some(until) => {
                    format!("until {}; `dojo unbreak {machine}` undoes it", clock(until))
                }
                None => format!("until `dojo unbreak {machine}` or `dojo start {machine}`"),
            };
            output::line(&format!("{machine} has fault {fault} {ends}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn unbreak(context: &Context, args: Unbreak) -> Result<(), Error> {
    let (cluster, machine) = meant(context, args.target.as_deref())?;
    let services = context.services_of(&cluster).await?;
    let undone = workflow::unbreak(&services, &cluster, machine).await.about(&cluster)?;
    // What was off may be what the user's context leads to.
    context.follow(&context.record(&cluster)?).await;
    if context.quiet {
        return Ok(());
    }
    if undone.is_empty() {
        return output::line("nothing is broken");
    }
    for Broken { machine, fault, .. } in undone {
        output::line(&format!("{machine} is rid of fault {fault}"))?;
    }
    Ok(())
}

async fn list(context: &Context, args: BreakLs) -> Result<ExitCode, Error> {
    let (cluster, machine) = meant(context, args.target.as_deref())?;
    let services = context.services_of(&cluster).await?;
    let found = workflow::faults(&services, &cluster, machine).await.about(&cluster)?;
    match args.output {
        DataFormat::Json => output::json(&found.broken.iter().map(present).collect::<Vec<_>>())?,
        DataFormat::Table if found.broken.is_empty() && found.silent.is_empty() => {
            output::line("nothing is broken")?;
        }
        DataFormat::Table => output::table(&table(&found.broken))?,
    }
    let progress = Progress::new(Arc::clone(&context.reporter));
    for (machine, why) in &found.silent {
        progress.machine(*machine).warn(format!("nobody knows of its faults: {why}"));
    }
    Ok(if found.silent.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A cluster that there is, or one machine of it.
fn meant(context: &Context, text: Option<&str>) -> Result<Target, Error> {
    let target = context.meant(text)?;
    context.record(&target.0)?;
    Ok(target)
}

fn catalogue(format: DataFormat) -> Result<(), Error> {
    let known =
        |Entry { name, variants, effect, on }: &'static Entry| Known { name, variants, effect, on };
    match format {
        DataFormat::Json => output::json(&CATALOGUE.iter().map(known).collect::<Vec<_>>()),
        DataFormat::Table => {
            let mut text = String::new();
            for Entry { name, variants, effect, on } in CATALOGUE {
                let names = match variants {
                    [] => (*name).to_owned(),
                    some => {
                        some.iter().map(|v| format!("{name}:{v}")).collect::<Vec<_>>().join("  ")
                    }
                };
                text.push_str(&format!("{names}\n    {effect}.\n    On {on}.\n"));
            }
            output::write(text.as_bytes())
        }
    }
}

fn present(broken: &Broken) -> Present {
    let Broken { machine, fault, since, until } = broken;
    let text = |moment: &Option<Timestamp>| moment.map(|moment| moment.to_string());
    Present {
        machine: machine.to_string(),
        fault: fault.clone(),
        since: text(since),
        until: text(until),
    }
}

fn table(broken: &[Broken]) -> Vec<Vec<String>> {
    let header = ["MACHINE", "FAULT", "SINCE", "UNTIL"].map(str::to_owned).to_vec();
    let moment = |moment: Option<Timestamp>| moment.map_or("-".to_owned(), clock);
    let rows = broken.iter().map(|Broken { machine, fault, since, until }| {
        vec![machine.to_string(), fault.clone(), moment(*since), moment(*until)]
    });
    std::iter::once(header).chain(rows).collect()
}

/// A moment as one reads it on a clock; no fault lasts for more than a day.
fn clock(moment: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC);
    moment.to_zoned(zone).strftime("%H:%M:%S %Z").to_string()
}
