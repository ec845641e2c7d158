//! What is written on containers at birth, and how a machine is read back from it. One listing tells
//! everything: nothing has to be remembered, and nothing inspected one by one.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};

use super::options::DRIVER;
use crate::driver::local_ports::HostPorts;
use crate::driver::{
    LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_HOME, LABEL_MACHINE, LABEL_ORCHESTRATOR, LABEL_ROLE,
};
use crate::model::{ClusterName, Machine, MachineId, MachineRequest, MachineState, Port, Service};

/// The machine's address in the cluster's network. The engine forgets it while a container is off.
const LABEL_ADDRESS: &str = "io.clusterdojo.docker.address";
/// The host ports that lead to the machine's services.
const LABELS_SERVICES: [(Service, &str); 3] = [
    (Service::Ssh, "io.clusterdojo.docker.ssh-port"),
    (Service::Engine, "io.clusterdojo.docker.engine-port"),
    (Service::Api, "io.clusterdojo.docker.api-port"),
];
/// The further ports that were asked for, separated by commas.
const LABEL_PORTS: &str = "io.clusterdojo.docker.ports";

/// Whose work a container or volume is that belongs to no cluster: an image that is being made.
pub(super) const LABEL_WORKSHOP: &str = "io.clusterdojo.workshop";

/// Whose something is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) cluster: &'a ClusterName,
    pub(super) cluster_id: &'a str,
    pub(super) home: &'a str,
}

impl<'a> Owner<'a> {
    pub(super) fn of_request(request: &'a MachineRequest) -> Self {
        let MachineRequest { id, cluster_id, home, .. } = request;
        Self { cluster: &id.cluster, cluster_id, home }
    }

    pub(super) fn of_machine(machine: &'a Machine) -> Self {
        let Machine { id, cluster_id, home, .. } = machine;
        Self { cluster: &id.cluster, cluster_id, home: home.as_deref().unwrap_or_default() }
    }
}

/// The labels of a cluster's network and of its machines' volumes.
pub(super) fn of_cluster(owner: &Owner<'_>) -> HashMap<String, String> {
    HashMap::from([
        (LABEL_CLUSTER.to_owned(), owner.cluster.to_string()),
        (LABEL_CLUSTER_ID.to_owned(), owner.cluster_id.to_owned()),
        (LABEL_HOME.to_owned(), owner.home.to_owned()),
    ])
}

/// The labels of a machine.
pub(super) fn of_machine(
    request: &MachineRequest,
    address: Ipv4Addr,
    ports: &HostPorts,
) -> HashMap<String, String> {
    let further: Vec<_> = request.ports.iter().map(Port::to_string).collect();
    let mut labels = of_cluster(&Owner::of_request(request));
    labels.extend([
        (LABEL_MACHINE.to_owned(), request.id.name.to_string()),
        (LABEL_ROLE.to_owned(), request.id.name.role.to_string()),
        (LABEL_ORCHESTRATOR.to_owned(), request.orchestrator.to_string()),
        (LABEL_ADDRESS.to_owned(), address.to_string()),
        (LABEL_PORTS.to_owned(), further.join(",")),
    ]);
    labels.extend(
        LABELS_SERVICES.iter().filter_map(|(service, key)| {
            Some(((*key).to_owned(), ports.get(service)?.to_string()))
        }),
    );
    labels
}

/// The filter for what carries the labels of one cluster, also of one id where it is given.
pub(super) fn exact_filter(
    cluster: &ClusterName,
    cluster_id: Option<&str>,
) -> HashMap<String, Vec<String>> {
    let mut filter = filter(Some(cluster));
    let id = cluster_id.map(|id| format!("{LABEL_CLUSTER_ID}={id}"));
    filter.entry("label".to_owned()).or_default().extend(id);
    filter
}

/// The filter for what carries the label of one cluster, or of any.
pub(super) fn filter(cluster: Option<&ClusterName>) -> HashMap<String, Vec<String>> {
    let label = match cluster {
        Some(cluster) => format!("{LABEL_CLUSTER}={cluster}"),
        None => LABEL_CLUSTER.to_owned(),
    };
    HashMap::from([("label".to_owned(), vec![label])])
}

/// The filter for what was made on the way to an image.
pub(super) fn workshop_filter() -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![LABEL_WORKSHOP.to_owned()])])
}

/// A label of a container.
pub(super) fn label<'a>(container: &'a ContainerSummary, key: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(key).map(String::as_str)
}

/// The cluster that a container was made for; `None` if it is not ours.
pub(super) fn cluster(container: &ContainerSummary) -> Option<&str> {
    label(container, LABEL_CLUSTER)
}

/// The id of the cluster that a container was made for.
pub(super) fn cluster_id(container: &ContainerSummary) -> &str {
    label(container, LABEL_CLUSTER_ID).unwrap_or_default()
}

/// A container's name, without the slash that the engine puts before it.
pub(super) fn name(container: &ContainerSummary) -> &str {
    let names = container.names.as_deref().unwrap_or_default();
    let first = names.first().map_or("", String::as_str);
    first.trim_start_matches('/')
}

/// The host ports that a container has or, while it is off, will want back.
pub(super) fn host_ports(container: &ContainerSummary) -> impl Iterator<Item = u16> {
    let published = container.ports.iter().flatten();
    let published = published.filter_map(|port| port.public_port);
    let own = LABELS_SERVICES.into_iter();
    let own = own.filter_map(|(_, key)| label(container, key)?.parse().ok());
    let further = label(container, LABEL_PORTS).unwrap_or_default().split(',');
    let further = further.filter_map(|text| Some(text.parse::<Port>().ok()?.host));
    published.chain(own).chain(further)
}

/// The machine that a container is; `None` if it is not one of ours. `reach` is where this computer
/// finds published ports.
pub(super) fn machine(container: &ContainerSummary, reach: IpAddr) -> Option<Machine> {
    let endpoint = |service, key| {
        let port = label(container, key)?.parse().ok()?;
        Some((service, SocketAddr::new(reach, port)))
    };
    let endpoints = LABELS_SERVICES.map(|(service, key)| endpoint(service, key));
    Some(Machine {
        id: MachineId {
            cluster: cluster(container)?.parse().ok()?,
            name: label(container, LABEL_MACHINE)?.parse().ok()?,
        },
        driver: DRIVER,
        cluster_id: cluster_id(container).to_owned(),
        home: label(container, LABEL_HOME).map(str::to_owned),
        orchestrator: label(container, LABEL_ORCHESTRATOR)?.parse().ok()?,
        handle: container.id.clone()?,
        state: state(container.state),
        user: "root".to_owned(),
        private_ip: label(container, LABEL_ADDRESS)?.parse().ok()?,
        endpoints: endpoints.into_iter().flatten().collect::<BTreeMap<_, _>>(),
        expires: None,
        cost: None,
    })
}

fn state(state: Option<ContainerSummaryStateEnum>) -> MachineState {
    use ContainerSummaryStateEnum as State;
    match state {
        Some(State::RUNNING | State::RESTARTING) => MachineState::Running,
        Some(State::EXITED | State::STOPPING) => MachineState::Stopped,
        Some(State::PAUSED) => MachineState::Paused,
        // Made but never started, or half removed: there is nothing in it to keep.
        Some(State::CREATED | State::DEAD | State::REMOVING | State::EMPTY) | None => {
            MachineState::Unfinished
        }
    }
}
