//! `dojo logs`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;

use crate::event::Progress;
use crate::model::{ClusterName, MachineName};
use crate::workflow::{self, LogQuery, Said, Services};

use super::args::Logs;
use super::error::Error;
use super::output;
use super::services::Context;

/// The most lines of each machine, unless told.
const SHOWN: u32 = 100;
const FOLLOWED: u32 = 10;
const BUNDLED: u32 = 20_000;

pub(super) async fn run(context: &Context, args: Logs) -> Result<ExitCode, Error> {
    let name = context.cluster(args.name)?;
    let services = context.services_of(&name).await?;
    let default_lines = match (&args.bundle, args.follow) {
        (Some(_), _) => BUNDLED,
        (None, true) => FOLLOWED,
        (None, false) => SHOWN,
    };
    let units = workflow::UNITS.map(str::to_owned).to_vec();
    let query = LogQuery {
        machines: args.machine,
        units: if args.unit.is_empty() { units } else { args.unit },
        since: args.since,
        lines: args.lines.unwrap_or(default_lines),
    };
    if args.follow {
        return follow(context, &services, &name, &query).await;
    }
    let Some(file) = args.bundle else {
        let said = workflow::journals(&services, &name, &query).await?;
        output::write(interleaved(&said).as_bytes())?;
        warn(context, &said);
        let any = said.is_empty() || said.iter().any(|s| s.text.is_ok());
        return Ok(if any { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let path = file.unwrap_or_else(|| default_file(&name));
    let silent = workflow::collect_logs(&services, &name, &query, &path).await?;
    warn(context, &silent);
    output::line(&path.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what machines write, as they write it. Ctrl-C is how that ends, so it is no failure.
async fn follow(
    context: &Context,
    services: &Services,
    name: &ClusterName,
    query: &LogQuery,
) -> Result<ExitCode, Error> {
    let known = context.home.record(name).ok().flatten();
    let machines = known.iter().flat_map(|record| &record.machines);
    let asked = |name: &MachineName| query.machines.is_empty() || query.machines.contains(name);
    let names = machines.map(|machine| machine.id.name).filter(asked);
    let width = output::widest(names);
    let line = |machine: MachineName, line: &str| {
        let text = format!("{machine:<width$}  {line}\n");
        if output::write_while_read(text.as_bytes()).is_err() {
            context.interrupt.raise();
        }
    };
    context.interrupt.begin();
    let ended = |said: &Said| warn(context, std::slice::from_ref(said));
    let work = workflow::follow_journals(services, name, query, line, ended);
    match context.interrupt.or(work).await {
        None => Ok(ExitCode::SUCCESS),
        Some(ended) => ended.map(|()| ExitCode::FAILURE).map_err(Error::from),
    }
}

fn default_file(name: &ClusterName) -> PathBuf {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    PathBuf::from(format!("{name}-logs-{time}.tar.gz"))
}

fn warn(context: &Context, said: &[Said]) {
    let progress = Progress::new(Arc::clone(&context.reporter));
    for Said { machine, text } in said {
        if let Err(why) = text {
            progress.machine(*machine).warn(format!("no logs: {why}"));
        }
    }
}

/// The lines of all machines in the order of their times, each behind its machine's name.
fn interleaved(said: &[Said]) -> String {
    let mut entries: Vec<(&str, MachineName, Vec<&str>)> = Vec::new();
    for Said { machine, text } in said {
        for line in text.iter().flat_map(|text| text.lines()) {
            match entries.last_mut() {
                // An entry of several lines goes on with lines that begin with a space.
                Some((_, name, lines)) if line.starts_with(' ') && name == machine => {
                    lines.push(line);
                }
                _ => {
                    let time = line.split(' ').next().unwrap_or_default();
                    entries.push((time, *machine, vec![line]));
                }
            }
        }
    }
    // Stable, so that what happened at once stays in its machine's order.
    entries.sort_by_key(|(time, ..)| *time);
    let width = output::widest(said.iter().map(|s| s.machine));
    let mut text = String::new();
    for (_, name, lines) in entries {
        for line in lines {
            text.push_str(&format!("{name:<width$}  {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_the_order_of_their_times_and_entries_stay_whole() {
        let said = |machine: &str, text: &str| Said {
            machine: machine.parse().unwrap(),
            text: Ok(text.to_owned()),
        };
        let text = interleaved(&[
            said("manager-1", "2026-01-02T03:04:05.1+0000 a\n2026-01-02T03:04:05.4+0000 d\n"),
            said("worker-1", "2026-01-02T03:04:05.2+0000 b\n    more of b\n"),
            Said { machine: "worker-2".parse().unwrap(), text: Err("gone".to_owned()) },
        ]);
        insta::assert_snapshot!(text, @r"
        manager-1  2026-01-02T03:04:05.1+0000 a
        worker-1   2026-01-02T03:04:05.2+0000 b
        worker-1       more of b
        manager-1  2026-01-02T03:04:05.4+0000 d
        ");
    }
}
