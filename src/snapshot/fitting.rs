//! Which snapshots can be put back on a cluster.

use std::collections::BTreeSet;

use crate::model::{ClusterName, MachineName, Orchestrator};

use super::{Error, Seen, Snapshot};

/// What matters of a cluster for its snapshots.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Its name.
    pub cluster: &'a ClusterName,
    /// The random id that the labels of its machines carry.
    pub cluster_id: &'a str,
    /// What kind of cluster it is.
    pub orchestrator: Orchestrator,
    /// The machines that it has.
    pub machines: &'a [MachineName],
    /// What these say.
    pub seen: &'a [Seen],
}

/// Refuses a snapshot that cannot be put back as a whole, or does not fit to what the cluster is by now.
///
/// # Errors
/// Why it cannot: [`Error::NotWhole`], [`Error::OtherCluster`], [`Error::OtherMachines`] or [`Error::OtherRelease`].
pub fn admit(snapshot: &Snapshot, ground: Ground<'_>) -> Result<(), Error> {
    let (cluster, name) = (ground.cluster.clone(), snapshot.name.clone());
    let Some(about) = &snapshot.about else {
        return Err(Error::NotWhole { cluster, name, lacking: snapshot.lacking.clone() });
    };
    if about.cluster_id != ground.cluster_id || about.orchestrator != ground.orchestrator {
        return Err(Error::OtherCluster { cluster, name });
    }
    let then: BTreeSet<_> = about.machines.iter().copied().collect();
    let now: BTreeSet<_> = ground.machines.iter().copied().collect();
    if then != now {
        let gone = then.difference(&now).copied().collect();
        let new = now.difference(&then).copied().collect();
        return Err(Error::OtherMachines { cluster, name, gone, new });
    }
    if !snapshot.lacking.is_empty() {
        return Err(Error::NotWhole { cluster, name, lacking: snapshot.lacking.clone() });
    }
    for seen in ground.seen {
        if let Some(now) = seen.runs.clone().filter(|now| *now != about.runs) {
            let (machine, then) = (seen.machine.clone(), about.runs.clone());
            return Err(Error::OtherRelease { name, then, machine, now });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::found::tests::{about, at, line};
    use super::super::gathered;
    use super::*;

    fn judged(seen: &[Seen], machines: &[&str], id: &str) -> String {
        let snapshot = gathered(seen).pop().unwrap();
        let machines: Vec<MachineName> = machines.iter().map(|m| m.parse().unwrap()).collect();
        let ground = Ground {
            cluster: &"practice".parse().unwrap(),
            cluster_id: id,
            orchestrator: Orchestrator::Kubernetes,
            machines: &machines,
            seen,
        };
        admit(&snapshot, ground).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn only_what_fits_as_a_whole_is_put_back() {
        let (id, machines) = (about(7).cluster_id, ["control-plane-1", "worker-1"]);
        let leader = at("control-plane-1", &line("whole", &about(7)));
        let both = [leader.clone(), at("worker-1", &line("whole", &about(7)))];
        assert_eq!(judged(&both, &machines, &id), "fine");
        let said = judged(&both, &machines, "another");
        assert!(said.contains("of another cluster"), "{said}");
        let said = judged(&both, &["control-plane-1", "worker-2"], &id);
        assert!(said.ends_with("worker-1 went, worker-2 came"), "{said}");
        let damaged = [leader.clone(), at("worker-1", &line("damaged", &about(7)))];
        let said = judged(&damaged, &machines, &id);
        assert!(said.ends_with("is not whole: worker-1 has it damaged"), "{said}");
        let mut newer = at("worker-1", &line("whole", &about(7)));
        newer.runs = Some("Kubernetes v1.38.0".to_owned());
        let said = judged(&[leader, newer], &machines, &id);
        assert!(said.contains("is of Kubernetes v1.37.2, and"), "{said}");
        assert!(said.ends_with("has Kubernetes v1.38.0"), "{said}");
    }
}
