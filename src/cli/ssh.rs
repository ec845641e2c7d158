//! `dojo ssh`.

use std::process::ExitCode;
use std::time::Duration;

use crate::remote::Dialer as _;

use super::args::Ssh;
use super::error::Error;
use super::services::Context;

/// How long a machine may take to answer a person.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn run(context: &Context, args: Ssh) -> Result<ExitCode, Error> {
    let (record, machine) = context.machine(&args.machine)?;
    let files = context.ssh(&record.spec.name);
    let remote = context.dialer(&record, &machine).dial(&machine, &files, PATIENCE).await?;
    // As OpenSSH does: the words are joined by spaces and the login shell takes them apart again.
    let command = (!args.command.is_empty()).then(|| args.command.join(" "));
    let status = remote.attach(command.as_deref()).await?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(255)))
}
