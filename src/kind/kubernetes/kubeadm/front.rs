//! What stands before the API servers: a load balancer, where there are several of them.

use std::net::{IpAddr, SocketAddr};

use crate::model::{Machine, Role, Service};
use crate::provision::Node;
use crate::remote::Script;

/// The node at which the API is found, by members and by this computer: the load balancer, or the only
/// control plane.
pub(super) fn of<'a>(nodes: &'a [Node], control_plane: &'a Node) -> &'a Node {
    let balancer = nodes.iter().find(|n| n.machine().id.name.role == Role::LoadBalancer);
    balancer.unwrap_or(control_plane)
}

/// Where members find the API: `ADDRESS:PORT`.
pub(super) fn address(nodes: &[Node], control_plane: &Node) -> String {
    SocketAddr::new(of(nodes, control_plane).machine().private_ip, Service::Api.port()).to_string()
}

/// Every name and address that somebody may use for the API. Each control plane's certificate is good
/// for all of them, because a load balancer does not say which one it will choose.
pub(super) fn names<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    for machine in machines {
        if !matches!(machine.id.name.role, Role::ControlPlane | Role::LoadBalancer) {
            continue;
        }
        let addresses = machine.endpoints.values().map(SocketAddr::ip);
        let addresses = addresses.chain([machine.private_ip]);
        for name in [machine.id.alias()].into_iter().chain(addresses.map(|a| a.to_string())) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Has a load balancer spread connections over the control planes.
pub(super) fn balance<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Script {
    let lines: String = machines
        .into_iter()
        .filter(|m| m.id.name.role == Role::ControlPlane)
        .map(|m| format!("{} {}\n", m.id.name, bracketed(m.private_ip)))
        .collect();
    Script::new(
        "balance the load on the API",
        "haproxy passes each connection on to a control plane that says it is ready, and tries another one \
         when that does not answer.",
        include_str!("../../../../templates/kubernetes/balance.sh"),
    )
    .with("PORT", Service::Api.port().to_string())
    .with("CONTROL_PLANES", lines.trim_end())
}

/// An address that a port can be put behind (RFC 3986, 3.2.2).
fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{DriverName, MachineId, MachineName, MachineState, Orchestrator};

    fn machine(role: Role, number: u16, host: u8) -> Machine {
        let name = MachineName::new(role, number);
        Machine {
            id: MachineId { cluster: "practice".parse().unwrap(), name },
            driver: DriverName::fixed("docker"),
            cluster_id: "1".to_owned(),
            home: None,
            orchestrator: Orchestrator::Kubernetes,
            handle: name.to_string(),
            state: MachineState::Running,
            user: "root".to_owned(),
            private_ip: [10, 200, 7, host].into(),
            endpoints: BTreeMap::from([(Service::Api, ([203, 0, 113, host], 6443).into())]),
            expires: None,
            cost: None,
        }
    }

    #[test]
    fn certificates_are_good_for_every_way_to_the_api_and_for_nothing_else() {
        let machines = [
            machine(Role::ControlPlane, 1, 2),
            machine(Role::LoadBalancer, 1, 10),
            machine(Role::Worker, 1, 51),
        ];
        let names = names(&machines);
        for name in ["127.0.0.1", "10.200.7.2", "203.0.113.2", "10.200.7.10", "203.0.113.10"] {
            assert_eq!(names.iter().filter(|n| *n == name).count(), 1, "{name} in {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("51") || name.contains("worker")));
    }

    #[test]
    fn connections_go_to_control_planes_alone() {
        let mut six = machine(Role::ControlPlane, 2, 3);
        six.private_ip = "2001:db8::3".parse().unwrap();
        let machines = [machine(Role::ControlPlane, 1, 2), six, machine(Role::Worker, 1, 51)];
        let script = balance(&machines).explain();
        assert!(script.contains("'control-plane-1 10.200.7.2\ncontrol-plane-2 [2001:db8::3]'"));
        assert!(!script.contains("worker"));
    }
}
