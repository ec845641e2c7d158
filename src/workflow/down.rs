//! `down`: removes a cluster without a trace, with its record or without.

use crate::event::Progress;
use crate::failpoint;
use crate::model::{ClusterName, Machine};
use crate::store::{self, Entry, Phase, Record};

use super::lost::look;
use super::settle::on_each;
use super::{Error, Services, contexts};

/// How `down` goes about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DownOptions {
    /// Remove machines of that name also if no record here says that they are ours: the user has said
    /// yes to that.
    pub without_record: bool,
    /// Forget a cluster also if its machines cannot be found, whatever becomes of them.
    pub forget: bool,
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
    let record = match entry.record() {
        Ok(record) => record,
        // Labels are the truth, so a damaged record hinders nothing; a newer one may know of more.
        Err(store::Error::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let machines = match &record {
        Some(record) => {
            let sight = look(services, record).await?;
            if !options.forget {
                sight.refuse_unsure(services, record).await?;
            }
            sight.found
        }
        None => unrecorded(services, &entry, options).await?,
    };
    let count = remove_machines(services, &entry, record.as_ref(), machines, progress).await?;
    failpoint::reached("down.record.before");
    entry.remove()?;
    Ok(count)
}

/// Removes what is left of a recorded cluster but for what is remembered of it.
pub(super) async fn remove_rest(
    services: &Services,
    entry: &Entry,
    record: &Record,
    progress: &Progress,
) -> Result<(), Error> {
    let sight = look(services, record).await?;
    sight.refuse_unsure(services, record).await?;
    remove_machines(services, entry, Some(record), sight.found, progress).await.map(drop)
}

/// All machines of that name, where no record tells which of them are ours.
async fn unrecorded(
    services: &Services,
    entry: &Entry,
    options: DownOptions,
) -> Result<Vec<Machine>, Error> {
    let cluster = entry.name().clone();
    let machines = services.driver.list(Some(&cluster)).await?;
    if machines.is_empty() && entry.has_memory() && !options.forget {
        let places = services.driver.places().await?;
        let names: Vec<_> = places.values().map(|place| place.name.as_str()).collect();
        let damaged = entry.record().is_err();
        return Err(Error::NothingFound { cluster, looked: names.join(" and "), damaged });
    }
    if !machines.is_empty() && !options.without_record {
        return Err(Error::NoRecord {
            cluster,
            machines: machines.iter().map(|m| m.id.name).collect(),
        });
    }
    Ok(machines)
}

/// Removes contexts, these machines and what they share; returns how many machines there were. Without a
/// record also everything else that bears the cluster's name goes, else what carries the record's id.
async fn remove_machines(
    services: &Services,
    entry: &Entry,
    record: Option<&Record>,
    machines: Vec<Machine>,
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
    let count = machines.len();
    on_each(services, name, machines, progress, async |machine, progress| {
        failpoint::reached("down.machine.before");
        progress.step("destroy", services.driver.destroy(machine)).await?;
        failpoint::reached("down.machine.after");
        Ok(())
    })
    .await?;
    if let Some(record) = record {
        // Whoever goes on from here need not wonder where they are.
        let gone = Record { phase: Phase::Destroying, machines: Vec::new(), ..record.clone() };
        entry.save(&gone)?;
    }
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
