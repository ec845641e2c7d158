//! Machines that exist: found, started, stopped and read.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{ContainerSummary, ContainerUpdateBody, RestartPolicyNameEnum};
use bollard::query_parameters::{
    DownloadFromContainerOptions, ListContainersOptions, StopContainerOptions,
};
use futures_util::TryStreamExt;

use super::container::{self, WHILE_OFF, WHILE_ON};
use super::engine::{failed, message};
use super::{DockerDriver, archive, labels, ports};
use crate::driver::{Error, Force};
use crate::model::{ClusterName, Machine};
use crate::pace::stretch;

/// How long a machine has to stop its services before it is switched off.
const STOP: Duration = Duration::from_secs(10);
/// Where sshd has its private key, relative to the root; the public one has `.pub` appended.
pub(super) const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";

impl DockerDriver {
    /// The machines of one cluster, or of all, by name.
    pub(super) async fn list_machines(
        &self,
        cluster: Option<&ClusterName>,
    ) -> Result<Vec<Machine>, Error> {
        let containers = self.containers(Some(labels::filter(cluster))).await?;
        let machines = containers.iter();
        let machines = machines.filter_map(|c| labels::machine(c, self.engine.reach));
        let mut machines: Vec<_> = machines.collect();
        machines.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(machines)
    }

    /// The engine's containers in any state, ours or not, in one call.
    pub(super) async fn containers(
        &self,
        filters: Option<HashMap<String, Vec<String>>>,
    ) -> Result<Vec<ContainerSummary>, Error> {
        let options = ListContainersOptions { all: true, filters, ..Default::default() };
        let list = self.engine.client.list_containers(Some(options));
        list.await.map_err(failed("list", "machines"))
    }

    /// Starts a machine that is off.
    pub(super) async fn start_machine(&self, machine: &Machine) -> Result<(), Error> {
        let client = &self.engine.client;
        self.set_restart(machine, WHILE_ON).await?;
        let start = || client.start_container(&machine.handle, None);
        let mut result = start().await;
        if result.as_ref().is_err_and(|error| message(error).contains("paused")) {
            result = client.unpause_container(&machine.handle).await;
        } else if result.as_ref().is_err_and(lacks_network) {
            self.connect_machine(machine).await?;
            result = start().await;
        }
        let Err(error) = result else { return Ok(()) };
        match ports::refused(&message(&error)) {
            Some(port) => {
                let owner = "another process on this computer".to_owned();
                Err(ports::taken(port, owner))
            }
            None => Err(failed("start", format!("machine `{}`", machine.id))(error)),
        }
    }

    /// Stops a machine, in good order if it does so in time.
    pub(super) async fn stop_machine(&self, machine: &Machine) -> Result<(), Error> {
        let options = StopContainerOptions { t: stop_seconds(), ..Default::default() };
        let stop = self.engine.client.stop_container(&machine.handle, Some(options));
        stop.await.map_err(failed("stop", format!("machine `{}`", machine.id)))?;
        self.set_restart(machine, WHILE_OFF).await
    }

    /// Switches a machine off at once, freezes it, or lets it go on.
    pub(super) async fn force_machine(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        let client = &self.engine.client;
        let result = match force {
            Force::Kill => client.kill_container(&machine.handle, None).await,
            Force::Pause => client.pause_container(&machine.handle).await,
            Force::Unpause => client.unpause_container(&machine.handle).await,
        };
        let is_so = |error: &bollard::errors::Error| {
            let message = message(error);
            match force {
                Force::Kill => message.contains("is not running"),
                Force::Pause => message.contains("is already paused"),
                Force::Unpause => message.contains("is not paused"),
            }
        };
        match result {
            Err(error) if !is_so(&error) => {
                return Err(failed(force.verb(), format!("machine `{}`", machine.id))(error));
            }
            _ => {}
        }
        if force == Force::Kill {
            self.set_restart(machine, WHILE_OFF).await?;
        }
        Ok(())
    }

    /// Sets when the engine starts a machine by itself.
    async fn set_restart(
        &self,
        machine: &Machine,
        policy: RestartPolicyNameEnum,
    ) -> Result<(), Error> {
        let client = &self.engine.client;
        let subject = || format!("machine `{}`", machine.id);
        let seen = client.inspect_container(&machine.handle, None).await;
        let seen = seen.map_err(failed("look at", subject()))?;
        let now = seen.host_config.and_then(|c| c.restart_policy).and_then(|p| p.name);
        if now == Some(policy) {
            return Ok(());
        }
        let wanted = ContainerUpdateBody {
            restart_policy: Some(container::restart(policy)),
            ..Default::default()
        };
        let update = client.update_container(&machine.handle, wanted).await;
        update.map_err(failed("change", subject()))
    }

    /// The machine's public host key, read from its disk.
    pub(super) async fn read_host_key(&self, machine: &Machine) -> Result<String, Error> {
        let options = DownloadFromContainerOptions { path: format!("/{HOST_KEY}.pub") };
        let subject = || format!("the host key of machine `{}`", machine.id);
        let client = &self.engine.client;
        let download = client.download_from_container(&machine.handle, Some(options));
        let archive: Vec<bytes::Bytes> =
            download.try_collect().await.map_err(failed("read", subject()))?;
        let text = archive::first_text(&archive.concat()).map_err(|source| Error::Failed {
            operation: "read",
            subject: subject(),
            source: source.into(),
        })?;
        Ok(text.trim_end().to_owned())
    }
}

/// The same as the engine has it, on this computer as it is now.
pub(super) fn stop_seconds() -> Option<i32> {
    i32::try_from(stretch(STOP).as_secs()).ok()
}

/// Whether a machine cannot start because its network is there no more.
fn lacks_network(error: &bollard::errors::Error) -> bool {
    let message = message(error);
    message.contains("network") && message.contains("not found")
}
