//! `sweep`: what is there of clusters that nobody here knows of.

use std::collections::BTreeSet;

use crate::driver::{self, Leftover};
use crate::event::Progress;
use crate::model::ClusterName;

use super::error::Error;
use super::owner::by_home;
use super::services::Services;

/// Everything of the driver's that belongs to no cluster of which this computer has a record: what another home
/// has made, and the rest. What bears the name of a damaged record is not told of: it may be of that cluster.
pub async fn orphans(services: &Services) -> Result<(Vec<Leftover>, Vec<Leftover>), Error> {
    // First, because what is made meanwhile has a record before it is there.
    let mut leftovers = services.ask(services.driver.leftovers()).await?;
    let (mut ids, mut damaged) = (BTreeSet::new(), BTreeSet::new());
    for (name, record) in services.home.list()? {
        match record {
            Ok(record) => ids.extend(record.map(|record| record.cluster_id)),
            Err(_) => drop(damaged.insert(name)),
        }
    }
    leftovers.retain(|leftover| {
        !ids.contains(&leftover.cluster_id) && !damaged.contains(&leftover.cluster)
    });
    leftovers.sort();
    by_home(&services.home, leftovers)
}

/// Removes the clusters of which there are these leftovers, and looks whether they are gone.
///
/// # Errors
/// [`Error::NotGone`] if something of them is still there, and those of the driver.
pub async fn sweep(services: &Services, orphans: &[Leftover]) -> Result<(), Error> {
    let clusters: BTreeSet<(&ClusterName, &str)> =
        orphans.iter().map(|leftover| (&leftover.cluster, leftover.cluster_id.as_str())).collect();
    let progress = Progress::new(services.reporter.clone());
    services.interrupt.begin();
    for (name, id) in &clusters {
        progress.step(format!("remove cluster {name}"), remove(services, name, id)).await?;
    }
    services.driver.remove_litter().await?;
    progress.ready();
    let mut left = services.driver.leftovers().await?;
    left.retain(|leftover| clusters.contains(&(&leftover.cluster, leftover.cluster_id.as_str())));
    if left.is_empty() { Ok(()) } else { Err(Error::NotGone(left)) }
}

async fn remove(services: &Services, name: &ClusterName, id: &str) -> Result<(), driver::Error> {
    services.driver.refuse_held(name, Some(id)).await?;
    let machines = services.driver.list(Some(name)).await?;
    for machine in machines.iter().filter(|machine| machine.cluster_id == id) {
        services.driver.destroy(machine).await?;
    }
    services.driver.cleanup(name, Some(id)).await
}
