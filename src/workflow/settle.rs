//! Fan-outs that lose nothing.

use futures_util::future::join_all;

use crate::event::Progress;
use crate::model::{ClusterName, Machine, MachineName};

use super::{Error, Failure, MachineError, Services, Work};

/// Awaits every piece of work, also when some fail. Giving up at the first failure would drop siblings
/// whose request may already have been sent, and leave behind what nobody knows of.
pub async fn settle<T>(
    work: impl IntoIterator<Item = (MachineName, impl Future<Output = Result<T, MachineError>>)>,
) -> (Vec<T>, Vec<(MachineName, MachineError)>) {
    let named = work.into_iter().map(async |(name, future)| (name, future.await));
    let mut done = Vec::new();
    let mut failed = Vec::new();
    for (name, result) in join_all(named).await {
        match result {
            Ok(value) => done.push(value),
            Err(error) => failed.push((name, error)),
        }
    }
    (done, failed)
}

/// Does the same to several machines of a cluster at once.
pub(super) async fn on_each<'m, F>(
    services: &Services,
    cluster: &ClusterName,
    work: Work,
    machines: &'m [Machine],
    progress: &Progress,
    to_one: impl Fn(&'m Machine, Progress) -> F,
) -> Result<(), Error>
where
    F: Future<Output = Result<(), MachineError>>,
{
    let all = machines.iter().map(|machine| {
        let name = machine.id.name;
        (name, to_one(machine, progress.machine(name)))
    });
    let (_, causes) = settle(all).await;
    all_well(services, cluster, work, machines.len(), causes).await
}

/// Nothing, if no machine of a fan-out failed; else which ones did, and what is left: asked of the driver
/// and not remembered, because what failed may be there all the same.
pub(super) async fn all_well(
    services: &Services,
    cluster: &ClusterName,
    work: Work,
    of: usize,
    causes: Vec<(MachineName, MachineError)>,
) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    if causes.iter().all(|(_, cause)| matches!(cause, MachineError::Interrupted)) {
        return Err(Error::Interrupted);
    }
    let left = services.driver.list(Some(cluster)).await.unwrap_or_default();
    Err(Failure { cluster: cluster.clone(), work, causes, left, of }.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{MachineState, Role};

    #[tokio::test]
    async fn a_failure_abandons_no_sibling() {
        let work = (1..=3).map(|n| {
            let future = async move {
                if n == 1 {
                    return Err(MachineError::NotRunning(MachineState::Stopped));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(n)
            };
            (MachineName::new(Role::Worker, n), future)
        });
        let (done, failed) = settle(work).await;
        assert_eq!(done, [2, 3]);
        assert_eq!(failed.len(), 1);
    }
}
