//! The containers of engines, asked of each engine by itself: whoever leads a cluster does not know how their health
//! checks go.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::event::chain;
use crate::model::{Machine, MachineName, MachineState, Service};
use crate::remote::ContainerFact;

use super::cluster::engine;
use super::facts::Part;
use super::in_time::in_time;
use super::looked_at::Cluster;

/// The containers of machines whose engines listen.
pub(super) type Containers = BTreeMap<MachineName, Part<ContainerFact>>;

/// Asks all engines at once.
pub(super) async fn look(
    cluster: &Cluster,
    machines: &[Machine],
    before: &Containers,
    end: Instant,
) -> Containers {
    let listens = |machine: &&Machine| {
        let services = machine.orchestrator.services(machine.id.name.role);
        services.contains(&Service::Engine)
    };
    let asked = machines.iter().filter(listens).map(async |machine| {
        let name = machine.id.name;
        if machine.state != MachineState::Running {
            return (name, Err(machine.state.to_string()).into());
        }
        let known = before.get(&name).and_then(|part| part.items.as_deref()).unwrap_or_default();
        let ask = async {
            let engine = engine(cluster, machine).await?;
            engine.containers(known).await.map_err(|e| chain(&*e))
        };
        (name, in_time(end, ask).await.into())
    });
    join_all(asked).await.into_iter().collect()
}
