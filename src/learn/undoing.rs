//! Puts machines back by the scripts of the lesson, and makes the cluster whole again.

use crate::lesson::Lesson;
use crate::model::MachineState;
use crate::remote::Script;
use crate::store::Record;
use crate::workflow::{self, Services, UpOptions};

use super::error::Error;
use super::login::{log_in, machines};

/// Runs what the lesson says on the machines that are on.
///
/// # Errors
/// Those of reaching machines, and of the scripts.
pub(super) async fn undo(
    services: &Services,
    record: &Record,
    lesson: &Lesson,
) -> Result<(), Error> {
    if lesson.undo.is_empty() {
        return Ok(());
    }
    let machines = machines(&*services.driver, &record.spec.name).await?;
    for undo in &lesson.undo {
        let is_meant = |name| name == undo.on;
        let on = machines.iter().find(|it| is_meant(it.id.name));
        let Some(machine) = on.filter(|it| it.state == MachineState::Running) else { continue };
        let script = Script::new(
            "put the machine back",
            "The lesson says how what it changes there is undone.",
            undo.run.clone(),
        );
        let remote = log_in(&services.home, &*services.dialer, machine).await?;
        remote.run(&script).await.map_err(workflow::Error::from)?;
    }
    Ok(())
}

/// Makes of the cluster what its record says, as `dojo up` does: a node that has left joins again.
///
/// # Errors
/// Those of `dojo up`.
pub(super) async fn mend(services: &Services, record: &Record) -> Result<(), Error> {
    let cluster = services.lock(&record.spec.name, "lesson-reset").await?;
    workflow::up(cluster, record.goal().clone(), UpOptions::BY_THE_WAY).await?;
    Ok(())
}
