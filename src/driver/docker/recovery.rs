//! Machines that run and do not answer: why, and what can be done about it from outside.

use std::fmt;
use std::time::Duration;

use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerInspectResponse, NetworkConnectRequest, NetworkDisconnectRequest};
use bollard::query_parameters::RestartContainerOptions;
use futures_util::TryStreamExt as _;

use super::engine::failed;
use super::machine::stop_seconds;
use super::{DockerDriver, container};
use crate::driver::{Error, Source};
use crate::model::Machine;
use crate::pace::within;

/// Looks at sshd from inside, or starts it again.
const SSHD: &str = include_str!("../../../templates/docker/sshd.sh");
/// How long looking inside may take.
const LOOK: Duration = Duration::from_secs(10);
/// How long sshd may take to start.
const RESTART: Duration = Duration::from_secs(60);

/// Why a machine does not answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not in the cluster's network.
    Network(String),
    /// What was seen inside.
    Inside { seen: String, address_lost: bool },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => write!(f, "it is not connected to the network `{name}`"),
            Self::Inside { seen, .. } => f.write_str(seen),
        }
    }
}

impl DockerDriver {
    /// Why a machine that runs does not answer, if that can be seen.
    pub(super) async fn trouble(&self, machine: &Machine) -> Result<Option<Trouble>, Error> {
        let seen = self.engine.client.inspect_container(&machine.handle, None).await;
        let seen = seen.map_err(failed("look at", format!("machine `{}`", machine.id)))?;
        if seen.state.as_ref().and_then(|state| state.running) != Some(true) {
            return Ok(None);
        }
        let address = machine.private_ip.to_string();
        if !is_connected(&seen, &address) {
            return Ok(Some(Trouble::Network(machine.id.cluster.context())));
        }
        let looked = within(LOOK, self.sshd(machine, "no")).await;
        let Ok(Ok(said)) = looked else { return Ok(None) };
        let trouble =
            Trouble::Inside { address_lost: said.contains(&address), seen: said.trim().to_owned() };
        Ok(Some(trouble).filter(|_| !said.trim().is_empty()))
    }

    /// Puts right what keeps a machine from answering.
    pub(super) async fn mend(&self, machine: &Machine) -> Result<(), Error> {
        match self.trouble(machine).await? {
            None => Ok(()),
            Some(Trouble::Network(_) | Trouble::Inside { address_lost: true, .. }) => {
                self.reconnect(machine).await
            }
            Some(Trouble::Inside { .. }) => {
                let restart = within(RESTART, self.sshd(machine, "yes")).await;
                restart
                    .unwrap_or_else(|_| Err(restart_failed(machine, "it takes too long".into())))?;
                Ok(())
            }
        }
    }

    /// Connects a machine to its cluster's network, and has it boot: its interface is a new one, and what it had
    /// set up on the other is gone.
    async fn reconnect(&self, machine: &Machine) -> Result<(), Error> {
        self.connect_machine(machine).await?;
        let options = RestartContainerOptions { t: stop_seconds(), ..Default::default() };
        let restart = self.engine.client.restart_container(&machine.handle, Some(options));
        restart.await.map_err(failed("restart", format!("machine `{}`", machine.id)))
    }

    /// Connects a machine to its cluster's network, at its own address.
    pub(super) async fn connect_machine(&self, machine: &Machine) -> Result<(), Error> {
        let client = &self.engine.client;
        let network = self.network_again(machine).await?.id;
        let leave =
            NetworkDisconnectRequest { container: machine.handle.clone(), force: Some(true) };
        // It may not be connected at all.
        let _ = client.disconnect_network(&network, leave).await;
        let name = machine.id.name.to_string();
        let join = NetworkConnectRequest {
            container: machine.handle.clone(),
            endpoint_config: Some(container::endpoint(&name, &machine.private_ip.to_string())),
        };
        let joined = client.connect_network(&network, join).await;
        joined.map_err(failed("connect", format!("machine `{}`", machine.id)))
    }

    /// Runs the script that looks at sshd, or starts it again, and returns what it said.
    async fn sshd(&self, machine: &Machine, restart: &str) -> Result<String, Error> {
        let client = &self.engine.client;
        let unsaid = |error: bollard::errors::Error| restart_failed(machine, error.into());
        let options = CreateExecOptions {
            cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), SSHD.to_owned()]),
            env: Some(vec![
                format!("ADDRESS={}", machine.private_ip),
                format!("RESTART={restart}"),
            ]),
            attach_stdout: Some(true),
            ..Default::default()
        };
        let exec = client.create_exec(&machine.handle, options).await.map_err(unsaid)?.id;
        let mut said = String::new();
        if let StartExecResults::Attached { mut output, .. } =
            client.start_exec(&exec, None).await.map_err(unsaid)?
        {
            while let Some(piece) = output.try_next().await.map_err(unsaid)? {
                said.push_str(&piece.to_string());
            }
        }
        match client.inspect_exec(&exec).await.map_err(unsaid)?.exit_code {
            Some(0) => Ok(said),
            _ => Err(restart_failed(machine, said.trim().into())),
        }
    }
}

/// Whether a container has its address in a network. A cluster has one network, and its range is its own.
fn is_connected(container: &ContainerInspectResponse, address: &str) -> bool {
    let settings = container.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    let mut networks = networks.into_iter().flat_map(|networks| networks.values());
    networks.any(|network| network.ip_address.as_deref() == Some(address))
}

fn restart_failed(machine: &Machine, source: Source) -> Error {
    Error::Failed {
        operation: "start",
        subject: format!("sshd of machine `{}`", machine.id),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{EndpointSettings, NetworkSettings};

    use super::*;

    #[test]
    fn a_machine_is_connected_where_it_has_its_own_address() {
        let with = |addresses: &[&str]| {
            let networks = addresses.iter().map(|address| {
                let address = Some((*address).to_owned());
                let settings = EndpointSettings { ip_address: address, ..Default::default() };
                (format!("network-{settings:?}"), settings)
            });
            ContainerInspectResponse {
                network_settings: Some(NetworkSettings {
                    networks: Some(networks.collect::<HashMap<_, _>>()),
                    ..Default::default()
                }),
                ..Default::default()
            }
        };
        assert!(is_connected(&with(&["172.19.0.2", "10.200.7.11"]), "10.200.7.11"));
        assert!(!is_connected(&with(&["172.19.0.2", ""]), "10.200.7.11"));
        assert!(!is_connected(&ContainerInspectResponse::default(), "10.200.7.11"));
    }
}
