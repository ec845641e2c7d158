//! One look at a cluster: everything is asked at once, and put together.

use futures_util::future::join3;
use tokio::time::Instant;

use crate::event::chain;
use crate::kind::Seen;
use crate::model::Role;
use crate::pace::stretch;
use crate::remote::Extra;

use super::ask::Ask;
use super::cluster::{self, ClusterPart};
use super::containers::{self, Containers};
use super::facts::{Facts, Part};
use super::in_time::{PATIENCE, in_time};
use super::looked_at::Cluster;
use super::machines::{self, MachinesPart};
use super::sight::Sight;
use super::{certificates, findings};

/// Looks at a cluster once. Who has not answered at `end` is told as silent.
pub async fn once(cluster: &Cluster, ask: Ask, end: Instant) -> Facts {
    let end = end.min(Instant::now() + stretch(PATIENCE));
    match in_time(end, async { cluster.look().await.map_err(|e| chain(&e)) }).await {
        Ok(sight) => once_at(cluster, &sight, ask, end).await,
        Err(error) => {
            let machines = MachinesPart::unknown(cluster, error.clone());
            let inside = ask.workloads.then(|| ClusterPart::unknown(cluster, ask, &error));
            compose(cluster, ask, &machines, inside.as_ref(), &Containers::new())
        }
    }
}

/// The same for machines that a driver has just listed.
pub async fn once_at(cluster: &Cluster, sight: &Sight, ask: Ask, end: Instant) -> Facts {
    let end = end.min(Instant::now() + stretch(PATIENCE));
    let inside = async {
        if ask.workloads || ask.images {
            Some(cluster::look(cluster, &sight.found, ask, end).await)
        } else {
            None
        }
    };
    let containers = async {
        if ask.extras.has(Extra::Containers) {
            containers::look(cluster, &sight.found, &Containers::new(), end).await
        } else {
            Containers::new()
        }
    };
    let machines = machines::look(cluster, sight, ask, end);
    let (machines, inside, containers) = join3(machines, inside, containers).await;
    compose(cluster, ask, &machines, inside.as_ref(), &containers)
}

/// Puts together what was asked of different sides.
pub(super) fn compose(
    cluster: &Cluster,
    ask: Ask,
    machines: &MachinesPart,
    inside: Option<&ClusterPart>,
    containers: &Containers,
) -> Facts {
    let spec = &cluster.record.spec;
    let leaders = spec.count(Role::Manager) + spec.count(Role::ControlPlane);
    let seen = machines.machines.items.as_deref().unwrap_or_default();
    let seen: Vec<Seen> = seen
        .iter()
        .map(|machine| Seen {
            role: machine.role,
            is_on: machine.is_on(),
            manager: machine.engine.as_ref().and_then(|engine| engine.health().ok()?.manager),
        })
        .collect();
    let majority = cluster.kind().majority(leaders, &seen);
    let known = inside.filter(|_| ask.workloads);
    let nodes = known.and_then(|inside| inside.nodes.clone());
    // Several were asked for the nodes alone, and one of them may have been quicker.
    let nodes = match nodes {
        Some(nodes) if nodes.items.is_some() => Some(nodes),
        nodes => machines.nodes.clone().or(nodes),
    };
    let leader = nodes.iter().flat_map(Part::iter).find(|node| node.leader == Some(true));
    let mut facts = Facts {
        name: spec.name.clone(),
        orchestrator: spec.orchestrator,
        leader: leader.map(|node| node.name.clone()),
        majority,
        machines: machines.machines.clone(),
        nodes,
        services: known.and_then(|inside| inside.services.clone()),
        workloads: known.and_then(|inside| inside.workloads.clone()),
        pods: known.and_then(|inside| inside.pods.clone()),
        extras: known.map(|inside| inside.extras.clone()).unwrap_or_default(),
        certificates: ask.certificates.then(|| Ok(certificates::facts(cluster)).into()),
        findings: Vec::new(),
    };
    if let Some(images) = inside.filter(|_| ask.images).and_then(|inside| inside.images.as_ref()) {
        for machine in facts.machines.items.iter_mut().flatten() {
            let of_node = images.iter().find(|(node, _)| *node == machine.name.to_string());
            let known = match of_node {
                Some((_, Some(images))) => Ok(images.clone()),
                _ => Err("its kubelet has told of no images".to_owned()),
            };
            machine.images = Some(known.into());
        }
    }
    for machine in facts.machines.items.iter_mut().flatten() {
        machine.containers = containers.get(&machine.name).cloned();
    }
    facts.findings = findings::of(&facts);
    facts
}
