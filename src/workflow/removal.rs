//! The phases in which a cluster goes.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;

use crate::event::Progress;
use crate::failpoint;
use crate::model::Machine;
use crate::store::{Entry, Intent, Phase as Stage, Record};

use super::contexts;
use super::error::{Error, Work};
use super::lost::look;
use super::phase::{Phase, walk};
use super::services::Cluster;
use super::settle::on_each;

/// What is to be removed.
pub(super) struct Whole {
    pub(super) machines: Vec<Machine>,
    /// The clusters whose remains go as well, by their ids; `None` stands for all of that name.
    pub(super) ids: Vec<Option<String>>,
    /// The clusters whose contexts go.
    pub(super) known: BTreeSet<String>,
}

impl Whole {
    /// A recorded cluster with those of its machines that were found.
    pub(super) fn of(record: &Record, machines: Vec<Machine>) -> Self {
        let id = &record.cluster_id;
        Self { machines, ids: vec![Some(id.clone())], known: BTreeSet::from([id.clone()]) }
    }
}

/// What is known of a removal.
struct Removal<'a> {
    cluster: &'a Cluster<'a>,
    record: Option<&'a Record>,
    /// What was agreed on to be done afterwards.
    rest: &'a [Intent],
    whole: Whole,
    /// What of its contexts could not be removed, and why.
    left: Vec<String>,
}

/// All that it takes to remove a cluster, but for what is remembered of it.
fn phases<'a>() -> Vec<Phase<Removal<'a>>> {
    vec![
        Phase::<Removal>::new(
            "note that it goes",
            "Whatever becomes of this run, the next one goes on with it.",
            |removal| {
                async {
                    removal.note_begin();
                    Ok(())
                }
                .boxed()
            },
        ),
        Phase::<Removal>::new(
            "take its contexts away",
            "They go first: a docker that points at a dying engine only hangs.",
            |removal| {
                async {
                    removal.forget_contexts();
                    Ok(())
                }
                .boxed()
            },
        ),
        Phase::<Removal>::new("remove the machines", "All at once, with their disks.", |removal| {
            removal.destroy().boxed()
        }),
        Phase::<Removal>::new(
            "remove what the machines shared",
            "Networks and the like can only go once nobody uses them.",
            |removal| removal.clean_up().boxed(),
        ),
        Phase::<Removal>::new(
            "take away the contexts that were left",
            "By now there may be room on the disk to write the files that they are in.",
            |removal| async { removal.forget_rest_of_contexts() }.boxed(),
        )
        .when(|removal| !removal.left.is_empty()),
    ]
}

impl Removal<'_> {
    fn note_begin(&self) {
        self.note(self.record.map(|record| record.machines.clone()).unwrap_or_default());
    }

    /// Notes which machines may still be there. Files that cannot be written keep no machine running: perhaps it is
    /// the machines that fill the disk.
    fn note(&self, machines: Vec<Machine>) {
        if let Some(record) = self.record {
            let pending = [&[Intent::Remove], self.rest].concat();
            let noted = Record { pending, machines, ..record.clone() };
            let _ = self.cluster.entry.save(&noted);
        }
    }

    fn forget_contexts(&mut self) {
        failpoint::reached("down.context.before");
        self.left = self.forget();
        failpoint::reached("down.context.after");
    }

    fn forget(&self) -> Vec<String> {
        let Cluster { services, entry, progress } = self.cluster;
        contexts::forget(services, entry.name(), self.record, &self.whole.known, progress)
    }

    async fn destroy(&mut self) -> Result<(), Error> {
        let Cluster { services, entry, progress } = self.cluster;
        let machines = &self.whole.machines;
        let destroy = |machine, progress: Progress| async move {
            failpoint::reached("down.machine.before");
            progress.step("destroy", services.driver.destroy(machine)).await?;
            failpoint::reached("down.machine.after");
            Ok(())
        };
        on_each(services, entry.name(), Work::Remove, machines, progress, destroy).await?;
        // Whoever goes on from here need not wonder where they are.
        self.note(Vec::new());
        Ok(())
    }

    async fn clean_up(&mut self) -> Result<(), Error> {
        let Cluster { services, entry, progress } = self.cluster;
        failpoint::reached("down.cleanup.before");
        let cleanup = async {
            for id in &self.whole.ids {
                services.driver.cleanup(entry.name(), id.as_deref()).await?;
            }
            Ok::<_, Error>(())
        };
        if self.whole.machines.is_empty() {
            // Nobody waits for that, and mostly there is nothing.
            cleanup.await?;
        } else {
            progress.step("clean up", cleanup).await?;
        }
        failpoint::reached("down.cleanup.after");
        Ok(())
    }

    fn forget_rest_of_contexts(&mut self) -> Result<(), Error> {
        self.left = self.forget();
        let (cluster, noted) = (self.cluster.name().clone(), is_noted(&self.cluster.entry));
        let left = self.left.clone();
        if left.is_empty() { Ok(()) } else { Err(Error::Left { cluster, left, noted }) }
    }
}

/// Removes contexts, machines and what they share, before `rest` is done; returns how many machines there were.
pub(super) async fn remove_whole(
    cluster: &Cluster<'_>,
    record: Option<&Record>,
    rest: &[Intent],
    whole: Whole,
) -> Result<usize, Error> {
    for id in &whole.ids {
        cluster.services.driver.refuse_held(cluster.name(), id.as_deref()).await?;
    }
    let count = whole.machines.len();
    let mut removal = Removal { cluster, record, rest, whole, left: Vec::new() };
    walk(phases(), &mut removal, |_, _| {}).await?;
    Ok(count)
}

/// Removes what is left of a recorded cluster, before `rest` is done, but for what is remembered of it.
pub(super) async fn remove_rest(
    cluster: &Cluster<'_>,
    record: &Record,
    rest: &[Intent],
) -> Result<(), Error> {
    let sight = look(cluster.services, record).await?;
    sight.refuse_unsure(cluster.services, record).await?;
    let whole = Whole::of(record, sight.found);
    remove_whole(cluster, Some(record), rest, whole).await.map(drop)
}

/// Whether the record says that the machines are gone, so that the next `down` need not wonder where they are.
pub(super) fn is_noted(entry: &Entry) -> bool {
    match entry.record() {
        Ok(Some(record)) => record.phase() == Stage::Destroying && record.machines.is_empty(),
        record => record.is_ok(),
    }
}
