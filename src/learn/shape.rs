//! The clusters that lessons are done on.

use crate::driver::registry;
use crate::kind;
use crate::lesson::Lesson;
use crate::model::ClusterName;
use crate::spec::{ClusterSpec, MachineGroup};

use super::error::Error;

/// What the cluster of a lesson is called where nobody says otherwise. All lessons of the same shape are done on the same one.
pub fn usual_name(lesson: &Lesson) -> ClusterName {
    let shape = &lesson.cluster;
    let machines = shape.leading + shape.workers;
    let name = format!("lesson-{}-{machines}", shape.orchestrator);
    name.parse().expect("kinds of clusters have short names")
}

/// The machines that a lesson needs, as a cluster.
pub fn wanted(lesson: &Lesson, name: ClusterName) -> ClusterSpec {
    let groups = lesson.cluster.counts().into_iter();
    let groups = groups.map(|(role, count)| MachineGroup::new(role, count, registry::default()));
    ClusterSpec::new(name, lesson.cluster.orchestrator, groups.collect())
}

/// Refuses a cluster of a learner's on which a lesson cannot be done: one of another kind, or with other numbers of machines.
///
/// # Errors
/// [`Error::Unfit`].
pub fn check(lesson: &Lesson, spec: &ClusterSpec) -> Result<(), Error> {
    let wanted = lesson.cluster.counts();
    let fits = spec.orchestrator == lesson.cluster.orchestrator
        && wanted.iter().all(|(role, count)| spec.count(*role) == usize::from(*count))
        && spec.machines.iter().all(|group| wanted.iter().any(|(role, _)| *role == group.role));
    if fits {
        return Ok(());
    }
    let machines: Vec<_> = wanted.iter().map(|(role, count)| format!("{count} × {role}")).collect();
    Err(Error::Unfit {
        is_ours: spec.name == usual_name(lesson),
        cluster: spec.name.clone(),
        lesson: lesson.id.clone(),
        wanted: format!(
            "{} of {}",
            kind::of(lesson.cluster.orchestrator).noun(),
            machines.join(", ")
        ),
    })
}
