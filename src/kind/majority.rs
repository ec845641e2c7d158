//! Whether those that decide for a cluster are a majority: without one it accepts no changes.

use serde::{Deserialize, Serialize};

use crate::model::Role;
use crate::remote::ManagerHealth;

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
    /// `None` if an only one decides, or nobody does.
    pub(super) fn among(role: Role, on: usize, of: usize, holds: bool) -> Option<Self> {
        (of > 1).then_some(Self { role, on, of, holds })
    }

    /// How many more may fail.
    pub fn spare(&self) -> usize {
        self.on.saturating_sub(self.of / 2 + 1)
    }
}

/// What is seen of one machine.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What it is there for.
    pub role: Role,
    /// Whether it is there and on.
    pub is_on: bool,
    /// How it sees its swarm, if it is a manager and answers.
    pub manager: Option<ManagerHealth>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Orchestrator;

    /// `+` answers and sees a leader, `-` answers and sees none, `d` was demoted, `?` is on and silent, `o` is
    /// off, `p` is paused, `x` is gone.
    fn cluster(orchestrator: Orchestrator, leaders: &str, known: usize) -> Option<Majority> {
        let role = match orchestrator {
            Orchestrator::Kubernetes => Role::ControlPlane,
            _ => Role::Manager,
        };
        let seen: Vec<Seen> = leaders
            .chars()
            .map(|how| Seen {
                role,
                is_on: !"opx".contains(how),
                manager: matches!(how, '+' | '-')
                    .then_some(ManagerHealth { sees_leader: how == '+', known }),
            })
            .collect();
        crate::kind::of(orchestrator).majority(leaders.len(), &seen)
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
