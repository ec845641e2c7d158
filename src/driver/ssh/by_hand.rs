//! Hosts that are there already, as a person uses them.

use std::net::{IpAddr, Ipv4Addr};

use super::{SshHost, SshOptions};
use crate::driver::by_hand::{Made, MadeMachine};
use crate::model::MachineRequest;

const WHY: &str = "Any computers with systemd and Debian or Ubuntu will do, if you can log in over SSH as root, or as \
                   a user with sudo that asks for no password, and they reach each other. ssh compares each one's \
                   host key with the one that you know.";

/// How a person finds the machines of a cluster among hosts: in the order in which these are named. No host is asked.
pub(in crate::driver) fn by_hand(options: &SshOptions, requests: &[MachineRequest]) -> Made {
    let mut hosts = options.hosts.iter();
    let machines = requests.iter().zip(1..).map(|(request, number)| {
        let unnamed = SshHost::new(format!("HOST_{number}"));
        let host = hosts.next().unwrap_or(&unnamed);
        let known = host.private_address.or_else(|| host.address.parse().ok());
        // For documentation (RFC 5737).
        let example = IpAddr::from(Ipv4Addr::new(192, 0, 2, number));
        let find = || format!("$(getent ahostsv4 {} | sed -n '1s/ .*//p')", host.address);
        MadeMachine {
            name: request.id.name,
            address: known.unwrap_or(example),
            find: known.is_none().then(find),
            run: login(host, options),
            is_container: false,
            cgroup_v2: true,
        }
    });
    let machines: Vec<MadeMachine> = machines.collect();
    let try_each = machines.iter().map(|machine| format!("{} true\n", machine.run));
    Made { why: WHY, commands: try_each.collect(), machines }
}

/// What goes ahead of a command.
fn login(host: &SshHost, options: &SshOptions) -> String {
    let mut words = vec!["ssh".to_owned()];
    let mut add = |flag: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    };
    let path = |path: &std::path::PathBuf| format!("'{}'", path.display());
    add("-F", options.config.as_ref().map(path));
    add("-p", host.port.or(options.port).map(|port| port.to_string()));
    add("-i", host.identity.as_ref().or(options.identity.as_ref()).map(path));
    add("-J", host.jump.clone().or_else(|| options.jump.clone()));
    let user = host.user.as_ref().or(options.user.as_ref());
    words.push(match user {
        Some(user) => format!("{user}@{}", host.address),
        None => host.address.clone(),
    });
    if user.is_some_and(|user| user != "root") {
        words.push("sudo".to_owned());
    }
    words.join(" ")
}
