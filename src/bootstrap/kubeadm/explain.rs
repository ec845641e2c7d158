//! What `up` does with the nodes, for a reader who wants to do the same by hand.

use std::net::{IpAddr, Ipv4Addr};

use crate::model::{
    ClusterName, DriverName, KubernetesOptions, KubernetesVersion, Machine, MachineId, MachineName,
    MachineState, Orchestrator, PodNetwork, Role, Secret,
};
use crate::remote::Script;

use super::config::{self, Cluster, Discovery, Facts, Member};
use super::{dns, init, join, network};

/// A token like any other; the example of kubeadm's own documentation.
const TOKEN: &str = "abcdef.0123456789abcdef";
/// What a reader finds out only once the cluster has begun.
const CA_PIN: &str = "sha256:(the hash in the last line of /var/log/clusterdojo-kubeadm.log)";

/// The steps, each with the machine that it is done on. Addresses are examples, and the machines are
/// ordinary ones: with cgroup v2 and a kernel of their own.
pub fn explain(
    cluster: &ClusterName,
    names: &[MachineName],
    options: &KubernetesOptions,
    version: KubernetesVersion,
) -> Vec<(MachineName, Script)> {
    let machines: Vec<Machine> = names
        .iter()
        .enumerate()
        .map(|(index, name)| machine(cluster, *name, address(index)))
        .collect();
    let all: Vec<&Machine> = machines.iter().collect();
    let facts = Facts { cgroup_v2: true, container: false, resolver: false };
    let member = |machine: &Machine| Member {
        name: machine.id.name.to_string(),
        address: machine.private_ip,
        version,
        facts: &facts,
        flags: Vec::new(),
    };
    let own_pods = options.cni == PodNetwork::Bridge;
    let (planes, workers): (Vec<&Machine>, Vec<&Machine>) =
        all.iter().partition(|m| m.id.name.role == Role::ControlPlane);
    let Some(first) = planes.first() else { return Vec::new() };

    let mut steps = Vec::new();
    if own_pods {
        for machine in &all {
            steps.push((
                machine.id.name,
                network::bridge(machine, &all, Some(first.private_ip), options),
            ));
        }
    }
    let wanted = Cluster {
        name: cluster.to_string(),
        endpoint: first.private_ip,
        names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        shared: planes.len() > 1,
        options,
        own_pods,
    };
    let token = Secret::new(TOKEN);
    let of_first = member(first);
    let config = config::init(&wanted, &of_first, &token);
    let config = config.expose().trim_end().replace(&named(version), &exactly(version));
    let begin = init().with("CONFIG", config);
    steps.push((first.id.name, begin));
    if let Some(address) = options.cni.address() {
        let apply = Script::new(
            "apply the pod network",
            "As its project publishes it. Other networks than the bridge run in pods of their own.",
            "kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f \"$ADDRESS\"\n",
        );
        steps.push((first.id.name, apply.with("ADDRESS", address)));
    }
    for worker in workers {
        let endpoint = format!("{}:6443", first.private_ip);
        let discovery = Discovery { endpoint: &endpoint, token: &token, ca_pin: CA_PIN };
        let member = member(worker);
        let config = config::join(&member, &discovery, None);
        let join = join().with("CONFIG", config.expose().trim_end());
        steps.push((worker.id.name, join));
    }
    steps.push((first.id.name, dns()));
    steps
}

fn named(version: KubernetesVersion) -> String {
    format!("kubernetesVersion: {}\n", version.tag())
}

/// kubeadm wants to know the patch as well, which is found out on the machine.
fn exactly(version: KubernetesVersion) -> String {
    match version.patch {
        Some(_) => named(version),
        None => format!(
            "kubernetesVersion: (what kubeadm version --output short says: {}.N)\n",
            version.tag()
        ),
    }
}

fn address(index: usize) -> IpAddr {
    let last = u8::try_from(index).unwrap_or(u8::MAX).saturating_add(11);
    Ipv4Addr::new(10, 0, 0, last).into()
}

fn machine(cluster: &ClusterName, name: MachineName, private_ip: IpAddr) -> Machine {
    Machine {
        id: MachineId { cluster: cluster.clone(), name },
        driver: DriverName::fixed("docker"),
        cluster_id: String::new(),
        home: None,
        orchestrator: Orchestrator::Kubernetes,
        handle: String::new(),
        state: MachineState::Running,
        user: "root".to_owned(),
        private_ip,
        endpoints: [].into(),
        expires: None,
        cost: None,
    }
}
