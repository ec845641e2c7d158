//! Tags: our labels, as EC2 has them, and the way back from an instance to a machine.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use aws_sdk_ec2::types::{
    Filter, Instance, InstanceStateName, ResourceType, Tag, TagSpecification,
};

use super::options::DRIVER;
use crate::driver::{
    LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_HOME, LABEL_MACHINE, LABEL_ORCHESTRATOR, LABEL_ROLE,
    Leftover,
};
use crate::model::{
    ClusterName, Cost, Machine, MachineId, MachineRequest, MachineState, Orchestrator,
};

/// Until when the instance lives, RFC 3339; absent if it lives for ever.
pub(super) const EXPIRES: &str = "io.clusterdojo.expires";
/// Since when the instance is there, RFC 3339. EC2's own launch time is another one after each stop.
pub(super) const CREATED: &str = "io.clusterdojo.created";
/// What an hour of it costs in US dollars; absent if that is not known.
pub(super) const HOURLY: &str = "io.clusterdojo.hourly";
/// The public host key that the machine made itself; absent while it still has that of its user data.
pub(super) const HOST_KEY: &str = "io.clusterdojo.host-key";
/// The user that the image lets in.
pub(super) const USER: &str = "io.clusterdojo.user";
/// What the console shows as the name.
const NAME: &str = "Name";

/// The states of instances that are still there, or can be again.
const ALIVE: [InstanceStateName; 4] = [
    InstanceStateName::Pending,
    InstanceStateName::Running,
    InstanceStateName::Stopping,
    InstanceStateName::Stopped,
];

/// The tags of everything that is made for a cluster.
pub(super) fn of_cluster(request: &MachineRequest) -> BTreeMap<String, String> {
    let cluster = &request.id.cluster;
    BTreeMap::from([
        (NAME.to_owned(), format!("dojo-{cluster}")),
        (LABEL_CLUSTER.to_owned(), cluster.to_string()),
        (LABEL_CLUSTER_ID.to_owned(), request.cluster_id.clone()),
        (LABEL_HOME.to_owned(), request.home.clone()),
    ])
}

/// The tags of a machine, and of everything that comes and goes with it.
pub(super) fn of_machine(request: &MachineRequest) -> BTreeMap<String, String> {
    let mut tags = of_cluster(request);
    tags.extend([
        (NAME.to_owned(), request.id.alias()),
        (LABEL_MACHINE.to_owned(), request.id.name.to_string()),
        (LABEL_ROLE.to_owned(), request.id.name.role.to_string()),
        (LABEL_ORCHESTRATOR.to_owned(), request.orchestrator.to_string()),
    ]);
    tags
}

/// The same as a call wants it.
pub(super) fn specification(
    kind: ResourceType,
    tags: &BTreeMap<String, String>,
) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
}

pub(super) fn filter(
    name: impl Into<String>,
    values: impl IntoIterator<Item = impl Into<String>>,
) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

/// What is of one cluster, or of any.
pub(super) fn cluster_filters(cluster: Option<&ClusterName>, id: Option<&str>) -> Vec<Filter> {
    let mut filters = match cluster {
        Some(name) => vec![filter(format!("tag:{LABEL_CLUSTER}"), [name.as_str()])],
        None => vec![filter("tag-key", [LABEL_CLUSTER])],
    };
    filters.extend(id.map(|id| filter(format!("tag:{LABEL_CLUSTER_ID}"), [id])));
    filters
}

/// What is still there, or can be again.
pub(super) fn alive() -> Filter {
    filter("instance-state-name", ALIVE.iter().map(InstanceStateName::as_str))
}

pub(super) fn state(instance: &Instance) -> InstanceStateName {
    let state = instance.state().and_then(|s| s.name());
    state.cloned().unwrap_or(InstanceStateName::Pending)
}

fn tags(instance: &Instance) -> HashMap<&str, &str> {
    by_key(instance.tags())
}

fn by_key(tags: &[Tag]) -> HashMap<&str, &str> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?))).collect()
}

/// The public host key that an instance made itself, if it did.
pub(super) fn host_key(instance: &Instance) -> Option<String> {
    tags(instance).get(HOST_KEY).map(|key| (*key).to_owned())
}

/// What was made for a cluster, by its tags; `None` if they are not ours.
pub(super) fn leftover(tags: &[Tag], kind: &str, id: Option<&str>) -> Option<Leftover> {
    let tags = by_key(tags);
    Some(Leftover {
        driver: DRIVER,
        cluster: tags.get(LABEL_CLUSTER)?.parse().ok()?,
        cluster_id: (*tags.get(LABEL_CLUSTER_ID)?).to_owned(),
        home: home(&tags),
        what: match tags.get(LABEL_MACHINE) {
            Some(machine) => format!("{kind} {} of {machine}", id?),
            None => format!("{kind} {}", id?),
        },
    })
}

/// The machine that an instance is; `None` if it is not one of ours, or on its way out.
pub(super) fn machine(instance: &Instance) -> Option<Machine> {
    let tags = tags(instance);
    let state = match state(instance) {
        InstanceStateName::Pending | InstanceStateName::Running => MachineState::Running,
        InstanceStateName::Stopping | InstanceStateName::Stopped => MachineState::Stopped,
        _ => return None,
    };
    let id = MachineId {
        cluster: tags.get(LABEL_CLUSTER)?.parse().ok()?,
        name: tags.get(LABEL_MACHINE)?.parse().ok()?,
    };
    let orchestrator: Orchestrator = tags.get(LABEL_ORCHESTRATOR)?.parse().ok()?;
    let private_ip: IpAddr = instance.private_ip_address()?.parse().ok()?;
    let public = instance.public_ip_address().and_then(|ip| ip.parse().ok());
    let reach = public.unwrap_or(private_ip);
    let services = orchestrator.services(id.name.role);
    Some(Machine {
        driver: DRIVER,
        cluster_id: (*tags.get(LABEL_CLUSTER_ID)?).to_owned(),
        home: home(&tags),
        orchestrator,
        handle: instance.instance_id()?.to_owned(),
        state,
        user: (*tags.get(USER)?).to_owned(),
        private_ip,
        endpoints: services.into_iter().map(|s| (s, SocketAddr::new(reach, s.port()))).collect(),
        id,
        expires: tags.get(EXPIRES).and_then(|end| end.parse().ok()),
        cost: cost(&tags),
    })
}

fn home(tags: &HashMap<&str, &str>) -> Option<String> {
    tags.get(LABEL_HOME).map(|home| (*home).to_owned())
}

fn cost(tags: &HashMap<&str, &str>) -> Option<Cost> {
    Some(Cost { hourly: tags.get(HOURLY)?.parse().ok()?, since: tags.get(CREATED)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::InstanceState;

    use super::super::driver::tests::request;
    use super::*;
    use crate::model::Service;

    fn instance(state: InstanceStateName, tags: &BTreeMap<String, String>) -> Instance {
        let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        Instance::builder()
            .instance_id("i-0123")
            .private_ip_address("172.31.0.4")
            .public_ip_address("203.0.113.7")
            .state(InstanceState::builder().name(state).build())
            .set_tags(Some(tags.collect()))
            .build()
    }

    #[test]
    fn a_machine_is_read_back_from_what_its_instance_was_tagged_with() {
        let request = request("worker-1");
        let mut tags = of_machine(&request);
        tags.insert(USER.to_owned(), "admin".to_owned());
        let found = machine(&instance(InstanceStateName::Running, &tags)).unwrap();
        assert_eq!((found.id, found.cluster_id), (request.id, request.cluster_id));
        assert_eq!(found.home, Some(request.home));
        assert_eq!((found.user.as_str(), found.state), ("admin", MachineState::Running));
        // Members meet at the private address, and this computer comes by the public one.
        assert_eq!(found.private_ip.to_string(), "172.31.0.4");
        assert_eq!(found.endpoints[&Service::Ssh].to_string(), "203.0.113.7:22");

        let off = machine(&instance(InstanceStateName::Stopping, &tags)).unwrap();
        assert_eq!(off.state, MachineState::Stopped);
        assert!(machine(&instance(InstanceStateName::ShuttingDown, &tags)).is_none());
        tags.remove(LABEL_CLUSTER);
        assert!(machine(&instance(InstanceStateName::Running, &tags)).is_none(), "it is not ours");
    }
}
