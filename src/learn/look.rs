//! What looks at the cluster of a lesson, and dates what it sees.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::kind;
use crate::lesson::Step;
use crate::observe::{self, Ask, Facts};
use crate::pace::stretch;
use crate::remote::{Extra, Extras, Remote};
use crate::store::Record;
use crate::workflow::Services;

use super::error::Error;
use super::login::{log_in, machines};

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What looks at the cluster of a lesson.
#[derive(Debug, Clone)]
pub struct Eyes {
    cluster: observe::Cluster,
    /// How far the clock of the cluster is ahead: by that one all evidence is dated, as is what the cluster tells.
    ahead: SignedDuration,
}

impl Eyes {
    /// Those on a cluster.
    ///
    /// # Errors
    /// Those of its drivers.
    pub async fn on(services: &Services, record: &Record) -> Result<Self, Error> {
        let cluster = services.observed(record.clone());
        let machines = machines(&*services.driver, &record.spec.name).await?;
        let end = Instant::now() + stretch(PATIENCE);
        // A cluster that does not answer is part of many a lesson, and most have the clock of this computer.
        let ahead = observe::clock(&cluster, &machines, end).await.unwrap_or_default();
        Ok(Self { cluster, ahead })
    }

    /// What the clock of the cluster shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// Looks once at the cluster, for a step.
    pub(super) async fn look(&self, step: &Step) -> Facts {
        let end = Instant::now() + stretch(PATIENCE);
        observe::once(&self.cluster, self.asked(step), end).await
    }

    /// Looks again and again; tells what is otherwise than before.
    pub(super) fn watch(&self, step: &Step) -> impl Stream<Item = Facts> + Send + Unpin + use<> {
        observe::changes(self.cluster.clone(), self.asked(step))
    }

    /// What is asked for a step.
    fn asked(&self, step: &Step) -> Ask {
        // Where nothing else runs, containers are what one wants to see.
        let is_cluster = kind::of(self.cluster.record.spec.orchestrator).bootstrapper().is_some();
        let extras: &[Extra] = if is_cluster { &[] } else { &[Extra::Containers] };
        let usual = Ask { workloads: true, extras: Extras::of(extras), ..Ask::default() };
        usual.and(step.check.asks())
    }

    /// Logs in to a machine.
    pub(super) async fn log_in(&self, name: &str) -> Result<Arc<dyn Remote>, Error> {
        let observe::Cluster { home, record, driver, dialer } = &self.cluster;
        let cluster = &record.spec.name;
        let machines = machines(&**driver, cluster).await?;
        let machine = machines.iter().find(|machine| machine.id.name.to_string() == name);
        let machine = machine.ok_or_else(|| Error::NoMachine {
            cluster: cluster.clone(),
            machine: name.to_owned(),
        })?;
        log_in(home, &**dialer, machine).await
    }

    /// The addresses of the machines, as the others reach them.
    pub(super) fn addresses(&self) -> impl Iterator<Item = std::net::IpAddr> {
        self.cluster.record.machines.iter().map(|machine| machine.private_ip)
    }
}
