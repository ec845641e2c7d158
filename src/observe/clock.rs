//! The cluster's clock: whatever it tells of tasks, pods and containers is of that one.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::event::chain;
use crate::model::{Machine, MachineState, Service};

use super::cluster::{api_server, engine, first};
use super::in_time::in_time;
use super::looked_at::Cluster;

/// How much is lost where a clock is told in whole seconds.
const WHOLE: SignedDuration = SignedDuration::from_millis(1500);

/// How far a cluster's clock is ahead of this computer's: what is to be added to a moment here. Zero where that cannot be
/// told from what asking takes.
pub async fn clock(
    cluster: &Cluster,
    machines: &[Machine],
    end: Instant,
) -> Result<SignedDuration, String> {
    let service = cluster.kind().service();
    let knows = |machine: &&Machine| {
        machine.state == MachineState::Running
            && machine.orchestrator.services(machine.id.name.role).contains(&service)
            && (cluster.asked().is_none() || cluster.leads(machine))
    };
    let ask = machines.iter().filter(knows).map(async |machine| {
        let ask = async {
            if service == Service::Api {
                let server = api_server(cluster, machine).await?;
                let before = Timestamp::now();
                let there = server.now().await.map_err(|e| chain(&e))?;
                let half = SignedDuration::from_millis(500);
                return Ok(ahead(before, there + half, Timestamp::now(), WHOLE));
            }
            let engine = engine(cluster, machine).await?;
            let before = Timestamp::now();
            let there = engine.now().await.map_err(|e| chain(&*e))?;
            Ok(ahead(before, there, Timestamp::now(), SignedDuration::ZERO))
        };
        in_time(end, ask).await
    });
    first(ask, "no machine is running that knows the time").await
}

/// The answer was given at some time between the question and its coming here.
fn ahead(
    before: Timestamp,
    there: Timestamp,
    after: Timestamp,
    unsure: SignedDuration,
) -> SignedDuration {
    let took = after.duration_since(before);
    let ahead = there.duration_since(before + took / 2);
    if ahead.abs() <= took / 2 + unsure { SignedDuration::ZERO } else { ahead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_only_if_asking_does_not_explain_it() {
        let at = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).unwrap();
        let told = |there: i64, unsure| ahead(at(1000), at(there), at(1200), unsure).as_millis();
        assert_eq!(told(1050, SignedDuration::ZERO), 0);
        assert_eq!(told(1190, SignedDuration::ZERO), 0);
        assert_eq!(told(61_100, SignedDuration::ZERO), 60_000);
        assert_eq!(told(-58_900, SignedDuration::ZERO), -60_000);
        assert_eq!(told(2000, WHOLE), 0);
        assert_eq!(told(4100, WHOLE), 3000);
    }
}
