//! The snapshots that the machines of a cluster tell of.

use std::collections::BTreeSet;

use crate::model::{MachineId, MachineName, SnapshotName};

use super::{About, Error, Lack};

/// What a machine says of its snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The machine.
    pub machine: MachineId,
    /// What its state belongs to; `None` where it has none, as a load balancer.
    pub runs: Option<String>,
    /// What it has of snapshots.
    pub parts: Vec<Part>,
}

/// What a machine has of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The snapshot.
    pub name: SnapshotName,
    /// Whether each file of it is as it was written.
    pub whole: bool,
    /// What it tells, if that can be read.
    pub about: Option<About>,
}

/// A snapshot, as the machines that answer tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: SnapshotName,
    /// What it tells of itself, if that can be read anywhere.
    pub about: Option<About>,
    /// The machines that do not have what they should.
    pub lacking: Vec<(MachineName, Lack)>,
}

/// What the script that looks for snapshots has printed.
///
/// # Errors
/// [`Error::Odd`] if it makes no sense.
pub fn seen(said: &str, machine: &MachineId) -> Result<Seen, Error> {
    let odd = || Error::Odd { machine: machine.clone(), said: said.to_owned() };
    let mut seen = Seen { machine: machine.clone(), runs: None, parts: Vec::new() };
    for line in said.lines() {
        match line.split_once(' ').ok_or_else(odd)? {
            ("runs", what) => seen.runs = Some(what.to_owned()),
            ("snapshot", rest) => {
                let mut words = rest.splitn(3, ' ');
                let mut word = || words.next().ok_or_else(odd);
                let name = word()?.parse().map_err(|_| odd())?;
                let whole = match word()? {
                    "whole" => true,
                    "damaged" => false,
                    _ => return Err(odd()),
                };
                // What is damaged may be just that.
                let about = serde_json::from_str(word()?).ok();
                seen.parts.push(Part { name, whole: whole && about.is_some(), about });
            }
            _ => return Err(odd()),
        }
    }
    Ok(seen)
}

/// The snapshots that there are, the oldest first.
pub fn gathered(all: &[Seen]) -> Vec<Snapshot> {
    let parts = || all.iter().flat_map(|seen| seen.parts.iter());
    let names: BTreeSet<_> = parts().map(|part| &part.name).collect();
    let mut snapshots: Vec<_> = names.into_iter().map(|name| of_name(name, all)).collect();
    snapshots.sort_by_key(|snapshot| snapshot.about.as_ref().map(|about| about.taken));
    snapshots
}

fn of_name(name: &SnapshotName, all: &[Seen]) -> Snapshot {
    let part = |seen: &'_ Seen| seen.parts.iter().find(|part| part.name == *name).cloned();
    let having: Vec<_> = all.iter().filter_map(|seen| Some((seen, part(seen)?))).collect();
    let told = |whole: bool| having.iter().filter(move |(_, part)| part.whole == whole);
    let about = told(true).chain(told(false)).find_map(|(_, part)| part.about.clone());
    let machines = match &about {
        Some(about) => about.machines.clone(),
        None => having.iter().map(|(seen, _)| seen.machine.name).collect(),
    };
    let lacking = machines.into_iter().filter_map(|machine| {
        let lack = match all.iter().find(|seen| seen.machine.name == machine).map(part) {
            None => Lack::Silent,
            Some(None) => Lack::Absent,
            Some(Some(part)) if !part.whole => Lack::Damaged,
            Some(Some(part)) if part.about != about => Lack::Other,
            Some(Some(_)) => return None,
        };
        Some((machine, lack))
    });
    Snapshot { name: name.clone(), lacking: lacking.collect(), about }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Orchestrator, Role};

    pub(in crate::snapshot) fn about(taken: i64) -> About {
        About {
            name: "before".parse().unwrap(),
            cluster: "practice".parse().unwrap(),
            cluster_id: "b22f49ae4ae94b6e".to_owned(),
            orchestrator: Orchestrator::Kubernetes,
            runs: "Kubernetes v1.37.2".to_owned(),
            taken: jiff::Timestamp::from_second(taken).unwrap(),
            machines: vec![
                MachineName::new(Role::ControlPlane, 1),
                MachineName::new(Role::Worker, 1),
            ],
        }
    }

    pub(in crate::snapshot) fn at(machine: &str, said: &str) -> Seen {
        let id = MachineId { cluster: "practice".parse().unwrap(), name: machine.parse().unwrap() };
        seen(said, &id).unwrap()
    }

    pub(in crate::snapshot) fn line(state: &str, about: &About) -> String {
        let json = serde_json::to_string(about).unwrap();
        format!("runs {}\nsnapshot {} {state} {json}\n", about.runs, about.name)
    }

    #[test]
    fn what_a_machine_says_is_read() {
        let seen = at("worker-1", &line("whole", &about(7)));
        assert_eq!(seen.runs.as_deref(), Some("Kubernetes v1.37.2"));
        assert_eq!(seen.parts[0].about, Some(about(7)));
        assert!(seen.parts[0].whole);
        // A load balancer; and what cannot be read is not whole, whatever its checksum is.
        let seen = at("load-balancer-1", "snapshot before whole \n");
        assert_eq!((seen.runs, seen.parts[0].whole), (None, false));
        let id =
            MachineId { cluster: "practice".parse().unwrap(), name: "worker-1".parse().unwrap() };
        for odd in ["sh: not found", "snapshot", "snapshot ../x whole {}", "snapshot x half {}"] {
            assert!(matches!(super::seen(odd, &id), Err(Error::Odd { .. })), "{odd}");
        }
    }

    #[test]
    fn a_snapshot_is_whole_if_each_of_its_machines_has_its_part() {
        let all = |worker: &str| {
            let leader = at("control-plane-1", &line("whole", &about(7)));
            gathered(&[leader, at("worker-1", worker)]).pop().unwrap()
        };
        assert_eq!(all(&line("whole", &about(7))).lacking, []);
        for (worker, lack) in [
            (line("damaged", &about(7)), Lack::Damaged),
            (line("whole", &about(8)), Lack::Other),
            ("runs Kubernetes v1.37.2\n".to_owned(), Lack::Absent),
        ] {
            assert_eq!(all(&worker).lacking, [(MachineName::new(Role::Worker, 1), lack)]);
        }
        let alone = gathered(&[at("worker-1", &line("whole", &about(7)))]);
        let leader = MachineName::new(Role::ControlPlane, 1);
        assert_eq!(alone[0].lacking, [(leader, Lack::Silent)]);
        let unreadable = gathered(&[at("worker-1", "snapshot before damaged {\n")]);
        assert_eq!((&unreadable[0].about, unreadable[0].lacking.len()), (&None, 1));
    }
}
