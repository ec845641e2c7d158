//! Containers of others that hold what is a cluster's: it cannot be removed before they let go.

use std::collections::BTreeSet;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum as State};
use futures_util::try_join;

use super::{DockerDriver, labels};
use crate::driver::{Error, Holder};
use crate::model::ClusterName;

impl DockerDriver {
    /// Refuses to remove a cluster while containers that are not its own are in its network or use volumes
    /// of its machines.
    pub(super) async fn refuse_holders(
        &self,
        cluster: &ClusterName,
        cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        let filter = || Some(labels::exact_filter(cluster, cluster_id));
        let (containers, networks, volumes) =
            try_join!(self.containers(None), self.networks(filter()), self.volumes(filter()))?;
        let networks: BTreeSet<&str> = networks.iter().filter_map(|n| n.id.as_deref()).collect();
        let volumes: BTreeSet<&str> = volumes.iter().map(|v| v.name.as_str()).collect();
        let foreign = containers.iter().filter(|c| labels::cluster(c) != Some(cluster.as_str()));
        let docker = format!("docker --host {}", self.engine.place);
        let mut holders = Vec::new();
        for container in foreign {
            let name = labels::name(container);
            let holder = |what: String, command: &str| Holder {
                what,
                by: format!("container `{name}`"),
                command: format!("{docker} {command} {name}"),
            };
            if is_in(container, &networks) {
                let network = cluster.context();
                let command = format!("network disconnect --force {network}");
                holders.push(holder(format!("network `{network}`"), &command));
            }
            if uses(container, &volumes) {
                holders.push(holder("a volume of its machines".to_owned(), "rm --force"));
            }
        }
        if holders.is_empty() {
            return Ok(());
        }
        Err(Error::Held { cluster: cluster.clone(), holders })
    }
}

/// Whether a container has an address in one of these networks. One that is off has none.
fn is_in(container: &ContainerSummary, networks: &BTreeSet<&str>) -> bool {
    let on = matches!(container.state, Some(State::RUNNING | State::PAUSED | State::RESTARTING));
    let settings = container.network_settings.iter().flat_map(|s| s.networks.iter().flatten());
    let mut ids = settings.filter_map(|(_, endpoint)| endpoint.network_id.as_deref());
    on && ids.any(|id| networks.contains(id))
}

/// Whether a container, on or off, uses one of these volumes.
fn uses(container: &ContainerSummary, volumes: &BTreeSet<&str>) -> bool {
    let mounts = container.mounts.iter().flatten();
    mounts.filter_map(|mount| mount.name.as_deref()).any(|name| volumes.contains(name))
}
