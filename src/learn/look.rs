//! What looks at the cluster of a lesson, and dates what it sees.

use std::time::Duration;

use futures_util::Stream;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::MachineState;
use crate::observe::{self, Ask, Facts};
use crate::pace::stretch;
use crate::store::Record;
use crate::workflow::{self, Services};

use super::clock::Clock;
use super::error::Error;
use super::inventory::reach;

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What looks at the cluster of a lesson.
#[derive(Debug, Clone)]
pub struct Eyes {
    cluster: observe::Cluster,
    clock: Clock,
}

/// What is asked for lessons.
const ASK: Ask = Ask { workloads: true, images: false, certificates: false };

impl Eyes {
    /// Those on a cluster.
    ///
    /// # Errors
    /// Those of its drivers.
    pub async fn on(services: &Services, record: &Record) -> Result<Self, Error> {
        let machines = services.driver.list(Some(&record.spec.name)).await;
        let machines = machines.map_err(workflow::Error::from)?;
        let mut clock = Clock::default();
        for machine in machines.iter().filter(|m| m.state == MachineState::Running) {
            // Any of them will do; one that does not answer is part of many a lesson.
            let Ok(remote) = reach(services, machine).await else { continue };
            if let Ok(read) = Clock::of(&*remote).await {
                clock = read;
                break;
            }
        }
        let cluster = observe::Cluster {
            home: services.home.clone(),
            record: record.clone(),
            driver: services.driver.clone(),
            dialer: services.dialer.clone(),
        };
        Ok(Self { cluster, clock })
    }

    /// What the clock of the cluster shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Looks once.
    pub async fn look(&self) -> Facts {
        observe::once(&self.cluster, ASK, Instant::now() + stretch(PATIENCE)).await
    }

    /// Looks again and again; tells what is otherwise than before.
    pub fn watch(&self) -> impl Stream<Item = Facts> + Send + Unpin + use<> {
        observe::changes(self.cluster.clone(), ASK)
    }
}
