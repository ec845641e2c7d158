//! From what was asked for and what exists to what must be done. Pure; `--dry-run` prints it, phase by phase.

use std::fmt;

use crate::model::{Machine, MachineName, MachineState};
use crate::spec::ClusterSpec;

/// What must be done so that the machines are as the spec says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Exist and run.
    pub keep: Vec<MachineName>,
    /// Of those, the ones whose engine has to be restarted, one after the other.
    pub restart: Vec<MachineName>,
    /// Exist and are off.
    pub start: Vec<MachineName>,
    /// Do not exist, or were never finished.
    pub create: Vec<MachineName>,
    /// Exist and are not in the spec.
    pub surplus: Vec<MachineName>,
}

impl Plan {
    /// Compares a spec with the machines that exist.
    pub fn new(spec: &ClusterSpec, existing: &[Machine]) -> Self {
        let mut plan = Self::default();
        let wanted = spec.machines();
        for machine in &wanted {
            let state = existing.iter().find(|m| m.id.name == machine.name).map(|m| m.state);
            match state {
                Some(MachineState::Running) => plan.keep.push(machine.name),
                Some(MachineState::Stopped | MachineState::Paused | MachineState::Unknown) => {
                    plan.start.push(machine.name);
                }
                Some(MachineState::Unfinished) | None => plan.create.push(machine.name),
            }
        }
        plan.surplus = existing
            .iter()
            .map(|m| m.id.name)
            .filter(|name| wanted.iter().all(|w| w.name != *name))
            .collect();
        plan
    }
}

impl Plan {
    /// The same, where of the machines that run those have their engines restarted that are `due`.
    #[must_use]
    pub fn with_restarts(mut self, due: impl Fn(MachineName) -> bool) -> Self {
        self.restart = self.keep.iter().copied().filter(|name| due(*name)).collect();
        self
    }

    /// Whether nothing has to be done to the machines.
    pub fn is_empty(&self) -> bool {
        [&self.restart, &self.start, &self.create, &self.surplus]
            .iter()
            .all(|names| names.is_empty())
    }
}

/// What happens to a machine, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing.
    Keep,
    /// Its engine is restarted.
    Restart,
    /// It is switched on.
    Start,
    /// It is made.
    Create,
    /// It is one too many.
    Surplus,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keep => "keep",
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Create => "create",
            Self::Surplus => "surplus",
        })
    }
}

/// What of it is done in which phase.
impl Plan {
    /// The machines that there are to be.
    pub fn machines(&self) -> Vec<(Change, MachineName)> {
        let is_kept = |name: &&MachineName| !self.restart.contains(name);
        let kept: Vec<_> = self.keep.iter().filter(is_kept).copied().collect();
        [
            each(Change::Keep, &kept),
            each(Change::Start, &self.start),
            each(Change::Create, &self.create),
        ]
        .concat()
    }

    /// Those that are too many.
    pub fn departures(&self) -> Vec<(Change, MachineName)> {
        each(Change::Surplus, &self.surplus)
    }

    /// Those whose engines are restarted.
    pub fn restarts(&self) -> Vec<(Change, MachineName)> {
        each(Change::Restart, &self.restart)
    }
}

fn each(change: Change, names: &[MachineName]) -> Vec<(Change, MachineName)> {
    names.iter().map(|name| (change, *name)).collect()
}

/// Changes as `--dry-run` prints them: a line for each machine, those first that go on as they are.
pub(crate) fn told(mut changes: Vec<(Change, MachineName)>) -> String {
    changes.sort_by_key(|(change, _)| *change);
    changes.iter().map(|(change, name)| format!("{change:<8}{name}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{DriverName, MachineId, Orchestrator, Role};
    use crate::spec::MachineGroup;

    fn spec(workers: u16) -> ClusterSpec {
        let machines = vec![
            MachineGroup::new(Role::Manager, 1, DriverName::fixed("docker")),
            MachineGroup::new(Role::Worker, workers, DriverName::fixed("docker")),
        ];
        ClusterSpec::new("practice".parse().unwrap(), Orchestrator::Swarm, machines)
    }

    fn machine(name: &str, state: MachineState) -> Machine {
        Machine {
            id: MachineId { cluster: "practice".parse().unwrap(), name: name.parse().unwrap() },
            driver: DriverName::fixed("docker"),
            cluster_id: "id".to_owned(),
            home: None,
            orchestrator: Orchestrator::Swarm,
            handle: name.to_owned(),
            state,
            user: "root".to_owned(),
            private_ip: [10, 200, 0, 1].into(),
            endpoints: BTreeMap::new(),
            expires: None,
            cost: None,
        }
    }

    #[test]
    fn a_plan_keeps_starts_creates_and_names_what_is_too_much() {
        let existing = [
            machine("manager-1", MachineState::Running),
            machine("worker-1", MachineState::Stopped),
            machine("worker-2", MachineState::Unfinished),
            machine("worker-4", MachineState::Running),
        ];
        let plan = Plan::new(&spec(3), &existing);
        insta::assert_snapshot!(told([plan.machines(), plan.departures()].concat()), @r"
        keep    manager-1
        start   worker-1
        create  worker-2
        create  worker-3
        surplus worker-4
        ");
    }

    #[test]
    fn engines_are_restarted_where_they_run_and_have_to_be() {
        let existing = [
            machine("manager-1", MachineState::Running),
            machine("worker-1", MachineState::Stopped),
            machine("worker-2", MachineState::Running),
        ];
        let plan = Plan::new(&spec(2), &existing);
        let due = plan.clone().with_restarts(|name| name.role == Role::Worker);
        insta::assert_snapshot!(told([due.machines(), due.restarts()].concat()), @r"
        keep    manager-1
        restart worker-2
        start   worker-1
        ");
        assert_eq!(plan.with_restarts(|_| true).with_restarts(|_| true).restart, due.keep);
    }
}
