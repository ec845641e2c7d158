//! A neighbour in the LAN: a network namespace that has a route to everything by way of this computer.

use std::net::IpAddr;
use std::process::Command;

pub struct Neighbour {
    name: String,
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Neighbour {
    /// Nobody but root can make one.
    pub fn move_in() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let name = format!("dojo-{}", std::process::id());
        ip(&format!("netns add {name}"));
        let neighbour = Self { name };
        let name = &neighbour.name;
        ip(&format!("link add {name} type veth peer name eth0 netns {name}"));
        ip(&format!("address add 198.51.100.1/30 dev {name}"));
        ip(&format!("link set {name} up"));
        ip(&format!("-n {name} address add 198.51.100.2/30 dev eth0"));
        ip(&format!("-n {name} link set eth0 up"));
        ip(&format!("-n {name} route add default via 198.51.100.1"));
        Some(neighbour)
    }

    /// Whether it can connect to a port.
    pub fn reaches(&self, address: IpAddr, port: u16) -> bool {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, "timeout", "2", "bash", "-c"]);
        command.arg(format!(": </dev/tcp/{address}/{port}"));
        command.output().unwrap().status.success()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // The link goes with the namespace.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}
