//! The way to a host that this computer reaches only through another one: ports of 127.0.0.1, behind
//! which the user's own OpenSSH client listens in the background for as long as a cluster has the host.
//!
//! That client is a control master (`ControlMaster` of `ssh_config(5)`). Its socket, beside the cluster's keys,
//! says whether it is there, gives it further ports to listen on, and ends it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::driver::Error;
use crate::driver::local_ports::{self, HostPorts, PortBook};
use crate::model::{ClusterName, Machine, MachineId, Protocol, Service, SshFiles};
use crate::pace::within;

/// How long the client in the background may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// The ports of this computer that lead to machines.
#[derive(Debug, Default)]
pub(super) struct ForwardedPorts {
    book: PortBook,
    of: BTreeMap<MachineId, HostPorts>,
}

impl ForwardedPorts {
    /// Those that led to machines before. They stay, because the user's contexts name them.
    pub(super) fn remembered(machines: &[Machine]) -> Self {
        let mut forwarded = Self::default();
        for machine in machines {
            let here = machine.endpoints.iter().filter(|(_, at)| at.ip() == Ipv4Addr::LOCALHOST);
            let ports: HostPorts = here.map(|(service, at)| (*service, at.port())).collect();
            forwarded.book.take(ports.values().copied());
            forwarded.of.insert(machine.id.clone(), ports);
        }
        forwarded
    }

    /// Where the services of a machine are found on this computer.
    pub(super) fn to(
        &mut self,
        machine: &MachineId,
        services: &[Service],
    ) -> Result<BTreeMap<Service, SocketAddr>, Error> {
        let ports = self.of.entry(machine.clone()).or_default();
        let missing: Vec<_> =
            services.iter().copied().filter(|service| !ports.contains_key(service)).collect();
        let is_free = |port| local_ports::is_free(Ipv4Addr::LOCALHOST.into(), port, Protocol::Tcp);
        ports.extend(self.book.choose(&missing, local_ports::anywhere(), is_free)?);
        let at = |service: &Service| (*service, (Ipv4Addr::LOCALHOST, ports[service]).into());
        Ok(services.iter().map(at).collect())
    }
}

/// The client in the background that leads to one machine.
#[derive(Debug)]
pub(super) struct Tunnel {
    /// Where its socket is. Programs are run there, because the name of a socket may have 108 bytes at most
    /// (unix(7)), and that of a directory more.
    pub(super) directory: PathBuf,
    /// The socket's file name.
    pub(super) socket: String,
}

impl Tunnel {
    /// The one to a machine of a cluster with these keys, whether it is there or not.
    pub(super) fn to(machine: &MachineId, keys: &SshFiles) -> Self {
        let socket = format!("{}{}", prefix(&machine.cluster), machine.name);
        Self { directory: beside(keys).to_owned(), socket }
    }

    /// Those of a cluster with these keys that are there, or were.
    pub(super) fn all(cluster: &ClusterName, keys: &SshFiles) -> Vec<Self> {
        let directory = beside(keys);
        let files = fs::read_dir(directory).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        let sockets = names.filter(|name| name.starts_with(&prefix(cluster)));
        sockets.map(|socket| Self { directory: directory.to_owned(), socket }).collect()
    }

    /// Waits until no other process is opening it. Dropping what this returns lets the next one go on.
    pub(super) async fn turn(&self) -> io::Result<File> {
        let path = self.directory.join(format!("lock.{}", self.socket));
        let wait = tokio::task::spawn_blocking(move || {
            let file = File::create(path)?;
            file.lock()?;
            Ok(file)
        });
        wait.await.expect("taking a lock does not panic")
    }

    /// Whether the client is there. What one that was killed left behind is taken away.
    pub(super) async fn is_open(&self) -> io::Result<bool> {
        let open = self.control("check", &[]).await?.status.success();
        if !open {
            self.remove();
        }
        Ok(open)
    }

    /// Leads ports of this computer to ports of the host; those that do so already go on.
    pub(super) async fn lead(&self, ports: &[(SocketAddr, u16)]) -> io::Result<()> {
        let flags = ports.iter().flat_map(|(here, there)| {
            // By name, because sshd may know itself by only one of its addresses.
            ["-L".to_owned(), format!("{here}:localhost:{there}")]
        });
        let output = self.control("forward", &flags.collect::<Vec<_>>()).await?;
        if output.status.success() {
            return Ok(());
        }
        let here: Vec<_> = ports.iter().map(|(here, _)| here.to_string()).collect();
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!(
            "`ssh` cannot listen on {}, where another program may: {}",
            here.join(", "),
            said.trim()
        )))
    }

    /// Ends the client, if it is there.
    pub(super) async fn close(&self) {
        if !self.directory.join(&self.socket).exists() {
            return;
        }
        // Without an answer there is nobody to end.
        let _ = self.control("exit", &[]).await;
        self.remove();
    }

    fn remove(&self) {
        // It may be gone already.
        let _ = fs::remove_file(self.directory.join(&self.socket));
    }

    /// Tells the client something.
    async fn control(&self, order: &str, more: &[String]) -> io::Result<Output> {
        let mut command = Command::new("ssh");
        command.current_dir(&self.directory).kill_on_drop(true).stdin(Stdio::null());
        // The socket says which host is meant, so its name and the user's configuration do not matter.
        command.args(["-F", "none", "-S", &self.socket, "-O", order]).args(more).arg("host");
        let late = |_elapsed| io::Error::new(io::ErrorKind::TimedOut, "`ssh` does not answer");
        within(PATIENCE, command.output()).await.map_err(late)?
    }
}

/// The directory of a cluster's keys.
fn beside(keys: &SshFiles) -> &Path {
    keys.identity.parent().expect("a file is in a directory")
}

/// What the sockets of a cluster begin with; no name of a cluster has a dot.
fn prefix(cluster: &ClusterName) -> String {
    format!("tunnel.{cluster}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_keeps_its_doors_and_others_get_others() {
        let id = |text: &str| MachineId {
            cluster: "practice".parse().unwrap(),
            name: text.parse().unwrap(),
        };
        let both = [Service::Ssh, Service::Engine];
        let mut forwarded = ForwardedPorts::default();
        let first = forwarded.to(&id("worker-1"), &both).unwrap();
        assert_eq!(forwarded.to(&id("worker-1"), &both).unwrap(), first);
        let second = forwarded.to(&id("worker-2"), &both).unwrap();
        assert!(first.values().chain(second.values()).all(|at| at.ip() == Ipv4Addr::LOCALHOST));
        assert!(first.values().all(|at| !second.values().any(|other| other == at)));
    }
}
