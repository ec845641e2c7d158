//! Machines by `docker run`: the same options that the engine's API gets, as flags.

use std::net::Ipv4Addr;

use bollard::models::{HostConfig, Mount, MountType};

use super::allowances::Devices;
use super::container::{self, Place};
use super::{DockerOptions, image, subnet, surroundings};
use crate::driver::by_hand::{Made, MadeMachine, Wanted, is_cgroup_v2};
use crate::driver::local_ports::HostPorts;
use crate::driver::{Error, LABEL_CLUSTER};
use crate::model::MachineRequest;

const WHY: &str = "Each is a container that boots systemd like a real machine, on a network of the cluster's own with \
                   an address that stays. It gets the rights that systemd and an engine inside need, which are many, \
                   and none that would change this computer's clock, kernel or disks.";

/// How a person makes machines of a cluster. Nothing is asked of the engine.
///
/// # Errors
/// If there are more machines than addresses.
pub(super) fn by_hand(options: &DockerOptions, wanted: &Wanted<'_>) -> Result<Made, Error> {
    let Wanted { cluster, requests, variant } = *wanted;
    let subnet = options.subnet.or_else(|| subnet::candidates(cluster).next());
    let subnet = subnet.unwrap_or(subnet::ALL);
    let gateway = subnet::gateway(subnet);
    let network = cluster.context();
    let image = options.image.clone().unwrap_or_else(|| image::tag(variant));
    let mut machines = Vec::new();
    let mut commands = format!(
        "docker network create --label {LABEL_CLUSTER}={cluster} --subnet {subnet} --gateway {gateway} \\\n  \
           {network}\n"
    );
    for (index, request) in requests.iter().enumerate() {
        let (name, alias) = (request.id.name, request.id.alias());
        let address = subnet::address(subnet, name)?;
        if index == 0 {
            commands.push_str(&function(request, &image, &network, address, gateway));
        }
        let more: String = own_flags(request).into_iter().map(|flag| format!(" {flag}")).collect();
        commands.push_str(&format!("machine {name} {address}{more}\n"));
        let run = format!("docker exec --interactive {alias}");
        machines.push(MadeMachine {
            name,
            address: address.into(),
            find: None,
            run,
            is_container: true,
            cgroup_v2: is_cgroup_v2(),
        });
    }
    Ok(Made { why: WHY, commands, machines })
}

/// A function of the shell that makes a machine, with what all of them have in common.
fn function(
    request: &MachineRequest,
    image: &str,
    network: &str,
    address: Ipv4Addr,
    gateway: Ipv4Addr,
) -> String {
    // What this computer has, the engine's host has, too, most probably.
    let mut allowances = surroundings::allowances(std::process::id());
    if is_cgroup_v2() {
        allowances.devices = Devices::Named;
    }
    let publish = Ipv4Addr::LOCALHOST.into();
    let ports = HostPorts::default();
    let place = Place { image, network, address, ports, publish, gateway };
    let body = container::body(request, &place, &allowances);
    let mut flags = flags(&body.host_config.unwrap_or_default());
    flags.extend(body.env.into_iter().flatten().map(|entry| format!("--env {entry}")));
    let cluster = &request.id.cluster;
    format!(
        "cat >seccomp.json <<'EOF'\n{}\nEOF\n\
         machine() {{\n    \
             name=$1 address=$2\n    \
             shift 2\n    \
             docker run --detach --name \"dojo-{cluster}-$name\" --hostname \"$name\" \\\n        \
                 --label {LABEL_CLUSTER}={cluster} \\\n        \
                 --network {network} --network-alias \"$name\" --ip \"$address\" \\\n        \
                 {} \\\n        \
                 \"$@\" {image}\n\
         }}\n",
        container::SECCOMP.trim_end(),
        flags.join(" \\\n        "),
    )
}

/// What not every machine has.
fn own_flags(request: &MachineRequest) -> Vec<String> {
    let mut flags = Vec::new();
    if let Some(memory) = request.size.memory {
        flags.push(format!("--memory {0} --memory-swap {0}", memory.0));
    }
    if let Some(cpus) = request.size.cpus {
        flags.push(format!("--cpus {cpus}"));
    }
    flags.extend(request.ports.iter().map(|port| format!("--publish 127.0.0.1:{port}")));
    flags
}

/// The flags of `docker run` for what a machine may do, and for its mounts.
fn flags(config: &HostConfig) -> Vec<String> {
    let mut flags = Vec::new();
    let mut add = |flag: &str, values: &mut dyn Iterator<Item = String>| {
        let values: Vec<String> = values.map(|value| format!("--{flag} {value}")).collect();
        if !values.is_empty() {
            flags.push(values.join(" "));
        }
    };
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default().into_iter();
    add("cap-add", &mut words(&config.cap_add));
    add("cap-drop", &mut words(&config.cap_drop));
    let is_profile = |option: &String| option.starts_with("seccomp={");
    add(
        "security-opt",
        &mut words(&config.security_opt).map(|option| {
            if is_profile(&option) { "seccomp=seccomp.json".to_owned() } else { option }
        }),
    );
    add("userns", &mut config.userns_mode.clone().into_iter());
    add("cgroupns", &mut config.cgroupns_mode.iter().map(ToString::to_string));
    add(
        "device-cgroup-rule",
        &mut words(&config.device_cgroup_rules).map(|rule| format!("'{rule}'")),
    );
    add(
        "device",
        &mut config.devices.iter().flatten().map(|device| {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            format!(
                "{}:{}:{}",
                part(&device.path_on_host),
                part(&device.path_in_container),
                part(&device.cgroup_permissions)
            )
        }),
    );
    add("mount", &mut config.mounts.iter().flatten().map(mount));
    let mut tmpfs: Vec<String> =
        config.tmpfs.iter().flatten().map(|(at, how)| format!("{at}:{how}")).collect();
    tmpfs.sort();
    add("tmpfs", &mut tmpfs.into_iter());
    let policy = config.restart_policy.as_ref().and_then(|policy| policy.name);
    add("restart", &mut policy.iter().map(ToString::to_string));
    if config.init == Some(false) {
        flags.push("--init=false".to_owned());
    }
    flags
}

fn mount(mount: &Mount) -> String {
    let target = mount.target.clone().unwrap_or_default();
    if mount.typ == Some(MountType::BIND) {
        let source = mount.source.clone().unwrap_or_default();
        let read_only = if mount.read_only == Some(true) { ",readonly" } else { "" };
        return format!("type=bind,source={source},target={target}{read_only}");
    }
    let options = mount.volume_options.as_ref();
    let no_copy = options.is_some_and(|options| options.no_copy == Some(true));
    let no_copy = if no_copy { ",volume-nocopy" } else { "" };
    format!("type=volume,target={target}{no_copy}")
}
