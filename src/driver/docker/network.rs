//! A cluster's own network, with a range of addresses that nothing else uses.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;

use super::cluster_network::ClusterNetwork;
use super::engine::{CONFLICT, failed, message, status};
use super::labels::Owner;
use super::subnet;
use super::{DockerDriver, labels, routes};
use crate::driver::lock::lock;
use crate::driver::{Error, LABEL_CLUSTER, LABEL_CLUSTER_ID};
use crate::model::{ClusterName, Machine, MachineRequest, Subnet};

/// What was found out about a cluster's network before anything is made.
pub(super) enum Settled {
    /// It is there.
    Exists(ClusterNetwork),
    /// It can be made, with one of these ranges.
    Free(Vec<Subnet>),
}

impl DockerDriver {
    /// Finds the cluster's network or the ranges it may get, and refuses what cannot be.
    pub(super) async fn settle_network(
        &self,
        cluster: &ClusterName,
        cluster_id: &str,
        requests: &[MachineRequest],
    ) -> Result<Settled, Error> {
        let given = self.options.subnet;
        let networks = self.networks(None).await?;
        let settled = match existing(cluster, Some(cluster_id), &networks)? {
            Some(network) => {
                if let Some(given) = given.filter(|given| *given != network.subnet) {
                    return Err(Error::Unsupported(format!(
                        "cluster `{cluster}` has the subnet {} already, which cannot become \
                         {given} while it exists",
                        network.subnet
                    )));
                }
                Settled::Exists(network)
            }
            None => Settled::Free(self.free_subnets(cluster, given, &networks).await?),
        };
        let subnet = match &settled {
            Settled::Exists(network) => Some(network.subnet),
            Settled::Free(subnets) => subnets.first().copied(),
        };
        for request in requests {
            subnet.map(|s| subnet::address(s, request.id.name)).transpose()?;
        }
        Ok(settled)
    }

    async fn free_subnets(
        &self,
        cluster: &ClusterName,
        given: Option<Subnet>,
        networks: &[Network],
    ) -> Result<Vec<Subnet>, Error> {
        // Routes of this computer say nothing about an engine elsewhere.
        let routes = if self.engine.process.is_some() { routes::all().await } else { Vec::new() };
        let owner = |wanted: Subnet| {
            let of_network =
                networks.iter().find(|network| ranges(network).any(|range| range.overlaps(wanted)));
            if let Some(network) = of_network {
                let name = network.name.as_deref().unwrap_or("?");
                return Some(format!("network `{name}`"));
            }
            let route = routes.iter().find(|route| route.range.overlaps(wanted))?;
            Some(format!("the route to {} {}", route.range, route.way))
        };
        if let Some(given) = given {
            return match owner(given) {
                None => Ok(vec![given]),
                Some(owner) => Err(taken(given, owner)),
            };
        }
        let mut free = Vec::new();
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        for subnet in subnet::candidates(cluster) {
            match owner(subnet) {
                Some(owner) => *owners.entry(owner).or_default() += 1,
                None => free.push(subnet),
            }
        }
        if free.is_empty() {
            let most = owners.into_iter().max_by_key(|(_, ranges)| *ranges);
            return Err(Error::Unsupported(format!(
                "all of {} is in use, most of it by {}: remove clusters, or choose a subnet (--subnet)",
                subnet::ALL,
                most.map(|(owner, _)| owner).unwrap_or_default(),
            )));
        }
        Ok(free)
    }

    /// Makes the cluster's network with the first of the ranges that is still free.
    pub(super) async fn create_network(
        &self,
        of: &Owner<'_>,
        subnets: Vec<Subnet>,
    ) -> Result<ClusterNetwork, Error> {
        let Owner { cluster, cluster_id, .. } = *of;
        let is_given = subnets.len() == 1;
        let name = cluster.context();
        let subject = || format!("network `{name}`");
        let mut refusal = None;
        for subnet in subnets {
            let request = request(&name, of, subnet);
            match self.engine.client.create_network(request).await {
                Ok(made) => return self.settle_on_one(cluster, cluster_id, &made.id).await,
                Err(error) if message(&error).contains("overlaps") => {
                    // Somebody was quicker.
                    refusal = Some((subnet, error));
                }
                Err(error) if status(&error) == Some(CONFLICT) => {
                    let networks = self.networks(Some(labels::filter(Some(cluster)))).await?;
                    let found = existing(cluster, Some(cluster_id), &networks)?;
                    return found.ok_or_else(|| Error::Foreign {
                        subject: format!("a network named `{name}`"),
                    });
                }
                Err(error) => return Err(failed("create", subject())(error)),
            }
        }
        match refusal {
            Some((subnet, _)) if is_given => Err(taken(subnet, "another network".to_owned())),
            Some((_, error)) => Err(failed("create", subject())(error)),
            None => Err(Error::Unsupported(format!("{} has no range", subject()))),
        }
    }

    /// The network that a machine belongs in. Somebody may have removed it while all machines were off, as
    /// `docker network prune` does; then it is made again, with the range that it had.
    pub(super) async fn network_again(&self, machine: &Machine) -> Result<ClusterNetwork, Error> {
        let cluster = &machine.id.cluster;
        let networks = self.networks(Some(labels::filter(Some(cluster)))).await?;
        let there = existing(cluster, Some(&machine.cluster_id), &networks)?;
        let network = if let Some(network) = there {
            network
        } else {
            let range = self.range_of(machine)?;
            self.create_network(&Owner::of_machine(machine), vec![range]).await?
        };
        lock(&self.networks).insert(cluster.clone(), network.clone());
        Ok(network)
    }

    /// The range that a machine's address is from.
    fn range_of(&self, machine: &Machine) -> Result<Subnet, Error> {
        let IpAddr::V4(address) = machine.private_ip else {
            return Err(no_network(&machine.id.cluster));
        };
        let given = self.options.subnet.filter(|given| given.contains(address));
        Ok(given.unwrap_or(Subnet::containing(address, subnet::PREFIX)))
    }

    /// Two processes may both have made it, because engines allow networks of one name. Everybody
    /// keeps the oldest and removes their own if it is another.
    async fn settle_on_one(
        &self,
        cluster: &ClusterName,
        cluster_id: &str,
        made: &str,
    ) -> Result<ClusterNetwork, Error> {
        let networks = self.networks(Some(labels::filter(Some(cluster)))).await?;
        let kept = existing(cluster, Some(cluster_id), &networks);
        if !matches!(&kept, Ok(Some(network)) if network.id == made) {
            let remove = self.engine.client.remove_network(made).await;
            remove.map_err(failed("remove", format!("network `{}`", cluster.context())))?;
        }
        kept?.ok_or_else(|| no_network(cluster))
    }

    /// The network of a cluster that was prepared.
    pub(super) async fn network_of(&self, cluster: &ClusterName) -> Result<ClusterNetwork, Error> {
        let known = lock(&self.networks).get(cluster).cloned();
        if let Some(network) = known {
            return Ok(network);
        }
        let networks = self.networks(Some(labels::filter(Some(cluster)))).await?;
        let network = existing(cluster, None, &networks)?.ok_or_else(|| no_network(cluster))?;
        lock(&self.networks).insert(cluster.clone(), network.clone());
        Ok(network)
    }

    /// The engine's networks: those that pass a filter, or all.
    pub(super) async fn networks(
        &self,
        filters: Option<HashMap<String, Vec<String>>>,
    ) -> Result<Vec<Network>, Error> {
        let list = self.engine.client.list_networks(Some(ListNetworksOptions { filters }));
        list.await.map_err(failed("list", "networks"))
    }
}

fn no_network(cluster: &ClusterName) -> Error {
    Error::Unsupported(format!("cluster `{cluster}` has no network: prepare it first"))
}

fn taken(subnet: Subnet, owner: String) -> Error {
    Error::Taken { resource: format!("subnet {subnet}"), owner }
}

/// The network of a cluster, the oldest if there are several.
fn existing(
    cluster: &ClusterName,
    cluster_id: Option<&str>,
    networks: &[Network],
) -> Result<Option<ClusterNetwork>, Error> {
    let name = cluster.context();
    let named = networks.iter().filter(|n| n.name.as_deref() == Some(&name));
    let (ours, foreign): (Vec<_>, Vec<_>) =
        named.partition(|n| label(n, LABEL_CLUSTER) == Some(cluster.as_str()));
    if !foreign.is_empty() {
        return Err(Error::Foreign { subject: format!("a network named `{name}`") });
    }
    let Some(oldest) = ours.into_iter().min_by_key(|n| (created(n), &n.id)) else {
        return Ok(None);
    };
    let id = label(oldest, LABEL_CLUSTER_ID).unwrap_or_default();
    if cluster_id.is_some_and(|wanted| wanted != id) {
        return Err(other_cluster(cluster, id));
    }
    let network = ranges(oldest).next().zip(oldest.id.clone());
    Ok(network.map(|(subnet, id)| ClusterNetwork { id, subnet }))
}

/// The error for a cluster of the same name that is not the same cluster.
pub(super) fn other_cluster(cluster: &ClusterName, id: &str) -> Error {
    Error::Taken {
        resource: format!("the cluster name `{cluster}`"),
        owner: format!("another cluster on this engine, with the id `{id}`"),
    }
}

/// When a network was made; those that do not say come first.
fn created(network: &Network) -> Option<jiff::Timestamp> {
    network.created.as_deref()?.parse().ok()
}

fn label<'a>(network: &'a Network, key: &str) -> Option<&'a str> {
    network.labels.as_ref()?.get(key).map(String::as_str)
}

/// The IPv4 ranges of a network.
fn ranges(network: &Network) -> impl Iterator<Item = Subnet> {
    let configs = network.ipam.iter().flat_map(|ipam| ipam.config.iter().flatten());
    configs.filter_map(|config| {
        let (address, prefix) = config.subnet.as_deref()?.split_once('/')?;
        Some(Subnet::containing(address.parse().ok()?, prefix.parse().ok()?))
    })
}

fn request(name: &str, of: &Owner<'_>, subnet: Subnet) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        ipam: Some(ipam(subnet)),
        labels: Some(labels::of_cluster(of)),
        ..Default::default()
    }
}

fn ipam(subnet: Subnet) -> Ipam {
    Ipam {
        config: Some(vec![IpamConfig {
            subnet: Some(subnet.to_string()),
            gateway: Some(subnet::gateway(subnet).to_string()),
            ..Default::default()
        }]),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn network(id: &str, created: &str, labels: &[(&str, &str)]) -> Network {
        let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Network {
            name: Some("dojo-practice".to_owned()),
            id: Some(id.to_owned()),
            created: Some(created.to_owned()),
            ipam: Some(ipam("10.200.7.0/24".parse().unwrap())),
            labels: Some(labels.iter().map(text).collect::<HashMap<_, _>>()),
            ..Default::default()
        }
    }

    #[test]
    fn everybody_keeps_the_oldest_of_two() {
        let cluster = "practice".parse().unwrap();
        let ours = [(LABEL_CLUSTER, "practice"), (LABEL_CLUSTER_ID, "1")];
        // The engine cuts zeros off, so the texts would sort the other way round.
        let older = network("ff", "2026-01-02T03:04:05.5Z", &ours);
        let newer = network("00", "2026-01-02T03:04:05.51Z", &ours);
        for networks in [[older.clone(), newer.clone()], [newer, older]] {
            let kept = existing(&cluster, Some("1"), &networks).unwrap().unwrap();
            assert_eq!(kept.id, "ff");
            assert_eq!(kept.subnet.to_string(), "10.200.7.0/24");
        }
    }

    #[test]
    fn networks_of_others_are_told_apart() {
        let cluster = "practice".parse().unwrap();
        let time = "2026-01-02T03:04:05Z";
        let foreign = existing(&cluster, Some("1"), &[network("00", time, &[])]);
        assert!(matches!(foreign, Err(Error::Foreign { .. })));
        let theirs = [(LABEL_CLUSTER, "practice"), (LABEL_CLUSTER_ID, "2")];
        let theirs = [network("00", time, &theirs)];
        assert!(matches!(existing(&cluster, Some("1"), &theirs), Err(Error::Taken { .. })));
        assert!(existing(&cluster, None, &theirs).unwrap().is_some());
    }
}
