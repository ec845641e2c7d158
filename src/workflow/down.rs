//! `down`: removes a cluster without a trace, with its record or without.

use std::collections::BTreeSet;

use crate::event::chain;
use crate::failpoint;
use crate::model::ClusterName;
use crate::remote::keys;
use crate::store::{self, Entry};

use super::error::Error;
use super::lost::{look, unaccounted};
use super::owner::{by_home, keys_of};
use super::removal::{Whole, is_noted, remove_whole};
use super::services::Services;

/// How `down` goes about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DownOptions {
    /// Remove machines of that name also if no record here says that they are ours: the user has said
    /// yes to that.
    pub without_record: bool,
    /// Remove also what another home has made: the user has said that, too.
    pub other_homes: bool,
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
    let cluster = services.lock(name, "down").await?;
    let entry = &cluster.entry;
    let record = match entry.record() {
        Ok(record) => record,
        // Labels are the truth, so a damaged record hinders nothing; a newer one may know of more.
        Err(store::Error::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let whole = match &record {
        Some(record) => {
            let sight = look(services, record).await?;
            if !options.forget {
                sight.refuse_unsure(services, record).await?;
            }
            Whole::of(record, sight.found)
        }
        None => unrecorded(services, entry, options).await?,
    };
    // They keep the keys, which are the only ones to them.
    let lost = match &record {
        None if !options.forget => unaccounted(services, entry.name(), &whole.machines).await?,
        _ => None,
    };
    let lost = lost.map(|lost| (lost, whole.machines.clone()));
    let count = remove_whole(&cluster, record.as_ref(), &[], whole).await?;
    if let Some((lost, removed)) = lost {
        let known_hosts = entry.ssh()?.known_hosts;
        removed.iter().try_for_each(|gone| keys::unpin(&known_hosts, &gone.id.alias()))?;
        return Err(Error::Lost(lost));
    }
    failpoint::reached("down.record.before");
    let noted = is_noted(entry);
    entry.remove().map(|()| count).map_err(|error| Error::Left {
        cluster: name.clone(),
        left: vec![chain(&error)],
        noted,
    })
}

/// All of that name, where no record tells what of it is ours; without what another home has made, unless
/// that is said.
async fn unrecorded(
    services: &Services,
    entry: &Entry,
    options: DownOptions,
) -> Result<Whole, Error> {
    let cluster = entry.name().clone();
    let mut machines = services.ask(services.driver.list(Some(&cluster))).await?;
    let mut ids = vec![None];
    let mut leftovers = services.driver.leftovers().await?;
    leftovers.retain(|leftover| leftover.cluster == cluster);
    // A context of that name may be of a cluster that is somewhere else.
    let mut known: BTreeSet<String> = leftovers.iter().map(|t| t.cluster_id.clone()).collect();
    known.extend(keys_of(services, &cluster));
    if !options.other_homes {
        let (theirs, ours) = by_home(&services.home, leftovers)?;
        if !theirs.is_empty() {
            let is_theirs = |id: &String| theirs.iter().any(|leftover| leftover.cluster_id == *id);
            let ours: BTreeSet<_> = ours.into_iter().map(|leftover| leftover.cluster_id).collect();
            ids = ours.into_iter().filter(|id| !is_theirs(id)).map(Some).collect();
            machines.retain(|machine| !is_theirs(&machine.cluster_id));
            known.retain(|id| !is_theirs(id));
            if ids.is_empty() {
                let what = theirs.into_iter().map(|leftover| leftover.what).collect();
                return Err(Error::OtherHome { cluster, what });
            }
        }
    }
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
    Ok(Whole { machines, ids, known })
}
