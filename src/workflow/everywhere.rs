//! `ssh --all`: one command on several machines at once, without the cluster's lock, like `ssh`.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Progress;
use crate::model::{ClusterName, Machine, MachineName, MachineState, Role, SshFiles};
use crate::remote::Printed;

use super::error::{Error, MachineError, Work};
use super::lines::Lines;
use super::lost::look;
use super::services::Services;
use super::settle::on_each;

/// How long a machine may take to answer a person.
pub const PERSON_WAITS: Duration = Duration::from_secs(15);

/// Takes a line that a machine has printed, without its end.
type Hear<'a> = dyn Fn(MachineName, Printed, &[u8]) + Sync + 'a;

/// Runs a command on all machines of a cluster, or on those of a role, as the login user. It has nothing to read, and
/// `hear` is given the lines that it prints, as they come.
///
/// # Errors
/// [`Error::Machines`] names those where it could not run, or ended with another status than 0.
pub async fn run_everywhere(
    services: &Services,
    name: &ClusterName,
    role: Option<Role>,
    command: &str,
    hear: &Hear<'_>,
) -> Result<(), Error> {
    let record = services.record(name)?;
    let mut sight = look(services, &record).await?;
    sight.refuse_none(services, &record).await?;
    for machines in [&mut sight.found, &mut sight.missing] {
        machines.retain(|m| role.is_none_or(|role| m.id.name.role == role));
    }
    let files = SshFiles::in_directory(&services.home.directory(name).join("ssh"));
    let progress = Progress::new(Arc::clone(&services.reporter));
    let work = on_each(services, name, Work::Tend, &sight.found, &progress, |machine, _| {
        on_one(services, machine, &files, command, hear)
    });
    let result = services.interrupt.or(work).await.ok_or(Error::Interrupted)?;
    sight.and_missing(services, Work::Tend, result).await
}

async fn on_one(
    services: &Services,
    machine: &Machine,
    files: &SshFiles,
    command: &str,
    hear: &Hear<'_>,
) -> Result<(), MachineError> {
    if machine.state != MachineState::Running {
        return Err(MachineError::NotRunning(machine.state));
    }
    let name = machine.id.name;
    let remote = services.dialer.dial(machine, files, PERSON_WAITS).await?;
    let (mut output, mut error) = (Lines::default(), Lines::default());
    let status = remote
        .command(command, &mut |printed, piece| {
            let lines = match printed {
                Printed::Output => &mut output,
                Printed::Error => &mut error,
            };
            lines.push(piece, |line| hear(name, printed, line));
        })
        .await;
    output.end(|line| hear(name, Printed::Output, line));
    error.end(|line| hear(name, Printed::Error, line));
    match status? {
        0 => Ok(()),
        status => Err(MachineError::Status(status)),
    }
}
