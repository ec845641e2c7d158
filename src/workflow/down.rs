//! `down`: removes a cluster without a trace, with its record or without.

use crate::event::Progress;
use crate::failpoint;
use crate::model::{ClusterName, Machine, MachineName};
use crate::store::{self, Entry, Phase, Record};

use super::{Error, Failure, MachineError, Services, settle};

/// How `down` goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownOptions {
    /// Remove machines of that name also if no record here says that they are ours: the user has said
    /// yes to that.
    pub without_record: bool,
}

/// Removes a cluster's machines, contexts and record; returns how many machines there were. Doing it
/// again is success.
pub async fn down(
    services: &Services,
    name: &ClusterName,
    options: DownOptions,
) -> Result<usize, Error> {
    let (entry, progress) = services.lock(name, "down").await?;
    let result = remove(services, entry, options, &progress).await;
    progress.ready();
    result
}

async fn remove(
    services: &Services,
    entry: Entry,
    options: DownOptions,
    progress: &Progress,
) -> Result<usize, Error> {
    let name = entry.name().clone();
    let record = match entry.record() {
        Ok(record) => record,
        // Labels are the truth, so a damaged record hinders nothing; a newer one may know of more.
        Err(store::Error::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let machines = services.driver.list(Some(&name)).await?;
    let (ours, others): (Vec<_>, Vec<_>) = machines.into_iter().partition(|m| {
        record
            .as_ref()
            .map_or(options.without_record, |r| r.cluster_id == m.cluster_id)
    });
    let foreign: Vec<MachineName> = others.iter().map(|m| m.id.name).collect();
    if record.is_none() && !foreign.is_empty() {
        // Taking the lock has made a directory; without a record there is nothing in it to keep.
        if matches!(entry.record(), Ok(None)) {
            entry.remove()?;
        }
        return Err(Error::NoRecord {
            cluster: name,
            machines: foreign,
        });
    }

    if let Some(record) = &record {
        entry.save(&Record {
            phase: Phase::Destroying,
            ..record.clone()
        })?;
    }
    // Contexts go first: a docker that points at a dying engine only hangs.
    failpoint::reached("down.context.before");
    forget_context(services, &name, record.as_ref())?;
    failpoint::reached("down.context.after");

    let count = ours.len();
    destroy(services, &name, ours, progress).await?;
    if foreign.is_empty() {
        failpoint::reached("down.cleanup.before");
        progress
            .step("clean up", services.driver.cleanup(&name))
            .await?;
        failpoint::reached("down.cleanup.after");
    }
    failpoint::reached("down.record.before");
    entry.remove()?;
    Ok(count)
}

fn forget_context(
    services: &Services,
    name: &ClusterName,
    record: Option<&Record>,
) -> Result<(), Error> {
    let context = name.context();
    let previous = record
        .and_then(|r| r.previous_context.as_ref())
        .and_then(|p| p.name.as_deref());
    services.contexts.restore(&context, previous)?;
    services
        .contexts
        .remove(&context, record.map(|r| r.cluster_id.as_str()))?;
    Ok(())
}

async fn destroy(
    services: &Services,
    name: &ClusterName,
    machines: Vec<Machine>,
    progress: &Progress,
) -> Result<(), Error> {
    let of = machines.len();
    let work = machines.into_iter().map(|machine| {
        let progress = progress.machine(machine.id.name);
        (machine.id.name, async move {
            failpoint::reached("down.machine.before");
            progress
                .step("destroy", services.driver.destroy(&machine))
                .await?;
            failpoint::reached("down.machine.after");
            Ok::<_, MachineError>(())
        })
    });
    let (_, causes) = settle(work).await;
    if causes.is_empty() {
        return Ok(());
    }
    let left = services.driver.list(Some(name)).await.unwrap_or_default();
    Err(Failure { causes, left, of }.into())
}
