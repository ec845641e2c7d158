//! The container that a machine is: its options, and why each is needed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::{
    ContainerCreateBody, DeviceMapping, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
    NetworkingConfig, PortBinding, PortMap, RestartPolicy, RestartPolicyNameEnum,
};

use super::allowances::Allowances;
use super::labels;
use crate::driver::local_ports::HostPorts;
use crate::model::{MachineRequest, Protocol, Size};

/// Folders that an overlay file system cannot hold: engines inside put overlays of their own there.
const VOLUMES: [&str; 3] = ["/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet"];

/// Calls that no machine may make, nor what runs in it: on what is the host's and cannot be kept from it in
/// another way.
pub(super) const SECCOMP: &str = include_str!("../../../templates/docker/seccomp.json");

/// Where a machine is put.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    /// The image it is made from.
    pub image: &'a str,
    /// The id of the cluster's network; names of networks need not be unique.
    pub network: &'a str,
    /// Its address there.
    pub address: Ipv4Addr,
    /// Its ports on the engine's host.
    pub ports: HostPorts,
    /// The address of the engine's host on which those are published.
    pub publish: IpAddr,
    /// The address of the engine's host in that network.
    pub gateway: Ipv4Addr,
}

impl Place<'_> {
    /// Where ports are published to the engine's host alone, nobody else has business with the machine, and
    /// the image's entrypoint sees to it that nobody else is answered.
    fn environment(&self) -> Vec<String> {
        if self.publish.is_loopback() {
            vec![format!("CLUSTERDOJO_GATEWAY={}", self.gateway)]
        } else {
            Vec::new()
        }
    }
}

/// When the engine starts a machine again by itself: when it reboots, and when it ran until the engine or its
/// host went down. One that powers itself off ends with 0, see `templates/docker/shutdown.sh`.
pub(super) const WHILE_ON: RestartPolicyNameEnum = RestartPolicyNameEnum::ON_FAILURE;
/// The same for a machine that was stopped, whatever its processes ended with.
pub(super) const WHILE_OFF: RestartPolicyNameEnum = RestartPolicyNameEnum::UNLESS_STOPPED;

pub(super) fn restart(policy: RestartPolicyNameEnum) -> RestartPolicy {
    RestartPolicy { name: Some(policy), maximum_retry_count: None }
}

/// The request that makes a machine's container.
pub(super) fn body(
    request: &MachineRequest,
    place: &Place<'_>,
    allowances: &Allowances,
) -> ContainerCreateBody {
    let name = request.id.name.to_string();
    let bindings = bindings(request, place);
    let endpoint = endpoint(&name, &place.address.to_string());
    ContainerCreateBody {
        hostname: Some(name),
        image: Some(place.image.to_owned()),
        env: Some(place.environment()),
        labels: Some(labels::of_machine(request, place.address, &place.ports)),
        exposed_ports: Some(bindings.keys().cloned().collect()),
        host_config: Some(HostConfig {
            network_mode: Some(place.network.to_owned()),
            port_bindings: Some(bindings),
            mounts: Some(mounts(request, allowances)),
            // `/tmp` as on a real machine; the engine would forbid to execute files there.
            tmpfs: Some(HashMap::from([
                ("/run".to_owned(), "mode=755".to_owned()),
                ("/tmp".to_owned(), "exec,mode=1777".to_owned()),
            ])),
            restart_policy: Some(restart(WHILE_ON)),
            ..limits(request.size, rights(allowances))
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(place.network.to_owned(), endpoint)])),
        }),
        ..Default::default()
    }
}

/// A machine's place in its cluster's network.
pub(super) fn endpoint(name: &str, address: &str) -> EndpointSettings {
    EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.to_owned()),
            ..Default::default()
        }),
        // Peers find each other by machine name through the engine's DNS.
        aliases: Some(vec![name.to_owned()]),
        ..Default::default()
    }
}

/// The rights of a container in which something is prepared: those of a machine, and the same volumes.
pub(super) fn workshop(allowances: &Allowances, labels: &HashMap<String, String>) -> HostConfig {
    let mounts = VOLUMES.into_iter().map(|target| volume(target, false, labels.clone())).collect();
    HostConfig { mounts: Some(mounts), ..rights(allowances) }
}

/// What systemd and an engine inside need. That is much: root of a machine who wants out gets out. What is kept
/// from it is what ordinary commands would change on the host: its clock, its modules, its disks. Paths of
/// `/proc` and `/sys` are masked as for any container, and the image's entrypoint opens those that a machine
/// needs.
fn rights(allowances: &Allowances) -> HostConfig {
    let kernel_log = DeviceMapping {
        path_on_host: Some("/dev/kmsg".to_owned()),
        path_in_container: Some("/dev/kmsg".to_owned()),
        cgroup_permissions: Some("r".to_owned()),
    };
    let words = |words: &[&str]| Some(words.iter().map(|&w| w.to_owned()).collect());
    HostConfig {
        cap_add: words(&["ALL"]),
        cap_drop: Some(allowances.dropped.iter().cloned().collect()),
        // systemd mounts, and containers inside get profiles of their own. The last one is for `sudo`, where
        // the engine's own `no-new-privileges` would take it away.
        security_opt: words(&[
            &format!("seccomp={}", if allowances.seccomp { SECCOMP } else { "unconfined" }),
            "apparmor=unconfined",
            "label=disable",
            "no-new-privileges=false",
        ]),
        // systemd is the init, whatever the engine's `init` says: it does nothing but as process 1.
        init: Some(false),
        // Its root is root, whatever the engine's `userns-remap` says: it mounts.
        userns_mode: Some("host".to_owned()),
        // systemd says little there, and an engine's own `log-driver` may send it anywhere.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([("max-size".to_owned(), "10m".to_owned())])),
        }),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        device_cgroup_rules: words(allowances.devices.rules()),
        devices: allowances.kernel_log.then(|| vec![kernel_log]),
        ..Default::default()
    }
}

fn limits(size: Size, config: HostConfig) -> HostConfig {
    let memory = size.memory.and_then(|bytes| i64::try_from(bytes.0).ok());
    HostConfig {
        memory,
        // Equal to the memory means no swap on top.
        memory_swap: memory,
        nano_cpus: size.cpus.map(|cpus| i64::from(cpus.milli) * 1_000_000),
        ..config
    }
}

fn mounts(request: &MachineRequest, allowances: &Allowances) -> Vec<Mount> {
    let labels = labels::of_cluster(&labels::Owner::of_request(request));
    let modules = Mount {
        typ: Some(MountType::BIND),
        source: Some("/lib/modules".to_owned()),
        target: Some("/lib/modules".to_owned()),
        read_only: Some(true),
        ..Default::default()
    };
    let volumes = VOLUMES.into_iter().map(|target| volume(target, true, labels.clone()));
    volumes.chain(allowances.modules.then_some(modules)).collect()
}

/// A volume without a name, so that the engine removes it together with the container; with labels, so that
/// it is found even if that was cut short.
fn volume(target: &str, no_copy: bool, labels: HashMap<String, String>) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        target: Some(target.to_owned()),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(no_copy),
            labels: Some(labels),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn bindings(request: &MachineRequest, place: &Place<'_>) -> PortMap {
    let binding = |ip: IpAddr, host: u16| {
        Some(vec![PortBinding { host_ip: Some(ip.to_string()), host_port: Some(host.to_string()) }])
    };
    let services = place.ports.iter();
    let mut bindings: PortMap = services
        .map(|(service, port)| (format!("{}/tcp", service.port()), binding(place.publish, *port)))
        .collect();
    for port in &request.ports {
        let protocol = match port.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        let entry = bindings.entry(format!("{}/{protocol}", port.machine));
        let to_same = entry.or_default().get_or_insert_default();
        to_same.extend(binding(Ipv4Addr::LOCALHOST.into(), port.host).into_iter().flatten());
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(publish: IpAddr) -> Place<'static> {
        Place {
            image: "image",
            network: "network",
            address: Ipv4Addr::new(10, 200, 7, 11),
            ports: HostPorts::default(),
            publish,
            gateway: Ipv4Addr::new(10, 200, 7, 1),
        }
    }

    #[test]
    fn machines_answer_the_engine_s_host_alone_unless_clients_are_elsewhere() {
        let here = place(Ipv4Addr::LOCALHOST.into());
        assert_eq!(here.environment(), ["CLUSTERDOJO_GATEWAY=10.200.7.1"]);
        assert!(place(Ipv4Addr::UNSPECIFIED.into()).environment().is_empty());
    }

    #[test]
    fn the_floor_of_the_benchmark_has_the_same_rights() {
        let floor = include_str!("../../../scripts/floor-machines");
        assert!(floor.contains("templates/docker/seccomp.json"));
        let rights = rights(&Allowances::default());
        let words = rights.cap_drop.into_iter().chain(rights.device_cgroup_rules);
        for word in words.chain(rights.security_opt).flatten() {
            let word = word.replace(SECCOMP, "$profile");
            assert!(floor.contains(&word), "{word}");
        }
    }
}
