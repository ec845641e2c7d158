//! `down`: removes a cluster without a trace, with its record or without.

use crate::event::Progress;
use crate::failpoint;
use crate::model::ClusterName;
use crate::store::{self, Entry, Phase, Record};

use super::settle::on_each;
use super::{Error, Services, contexts};

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
    if record.is_none() && !options.without_record {
        let machines = services.driver.list(Some(&name)).await?;
        if !machines.is_empty() {
            entry.remove_if_unused()?;
            let machines = machines.iter().map(|m| m.id.name).collect();
            return Err(Error::NoRecord { cluster: name, machines });
        }
    }
    let count = remove_machines(services, &entry, record.as_ref(), progress).await?;
    failpoint::reached("down.record.before");
    entry.remove()?;
    Ok(count)
}

/// Removes contexts, machines and what they share; returns how many machines there were. Without a
/// record these are all machines of that name, else those of the record's cluster id.
pub(super) async fn remove_machines(
    services: &Services,
    entry: &Entry,
    record: Option<&Record>,
    progress: &Progress,
) -> Result<usize, Error> {
    let name = entry.name();
    if let Some(record) = record {
        entry.save(&Record { phase: Phase::Destroying, ..record.clone() })?;
    }
    // Contexts go first: a docker that points at a dying engine only hangs.
    failpoint::reached("down.context.before");
    contexts::forget(services, name, record, progress)?;
    failpoint::reached("down.context.after");

    let id = record.map(|r| r.cluster_id.as_str());
    let mut machines = services.driver.list(Some(name)).await?;
    machines.retain(|m| id.is_none_or(|id| m.cluster_id == id));
    let count = machines.len();
    on_each(services, name, machines, progress, async |machine, progress| {
        failpoint::reached("down.machine.before");
        progress.step("destroy", services.driver.destroy(machine)).await?;
        failpoint::reached("down.machine.after");
        Ok(())
    })
    .await?;
    failpoint::reached("down.cleanup.before");
    let cleanup = services.driver.cleanup(name, id);
    if count > 0 {
        progress.step("clean up", cleanup).await?;
    } else {
        // Nobody waits for that, and mostly there is nothing.
        cleanup.await?;
    }
    failpoint::reached("down.cleanup.after");
    Ok(count)
}
