//! `dojo ssh`.

use std::process::ExitCode;

use crate::model::{ClusterName, MachineName, Role};
use crate::remote::{Dialer as _, Printed};
use crate::workflow::{self, PERSON_WAITS};

use super::args::Ssh;
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) async fn run(context: &Context, args: Ssh) -> Result<ExitCode, Error> {
    // As OpenSSH does: the words are joined by spaces and the login shell takes them apart again.
    let command = (!args.command.is_empty()).then(|| args.command.join(" "));
    if let (Some(command), true) = (&command, args.all || args.role.is_some()) {
        let cluster = args.target.as_deref().map(cluster_named).transpose()?;
        let cluster = context.cluster(cluster)?;
        everywhere(context, &cluster, args.role, command).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let (record, machine) = context.machine(&args.target.unwrap_or_default())?;
    let files = context.ssh(&record.spec.name);
    let remote = context.dialer(&record, &machine).dial(&machine, &files, PERSON_WAITS).await?;
    let status = remote.attach(command.as_deref()).await?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(255)))
}

/// The cluster of which all machines are meant; not one machine.
fn cluster_named(text: &str) -> Result<ClusterName, Error> {
    if text.contains('/') {
        let problem = format!("`{text}` is a machine, and --all and --role are for clusters");
        return Err(Error::Usage(problem));
    }
    Ok(text.parse()?)
}

async fn everywhere(
    context: &Context,
    cluster: &ClusterName,
    role: Option<Role>,
    command: &str,
) -> Result<(), Error> {
    let machines = context.record(cluster)?.spec.machines();
    let names = machines.iter().map(|machine| machine.name);
    let names: Vec<_> = names.filter(|n| role.is_none_or(|role| n.role == role)).collect();
    if let (Some(role), true) = (role, names.is_empty()) {
        return Err(Error::Usage(format!("cluster `{cluster}` has no {role}")));
    }
    let width = output::widest(names);
    let services = context.services_of(cluster).await?;
    let hear = |name: MachineName, printed: Printed, line: &[u8]| {
        let text = [format!("{name:<width$}  ").as_bytes(), line, b"\n"].concat();
        // Where nobody reads any more, the commands come to their end all the same.
        let _ = match printed {
            Printed::Output => output::write(&text),
            Printed::Error => output::write_error(&text),
        };
    };
    context.interrupt.begin();
    let work = workflow::run_everywhere(&services, cluster, role, command, &hear);
    let done = context.interrupt.or(work).await.ok_or(Error::CutOff {
        left: "where the command had begun, it may still run",
        hint: "`dojo ssh --all -- ps aux` shows what runs on the machines",
    })?;
    Ok(done?)
}
