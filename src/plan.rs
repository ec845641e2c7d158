//! From what was asked for and what exists to what must be done. Pure, and its `Display` is what
//! `--dry-run` prints.

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

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |verb: &str, names: &[MachineName]| {
            names.iter().try_for_each(|name| writeln!(f, "{verb:<8}{name}"))
        };
        let kept: Vec<_> =
            self.keep.iter().copied().filter(|name| !self.restart.contains(name)).collect();
        line("keep", &kept)?;
        line("restart", &self.restart)?;
        line("start", &self.start)?;
        line("create", &self.create)?;
        line("surplus", &self.surplus)
    }
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
        insta::assert_snapshot!(Plan::new(&spec(3), &existing), @r"
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
        insta::assert_snapshot!(due, @r"
        keep    manager-1
        restart worker-2
        start   worker-1
        ");
        assert_eq!(plan.with_restarts(|_| true).with_restarts(|_| true).restart, due.keep);
    }
}
