//! `dojo watch`.

mod given;
mod install;
mod within;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::time::Instant;

use crate::alarm::Happening;
use crate::event::Progress;
use crate::kind;
use crate::model::ClusterName;
use crate::watch::{Grouping, Look, watch};
use crate::webhook::{Address, Sender};

use super::args::{DataFormat, Watch};
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) async fn run(context: &Context, args: Watch) -> Result<ExitCode, Error> {
    if args.install {
        return install::install(context, args).await.map(|()| ExitCode::SUCCESS);
    }
    if args.uninstall {
        return install::uninstall(context, args).await.map(|()| ExitCode::SUCCESS);
    }
    look_on(context, args).await
}

async fn look_on(context: &Context, args: Watch) -> Result<ExitCode, Error> {
    let progress = Progress::new(Arc::clone(&context.reporter));
    let address = given::address(&args, &progress)?;
    let name = context.cluster(args.name)?;
    let record = context.record(&name)?;
    let size = kind::of(record.spec.orchestrator).sized(record.machines.len());
    let observed = if args.from_within {
        within::cluster(context, record).await?
    } else {
        let services = context.services(&record.spec).await?;
        context.open_tunnels(&record, &record.machines).await?;
        services.observed(record)
    };
    let sender = address.map(|address| start(context, &address, progress.clone())).transpose()?;
    let also = if sender.is_some() { "; what happens is sent to the webhook, too" } else { "" };
    let until = if args.from_within { "" } else { " until Ctrl-C" };
    let welcome = format!("{name} ({size}) is watched{until}{also}\n");
    // Ctrl-C is how this command ends, so it is no failure from here on.
    context.interrupt.begin();
    let mut grouping = Grouping::of(name.to_string());
    let mut failed = None;
    let mut has_begun = false;
    let looking = watch(observed, |look| match look {
        Look::Seen(happenings) => {
            // From now on: how it was at the first look is taken for how it is to be.
            if !std::mem::replace(&mut has_begun, true) {
                if !context.quiet {
                    let _ = output::write_error(welcome.as_bytes());
                }
                within::tell_systemd();
            }
            if let Err(error) = print(&name, &happenings, args.output) {
                failed = Some(error);
                context.interrupt.raise();
            }
            let message = grouping.add(happenings, Instant::now());
            if let (Some(sender), Some(message)) = (&sender, message) {
                sender.send(message);
            }
        }
        Look::Blind(why) => progress.warn(format!("nobody tells how machines are: {why}")),
        Look::Sighted => progress.warn("it is seen again how machines are"),
    });
    let ended = context.interrupt.or(looking).await;
    if let Some(sender) = sender {
        if let Some(message) = grouping.rest() {
            sender.send(message);
        }
        sender.end().await;
    }
    // Whoever read may have had enough.
    if let Some(source) = failed.filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
        return Err(Error::Io { operation: "write to standard output", source });
    }
    if ended.is_some() && !context.quiet {
        output::write_error(format!("{name} is gone\n").as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn start(context: &Context, address: &Address, progress: Progress) -> Result<Sender, Error> {
    let tell = move |said: &_| progress.warn(format!("{said}"));
    let sender = Sender::start(address, context.proxies().as_ref(), tell);
    sender.map_err(Error::NoHttps)
}

/// A line for each, as soon as it is seen.
fn print(name: &ClusterName, happenings: &[Happening], format: DataFormat) -> io::Result<()> {
    for happening in happenings {
        let line = match format {
            DataFormat::Table => text(happening, &TimeZone::system()),
            DataFormat::Json => serde_json::to_string(&Line { cluster: name, happening })?,
        };
        output::write_while_read(format!("{line}\n").as_bytes())?;
    }
    Ok(())
}

/// What is printed for programs.
#[derive(Serialize)]
struct Line<'a> {
    cluster: &'a ClusterName,
    #[serde(flatten)]
    happening: &'a Happening,
}

/// What is printed for people: what only follows from something else is indented.
fn text(happening: &Happening, zone: &TimeZone) -> String {
    let at = happening.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let indent = if happening.follows { "  " } else { "" };
    let cause = happening.cause.map(|cause| format!(" [{cause}]")).unwrap_or_default();
    format!("{at}  {indent}{}{cause}", happening.sentence())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::alarm::What;

    #[test]
    fn a_line_tells_when_what_and_why() {
        let mut happening = Happening {
            at: Timestamp::UNIX_EPOCH,
            what: What::Replaced,
            subject: "web.1".to_owned(),
            machine: Some("worker-1".to_owned()),
            cause: Some("killed"),
            message: "was killed on worker-1\nx".to_owned(),
            follows: false,
        };
        let line = "1970-01-01 00:00:00  web.1 was killed on worker-1 x [killed]";
        assert_eq!(text(&happening, &TimeZone::UTC), line);
        happening.follows = true;
        assert!(text(&happening, &TimeZone::UTC).starts_with("1970-01-01 00:00:00    web.1 "));
        let name = "practice".parse().unwrap();
        let json = serde_json::to_value(Line { cluster: &name, happening: &happening }).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"cluster": "practice", "at": "1970-01-01T00:00:00Z",
                "what": "replaced", "subject": "web.1", "machine": "worker-1", "cause": "killed",
                "message": "was killed on worker-1\nx", "follows": true})
        );
    }
}
