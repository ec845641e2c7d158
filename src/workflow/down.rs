//! `down`: removes a cluster without a trace, with its record or without.

use std::collections::BTreeSet;

use crate::driver::Leftover;
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::model::{ClusterName, Machine};
use crate::remote::keys;
use crate::store::{self, Entry, Home, Phase, Record};

use super::lost::{look, unaccounted};
use super::repair::keys_of;
use super::settle::on_each;
use super::{Error, Services, Work, contexts};

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
    let whole = match &record {
        Some(record) => {
            let sight = look(services, record).await?;
            if !options.forget {
                sight.refuse_unsure(services, record).await?;
            }
            Whole::of(record, sight.found)
        }
        None => match unrecorded(services, &entry, options).await {
            Ok(whole) => whole,
            Err(error) => {
                // Taking the lock has made a directory.
                entry.remove_if_unused()?;
                return Err(error);
            }
        },
    };
    // They keep the keys, which are the only ones to them.
    let lost = match &record {
        None if !options.forget => unaccounted(services, entry.name(), &whole.machines).await?,
        _ => None,
    };
    let lost = lost.map(|lost| (lost, whole.machines.clone()));
    let count = remove_whole(services, &entry, record.as_ref(), whole, progress).await?;
    if let Some((lost, removed)) = lost {
        let known_hosts = entry.ssh()?.known_hosts;
        removed.iter().try_for_each(|gone| keys::unpin(&known_hosts, &gone.id.alias()))?;
        return Err(Error::Lost(lost));
    }
    failpoint::reached("down.record.before");
    let (cluster, noted) = (entry.name().clone(), is_noted(&entry));
    match entry.remove() {
        Ok(()) => Ok(count),
        Err(error) => Err(Error::Left { cluster, left: vec![chain(&error)], noted }),
    }
}

/// Whether the record says that the machines are gone, so that the next `down` need not wonder where they are.
fn is_noted(entry: &Entry) -> bool {
    match entry.record() {
        Ok(Some(record)) => record.phase == Phase::Destroying && record.machines.is_empty(),
        record => record.is_ok(),
    }
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
    let whole = Whole::of(record, sight.found);
    remove_whole(services, entry, Some(record), whole, progress).await.map(drop)
}

/// What is to be removed.
struct Whole {
    machines: Vec<Machine>,
    /// The clusters whose remains go as well, by their ids; `None` stands for all of that name.
    ids: Vec<Option<String>>,
    /// The clusters whose contexts go.
    known: BTreeSet<String>,
}

impl Whole {
    fn of(record: &Record, machines: Vec<Machine>) -> Self {
        let id = &record.cluster_id;
        Self { machines, ids: vec![Some(id.clone())], known: BTreeSet::from([id.clone()]) }
    }
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

/// What another home has made, and the rest.
pub(super) fn by_home(
    home: &Home,
    leftovers: Vec<Leftover>,
) -> Result<(Vec<Leftover>, Vec<Leftover>), Error> {
    let (mut theirs, mut rest) = (Vec::new(), Vec::new());
    for leftover in leftovers {
        let of_another = home.is_other(leftover.home.as_deref())?;
        if of_another { theirs.push(leftover) } else { rest.push(leftover) }
    }
    Ok((theirs, rest))
}

/// Removes contexts, machines and what they share; returns how many machines there were.
async fn remove_whole(
    services: &Services,
    entry: &Entry,
    record: Option<&Record>,
    whole: Whole,
    progress: &Progress,
) -> Result<usize, Error> {
    let name = entry.name();
    let Whole { machines, ids, known } = whole;
    for id in &ids {
        services.driver.refuse_held(name, id.as_deref()).await?;
    }
    // Files that cannot be written keep no machine running: perhaps it is the machines that fill the disk.
    let note = |machines: &[Machine]| {
        let phase = Phase::Destroying;
        let noted = record.map(|r| Record { phase, machines: machines.to_vec(), ..r.clone() });
        noted.is_none_or(|record| entry.save(&record).is_ok())
    };
    note(record.map(|r| r.machines.as_slice()).unwrap_or_default());
    // Contexts go first: a docker that points at a dying engine only hangs.
    failpoint::reached("down.context.before");
    let mut left = contexts::forget(services, name, record, &known, progress);
    failpoint::reached("down.context.after");

    let count = machines.len();
    on_each(services, name, Work::Remove, machines, progress, async |machine, progress| {
        failpoint::reached("down.machine.before");
        progress.step("destroy", services.driver.destroy(machine)).await?;
        failpoint::reached("down.machine.after");
        Ok(())
    })
    .await?;
    // Whoever goes on from here need not wonder where they are.
    note(&[]);
    failpoint::reached("down.cleanup.before");
    let cleanup = async {
        for id in &ids {
            services.driver.cleanup(name, id.as_deref()).await?;
        }
        Ok::<_, Error>(())
    };
    if count > 0 {
        progress.step("clean up", cleanup).await?;
    } else {
        // Nobody waits for that, and mostly there is nothing.
        cleanup.await?;
    }
    failpoint::reached("down.cleanup.after");
    if !left.is_empty() {
        // By now there may be room.
        left = contexts::forget(services, name, record, &known, progress);
    }
    if left.is_empty() {
        return Ok(count);
    }
    Err(Error::Left { cluster: name.clone(), left, noted: is_noted(entry) })
}
