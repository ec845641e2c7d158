//! How many machines there are to be.

use crate::model::{DriverName, MachineName, Role};

use super::{ClusterSpec, MachineGroup};

impl ClusterSpec {
    /// Makes the groups of a role add up to a count: the last ones shrink, or the last one grows. Where
    /// there is none, one is added whose machines come from `driver`.
    pub fn set_count(&mut self, role: Role, count: u16, driver: DriverName) {
        let mut left = count;
        for group in self.machines.iter_mut().filter(|g| g.role == role) {
            group.count = group.count.min(left);
            left -= group.count;
        }
        match self.machines.iter_mut().rev().find(|g| g.role == role) {
            Some(last) => last.count += left,
            None => self.machines.push(MachineGroup::new(role, left, driver)),
        }
        self.machines.retain(|g| g.count > 0 || g.role != role);
    }

    /// Whether it has a machine of that name.
    pub fn has(&self, name: MachineName) -> bool {
        self.machines().iter().any(|machine| machine.name == name)
    }

    /// Whether it is the same but for how engines are installed and configured.
    pub fn is_but_for_engines(&self, other: &Self) -> bool {
        Self { engine: other.engine.clone(), ..self.clone() } == *other
    }

    /// The same cluster with so many machines of these roles; new ones come from the cluster's own driver.
    #[must_use]
    pub fn with_counts(&self, counts: &[(Role, u16)]) -> Self {
        let mut spec = self.clone();
        for (role, count) in counts {
            spec.set_count(*role, *count, self.driver());
        }
        spec
    }

    /// The same cluster with no more machines of any role than `other` has.
    #[must_use]
    pub fn at_most(&self, other: &Self) -> Self {
        let mut spec = self.clone();
        for role in Role::ALL {
            let most = u16::try_from(other.count(role)).unwrap_or(u16::MAX);
            if spec.count(role) > usize::from(most) {
                spec.set_count(role, most, self.driver());
            }
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Orchestrator;

    fn spec() -> ClusterSpec {
        let mut with_port = MachineGroup::new(Role::Worker, 2, DriverName::fixed("docker"));
        with_port.ports = vec!["8081:80".parse().unwrap()];
        let machines = vec![
            MachineGroup::new(Role::Manager, 1, DriverName::fixed("docker")),
            MachineGroup::new(Role::Worker, 1, DriverName::fixed("docker")),
            with_port,
        ];
        ClusterSpec::new("ab".parse().unwrap(), Orchestrator::Swarm, machines)
    }

    fn names(spec: &ClusterSpec) -> String {
        let machines = spec.machines();
        let names = machines.iter().map(|m| format!("{} {}", m.name, m.ports.len()));
        names.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn counts_are_set_across_groups() {
        let mut spec = spec();
        assert_eq!(names(&spec), "manager-1 0, worker-1 0, worker-2 1, worker-3 0");
        spec.set_count(Role::Worker, 2, DriverName::fixed("docker"));
        assert_eq!(names(&spec), "manager-1 0, worker-1 0, worker-2 1");
        spec.set_count(Role::Worker, 1, DriverName::fixed("docker"));
        assert_eq!(names(&spec), "manager-1 0, worker-1 0");
        spec.set_count(Role::Worker, 2, DriverName::fixed("docker"));
        assert_eq!(names(&spec), "manager-1 0, worker-1 0, worker-2 0");
        spec.set_count(Role::Worker, 0, DriverName::fixed("docker"));
        assert_eq!(names(&spec), "manager-1 0");
    }

    #[test]
    fn growing_and_shrinking_at_once_shrinks_first() {
        let before = spec();
        let mut wanted = before.clone();
        wanted.set_count(Role::Manager, 3, DriverName::fixed("docker"));
        wanted.set_count(Role::Worker, 1, DriverName::fixed("docker"));
        assert_eq!(names(&wanted.at_most(&before)), "manager-1 0, worker-1 0");
        assert_eq!(before.at_most(&wanted).machines.len(), 2);
        assert_eq!(before.at_most(&before), before);
    }
}
