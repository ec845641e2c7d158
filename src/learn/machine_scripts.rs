//! The scripts of a lesson that make machines ready for it, and put them back.

use crate::lesson::{Lesson, MachineScript};
use crate::model::{Machine, MachineState};
use crate::remote::Script;
use crate::store::Record;
use crate::workflow::{self, Services};

use super::error::Error;
use super::login::{log_in, machines};

/// Makes machines as the lesson needs them.
///
/// # Errors
/// Those of reaching machines, and of the scripts.
pub(super) async fn prepare(
    services: &Services,
    record: &Record,
    lesson: &Lesson,
) -> Result<(), Error> {
    let title = "make the machine ready for the lesson";
    let why = "Something on it is to be as it is found in the lesson.";
    run(services, record, &lesson.prepare, (title, why)).await
}

/// Puts machines back of which the lesson changes more than can be listed.
///
/// # Errors
/// Those of reaching machines, and of the scripts.
pub(super) async fn undo(
    services: &Services,
    record: &Record,
    lesson: &Lesson,
) -> Result<(), Error> {
    let why = "The lesson says how what it changes there is undone.";
    run(services, record, &lesson.undo, ("put the machine back", why)).await
}

async fn run(
    services: &Services,
    record: &Record,
    scripts: &[MachineScript],
    (title, why): (&'static str, &'static str),
) -> Result<(), Error> {
    if scripts.is_empty() {
        return Ok(());
    }
    let machines = machines(&*services.driver, &record.spec.name).await?;
    for MachineScript { on, run } in scripts {
        let machine = machines.iter().find(|machine| machine.id.name == *on);
        let is_on = |it: &&Machine| matches!(it.state, MachineState::Running);
        let Some(machine) = machine.filter(is_on) else { continue };
        let remote = log_in(&services.home, &*services.dialer, machine).await?;
        // What fails in the middle must not go on as if it had not.
        let script = Script::new(title, why, format!("set -eu\n{run}"));
        remote.run(&script).await.map_err(workflow::Error::from)?;
    }
    Ok(())
}
