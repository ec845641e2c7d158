//! What is there of clusters, machines or not.

use std::collections::{BTreeMap, HashMap};

use futures_util::try_join;

use super::options::DRIVER;
use super::{DockerDriver, labels};
use crate::driver::{Error, LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_HOME, Leftover};
use crate::model::{ClusterName, counted};

/// Whose something is: a cluster's name, its random id, and that of the home that made it.
type Owner = (ClusterName, String, Option<String>);

impl DockerDriver {
    /// Machines, networks and volumes of all clusters.
    pub(super) async fn find_leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let filter = || Some(labels::filter(None));
        let (machines, networks, volumes) =
            try_join!(self.list_machines(None), self.networks(filter()), self.volumes(filter()))?;
        let mut leftovers: Vec<Leftover> = machines.into_iter().map(Leftover::from).collect();
        for network in networks {
            let name = network.name.as_deref().unwrap_or_default();
            let owner = network.labels.as_ref().and_then(owner);
            leftovers.extend(owner.map(|owner| leftover(owner, format!("network `{name}`"))));
        }
        // Their names say nothing.
        let mut counts: BTreeMap<Owner, usize> = BTreeMap::new();
        for owner in volumes.iter().filter_map(|volume| owner(&volume.labels)) {
            *counts.entry(owner).or_default() += 1;
        }
        let volumes = counts.into_iter();
        leftovers.extend(volumes.map(|(owner, count)| leftover(owner, counted(count, "volume"))));
        Ok(leftovers)
    }
}

fn owner(labels: &HashMap<String, String>) -> Option<Owner> {
    let cluster = labels.get(LABEL_CLUSTER)?.parse().ok()?;
    Some((cluster, labels.get(LABEL_CLUSTER_ID)?.clone(), labels.get(LABEL_HOME).cloned()))
}

fn leftover((cluster, cluster_id, home): Owner, what: String) -> Leftover {
    Leftover { driver: DRIVER, cluster, cluster_id, home, what }
}
