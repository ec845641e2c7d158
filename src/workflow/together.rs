//! The same script on all machines of a cluster at once: under its lock, where all have to do it, and without, to see what they
//! say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::event::chain;
use crate::failpoint;
use crate::model::{ClusterName, Machine, MachineId, MachineState, SshFiles};
use crate::pace::within;
use crate::remote::{Remote, Script};

use super::error::{Error, MachineError, Work};
use super::services::{Cluster, Services};
use super::settle::{all_well, settle};

/// Connections to machines of a cluster.
pub(super) struct Together<'a> {
    cluster: &'a Cluster<'a>,
    remotes: Vec<(MachineId, Arc<dyn Remote>)>,
}

impl<'a> Together<'a> {
    /// Reaches machines, within that time; those that are off are started.
    pub(super) async fn reach(
        cluster: &'a Cluster<'a>,
        machines: Vec<Machine>,
        patience: Duration,
    ) -> Result<Self, Error> {
        let Cluster { services, entry, progress } = cluster;
        let files = entry.ssh()?;
        let work: Vec<_> = machines
            .into_iter()
            .map(|mut machine| {
                let (name, files) = (machine.id.name, &files);
                let progress = progress.machine(name);
                (name, async move {
                    if machine.state != MachineState::Running {
                        progress.step("start", services.driver.start(&machine)).await?;
                        machine = services.driver.located(machine).await?;
                    }
                    let remote = services.dialer.dial(&machine, files, patience).await?;
                    Ok((machine.id, remote))
                })
            })
            .collect();
        let of = work.len();
        let (mut remotes, causes) = settle(work).await;
        all_well(services, entry.name(), Work::Tend, of, causes).await?;
        remotes.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self { cluster, remotes })
    }

    /// Runs a script on all of them; what each has printed.
    pub(super) async fn run(&self, script: &Script) -> Result<Vec<(MachineId, String)>, Error> {
        self.run_past(script, None).await
    }

    /// The same; each comes to a point where a test can kill the process.
    pub(super) async fn run_past(
        &self,
        script: &Script,
        point: Option<&'static str>,
    ) -> Result<Vec<(MachineId, String)>, Error> {
        let Cluster { services, entry, progress } = self.cluster;
        let work: Vec<_> = self
            .remotes
            .iter()
            .map(|(id, remote)| {
                let progress = progress.machine(id.name);
                (id.name, async move {
                    let said = progress.step(&*script.title, remote.run(script)).await?;
                    point.into_iter().for_each(failpoint::reached);
                    Ok((id.clone(), said))
                })
            })
            .collect();
        let of = work.len();
        let (said, causes) = settle(work).await;
        all_well(services, entry.name(), Work::Tend, of, causes).await?;
        Ok(said)
    }
}

/// How long a machine may take to let us in where somebody waits to be shown what the others say.
pub(super) const GLANCE: Duration = Duration::from_secs(10);

/// Asks machines within that time, without the lock of their cluster; what each has printed, or why it has not.
///
/// # Errors
/// [`Error::Interrupted`].
pub(super) async fn glance(
    services: &Services,
    cluster: &ClusterName,
    machines: impl IntoIterator<Item = &Machine>,
    script: &Script,
    patience: Duration,
) -> Result<Vec<(MachineId, Result<String, String>)>, Error> {
    let files = SshFiles::in_directory(&services.home.directory(cluster).join("ssh"));
    let asked = join_all(machines.into_iter().map(async |machine| {
        let ask = async {
            if machine.state != MachineState::Running {
                return Err(MachineError::NotRunning(machine.state));
            }
            let remote = services.dialer.dial(machine, &files, GLANCE).await?;
            Ok(remote.run(script).await?)
        };
        let said = match within(patience, ask).await {
            Ok(said) => said.map_err(|error| chain(&error)),
            Err(_) => Err("it does not answer".to_owned()),
        };
        (machine.id.clone(), said)
    }));
    services.interrupt.or(asked).await.ok_or(Error::Interrupted)
}
