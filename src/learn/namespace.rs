//! The namespace of a lesson of Kubernetes.

use crate::kind;
use crate::lesson::Lesson;
use crate::model::{Machine, MachineState};
use crate::remote::Script;
use crate::store::Record;
use crate::workflow::{self, Services};

use super::error::Error;
use super::login::{log_in, machines};

/// Makes the namespace of a lesson, if it has one, or removes the one that an earlier beginning has left.
pub(super) async fn namespace(
    services: &Services,
    record: &Record,
    lesson: &Lesson,
    mode: &str,
) -> Result<(), Error> {
    let kind = kind::of(record.spec.orchestrator);
    let (Some(name), Some(script)) = (&lesson.namespace, kind.namespace()) else { return Ok(()) };
    let script = Script::new(
        "make or remove the namespace of a lesson",
        "What belongs to the lesson is apart from all else, and goes with it.",
        script,
    )
    .with("MODE", mode)
    .with("NAMESPACE", name.clone());
    let machines = machines(&*services.driver, &record.spec.name).await?;
    let leads = |machine: &&Machine| {
        machine.state == MachineState::Running && machine.id.name.role == kind.roles()[0]
    };
    if let Some(machine) = machines.iter().find(leads) {
        let remote = log_in(&services.home, &*services.dialer, machine).await?;
        remote.run(&script).await.map_err(workflow::Error::from)?;
    }
    Ok(())
}
