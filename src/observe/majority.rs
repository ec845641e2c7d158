//! Whether those that decide for a cluster are a majority: without one it accepts no changes.

use serde::{Deserialize, Serialize};

use crate::model::{Orchestrator, Role};

use super::facts::{MachineFacts, ManagerFacts};

/// How many of those that decide are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Majority {
    /// Which ones decide.
    pub role: Role,
    /// How many of them answer, or are on where only that can be known.
    pub on: usize,
    /// How many there are, as they know it themselves.
    pub of: usize,
    /// Whether they can decide.
    pub holds: bool,
}

impl Majority {
    /// What the machines of a cluster that was asked for `asked` leaders say; `None` where nobody decides, or
    /// an only one does.
    pub(super) fn of(
        orchestrator: Orchestrator,
        asked: usize,
        machines: &[MachineFacts],
    ) -> Option<Self> {
        let majority = match orchestrator {
            Orchestrator::Swarm => Self::of_swarm(asked, machines),
            Orchestrator::Kubernetes => Self::of_kubernetes(asked, machines),
            Orchestrator::Engines => return None,
        };
        (majority.of > 1).then_some(majority)
    }

    fn of_swarm(asked: usize, machines: &[MachineFacts]) -> Self {
        let said = || machines.iter().filter_map(|m| m.engine.as_ref()?.manager);
        let on = said().count();
        let known = said().filter_map(|manager: ManagerFacts| manager.managers).max();
        let of = known.unwrap_or(asked);
        let off = machines.iter().filter(|m| m.role == Role::Manager && !m.is_on());
        // A leader notices only after a while that it has lost the others. And managers that do not answer
        // this computer may still answer each other.
        let may_hold = 2 * of.saturating_sub(off.count()) > of;
        let holds = said().any(|manager| manager.sees_leader) && may_hold;
        Self { role: Role::Manager, on, of, holds }
    }

    fn of_kubernetes(asked: usize, machines: &[MachineFacts]) -> Self {
        let leaders = machines.iter().filter(|m| m.role == Role::ControlPlane);
        let on = leaders.filter(|m| m.is_on()).count();
        Self { role: Role::ControlPlane, on, of: asked, holds: 2 * on > asked }
    }

    /// How many more may fail.
    pub fn spare(&self) -> usize {
        self.on.saturating_sub(self.of / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DriverName, MachineName, MachineState};
    use crate::observe::facts::EngineFacts;
    use crate::remote::{ManagerHealth, NodeHealth};

    /// `+` answers and sees a leader, `-` answers and sees none, `d` was demoted, `?` is on and silent, `o` is
    /// off, `p` is paused, `x` is gone.
    fn cluster(orchestrator: Orchestrator, leaders: &str, known: usize) -> Option<Majority> {
        let role = match orchestrator {
            Orchestrator::Kubernetes => Role::ControlPlane,
            _ => Role::Manager,
        };
        let machines: Vec<MachineFacts> = (1..)
            .zip(leaders.chars())
            .map(|(number, how)| {
                let manager = matches!(how, '+' | '-')
                    .then_some(ManagerHealth { sees_leader: how == '+', known });
                let member = Some("active".to_owned());
                let health = NodeHealth { version: String::new(), member, manager };
                let health = if "+-d".contains(how) { Ok(health) } else { Err("no".to_owned()) };
                machine(MachineName::new(role, number), how, health)
            })
            .collect();
        Majority::of(orchestrator, leaders.len(), &machines)
    }

    fn machine(name: MachineName, how: char, health: Result<NodeHealth, String>) -> MachineFacts {
        MachineFacts {
            name,
            role: name.role,
            driver: DriverName::Docker,
            exists: Some(how != 'x'),
            state: match how {
                'x' => None,
                'o' => Some(MachineState::Stopped),
                'p' => Some(MachineState::Paused),
                _ => Some(MachineState::Running),
            },
            address: [10, 0, 0, 1].into(),
            reachable: None,
            error: None,
            engine: Some(EngineFacts::of(health)),
            api: None,
            images: None,
        }
    }

    fn swarm(managers: &str, known: usize) -> (usize, usize, bool) {
        let majority = cluster(Orchestrator::Swarm, managers, known).unwrap();
        (majority.on, majority.of, majority.holds)
    }

    #[test]
    fn a_swarm_decides_with_more_than_half_of_its_managers() {
        assert_eq!(swarm("+++", 3), (3, 3, true));
        assert_eq!(swarm("++o", 3), (2, 3, true));
        assert_eq!(swarm("-oo", 3), (1, 3, false));
        assert_eq!(swarm("-px", 3), (1, 3, false));
        assert_eq!(swarm("+++ox", 5), (3, 5, true));
        assert_eq!(swarm("--oox", 5), (2, 5, false));
        assert_eq!(swarm("ooo", 0), (0, 3, false), "nobody is left to say how many there are");
        assert_eq!(
            swarm("-oo", 0),
            (1, 3, false),
            "without a leader it does not say how many there are"
        );
    }

    #[test]
    fn a_leader_that_has_not_noticed_yet_is_not_believed() {
        assert_eq!(swarm("+oo", 3), (1, 3, false));
        // They may be out of reach for this computer alone.
        assert_eq!(swarm("+??", 3), (1, 3, true));
        assert_eq!(swarm("-??", 3), (1, 3, false));
    }

    #[test]
    fn one_that_was_demoted_counts_no_more() {
        assert_eq!(swarm("++d", 2), (2, 2, true));
        assert_eq!(swarm("-od", 2), (1, 2, false));
        assert_eq!(cluster(Orchestrator::Swarm, "+dd", 1), None, "an only one needs no other");
    }

    #[test]
    fn control_planes_that_are_on_make_the_majority_of_etcd() {
        let kubernetes = |leaders| cluster(Orchestrator::Kubernetes, leaders, 0).unwrap();
        assert!(kubernetes("??o").holds);
        let lost = kubernetes("?px");
        assert_eq!((lost.on, lost.of, lost.holds), (1, 3, false));
        assert_eq!(cluster(Orchestrator::Kubernetes, "?", 0), None);
    }

    #[test]
    fn as_many_may_fail_as_leave_a_majority() {
        let spare = |managers: &str| {
            cluster(Orchestrator::Swarm, managers, managers.len()).unwrap().spare()
        };
        assert_eq!([spare("+++"), spare("++o"), spare("-oo"), spare("++++o")], [1, 0, 0, 1]);
    }
}
