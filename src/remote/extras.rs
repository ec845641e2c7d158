//! What a cluster is asked for only where somebody needs it, since each costs: a watch, a list, or room.

/// Something that is asked for only if it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// What pods, workloads, nodes and services say beyond how they are: labels, probes, revisions, taints, mounts.
    Details,
    /// The containers of each engine, with the logs of their health checks. Engines keep the last five probes of a
    /// container, so they are asked every second.
    Containers,
    /// Replica sets.
    ReplicaSets,
    /// Jobs and cron jobs.
    Jobs,
    /// Events.
    Events,
    /// The names and keys of config maps and secrets.
    Keys,
    /// Pod disruption budgets.
    Budgets,
    /// The networks, configs and secrets of a swarm, by their names.
    Stacks,
}

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extras(u16);

impl Extras {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Those of a list.
    pub fn of(list: &[Extra]) -> Self {
        Self(list.iter().fold(0, |set, extra| set | bit(*extra)))
    }

    /// Whether one is among them.
    pub fn has(self, extra: Extra) -> bool {
        self.0 & bit(extra) != 0
    }

    /// Those that are in either of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn bit(extra: Extra) -> u16 {
    1 << extra as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_from_the_others() {
        let some = Extras::of(&[Extra::Details]).and(Extras::of(&[Extra::Events, Extra::Stacks]));
        let all = [
            Extra::Details,
            Extra::Containers,
            Extra::ReplicaSets,
            Extra::Jobs,
            Extra::Events,
            Extra::Keys,
            Extra::Budgets,
            Extra::Stacks,
        ];
        let among: Vec<_> = all.into_iter().filter(|extra| some.has(*extra)).collect();
        assert_eq!(among, [Extra::Details, Extra::Events, Extra::Stacks]);
        assert!(all.iter().all(|extra| !Extras::NONE.has(*extra)));
    }
}
