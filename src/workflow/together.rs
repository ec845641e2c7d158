//! The same script on all machines of a cluster at once.

use std::sync::Arc;
use std::time::Duration;

use crate::failpoint;
use crate::model::{Machine, MachineId, MachineState};
use crate::remote::{Remote, Script};

use super::error::{Error, Work};
use super::services::Cluster;
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
