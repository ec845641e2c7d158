//! The phases in which what a cluster knows is copied on its machines, and put back.
//!
//! A copy that is cut short comes to nothing: everything is started again. What is put back is put back to its end, by
//! whichever command comes next, from the first step on: the snapshot does not change by it.

use futures_util::FutureExt as _;

use crate::event::chain;
use crate::failpoint;
use crate::kind;
use crate::model::SnapshotName;
use crate::provision::BOOT;
use crate::snapshot::{self, About, Scripts};
use crate::store::{Intent, Record};

use super::error::Error;
use super::lost::look;
use super::phase::{Phase, walk};
use super::services::Cluster;
use super::state::{Look, refuse_lost};
use super::together::Together;

/// What is known of a snapshot that is taken or put back.
pub(super) struct Keeping<'a> {
    cluster: &'a Cluster<'a>,
    scripts: Scripts,
    together: Together<'a>,
    name: &'a SnapshotName,
    /// What was agreed on to be done afterwards.
    rest: &'a [Intent],
}

fn phases<'a>() -> Vec<Phase<Keeping<'a>>> {
    vec![
        Phase::<Keeping>::new(
            "stop everything",
            "Whoever ran on would tell the others what is to be forgotten.",
            |keeping| keeping.stop().boxed(),
        ),
        Phase::<Keeping>::new(
            "lay the former state beside the present one",
            "What may fail comes before anything is replaced.",
            |keeping| keeping.lay().boxed(),
        ),
        Phase::<Keeping>::new(
            "put the former state in its place",
            "Directories are renamed; the present ones stay beside them for now.",
            |keeping| keeping.swap().boxed(),
        ),
        Phase::<Keeping>::new(
            "start everything",
            "Containers that the former state does not know are removed.",
            |keeping| keeping.start().boxed(),
        ),
        Phase::<Keeping>::new(
            "remove what was there before",
            "From here on nobody needs it.",
            |keeping| keeping.clear().boxed(),
        ),
    ]
}

/// Puts a snapshot back, also one that a run which was cut short has begun to put back.
pub(super) async fn restore(
    cluster: &Cluster<'_>,
    name: &SnapshotName,
    rest: &[Intent],
) -> Result<(), Error> {
    let mut keeping = Keeping::again(cluster, name, rest).await?;
    Box::pin(walk(phases(), &mut keeping, |_, _| {})).await
}

/// Starts what a run that was cut short has stopped for a snapshot, and removes what there is of that.
pub(super) async fn abandon(
    cluster: &Cluster<'_>,
    name: &SnapshotName,
    rest: &[Intent],
) -> Result<(), Error> {
    let keeping = Keeping::again(cluster, name, rest).await?;
    keeping.together.run(&keeping.scripts.remove(name)).await?;
    keeping.together.run(&keeping.scripts.start(None)).await?;
    keeping.note()
}

/// Takes a snapshot of machines that run, and starts everything again, whatever became of that.
pub(super) async fn save(
    cluster: &Cluster<'_>,
    together: Together<'_>,
    scripts: Scripts,
    about: &About,
    rest: &[Intent],
) -> Result<(), Error> {
    let keeping = Keeping { cluster, scripts, together, name: &about.name, rest };
    let kept = keeping.copied(about).await;
    if kept.is_err() {
        let remove = scripts.remove(&about.name);
        if let Err(error) = keeping.together.run(&remove).await {
            cluster.progress.warn(chain(&error));
        }
    }
    let started = keeping.together.run(&scripts.start(None)).await;
    if started.is_ok() {
        failpoint::reached("save.start.after");
        keeping.note()?;
    }
    kept?;
    started.map(drop)
}

impl<'a> Keeping<'a> {
    /// Reaches the machines, of which some may be off since.
    async fn again(
        cluster: &'a Cluster<'a>,
        name: &'a SnapshotName,
        rest: &'a [Intent],
    ) -> Result<Self, Error> {
        let services = cluster.services;
        let record = cluster.record()?;
        let kind = record.spec.orchestrator;
        let scripts = Scripts::of(kind).ok_or_else(|| snapshot::Error::NoState {
            cluster: cluster.name().clone(),
            kind: kind::of(kind).noun(),
        })?;
        let sight = look(services, &record).await?;
        sight.refuse_none(services, &record).await?;
        sight.refuse_unsure(services, &record).await?;
        refuse_lost(services, &record, &sight.found, Look::Quick).await?;
        let together = Together::reach(cluster, sight.found, BOOT).await?;
        Ok(Self { cluster, scripts, together, name, rest })
    }

    async fn copied(&self, about: &About) -> Result<(), Error> {
        self.together.run(&self.scripts.stop()).await?;
        failpoint::reached("save.stop.after");
        self.unless_interrupted()?;
        self.together.run(&self.scripts.copy(about)).await?;
        failpoint::reached("save.copy.after");
        self.unless_interrupted()?;
        self.together.run(&self.scripts.keep(self.name)).await?;
        failpoint::reached("save.keep.after");
        Ok(())
    }

    async fn stop(&mut self) -> Result<(), Error> {
        self.together.run(&self.scripts.hold()).await?;
        failpoint::reached("restore.stop.after");
        Ok(())
    }

    /// Where that fails, it is given up: all machines have the state that they had.
    async fn lay(&mut self) -> Result<(), Error> {
        self.unless_interrupted()?;
        if let Err(error) = self.together.run(&self.scripts.lay(self.name)).await {
            self.together.run(&self.scripts.back()).await?;
            self.together.run(&self.scripts.start(None)).await?;
            self.note()?;
            return Err(error);
        }
        failpoint::reached("restore.lay.after");
        Ok(())
    }

    async fn swap(&mut self) -> Result<(), Error> {
        self.unless_interrupted()?;
        let swap = self.scripts.swap(self.name);
        self.together.run_past(&swap, Some("restore.swap.one")).await?;
        failpoint::reached("restore.swap.after");
        Ok(())
    }

    async fn start(&mut self) -> Result<(), Error> {
        self.together.run(&self.scripts.start(Some(self.name))).await?;
        failpoint::reached("restore.start.after");
        // Before what was there goes: without it nothing can be given up any more.
        self.note()?;
        failpoint::reached("restore.note.after");
        Ok(())
    }

    async fn clear(&mut self) -> Result<(), Error> {
        self.together.run(&self.scripts.clear()).await.map(drop)
    }

    /// Notes that only the rest is left to be done.
    fn note(&self) -> Result<(), Error> {
        let record = self.cluster.record()?;
        let pending = self.rest.to_vec();
        Ok(self.cluster.entry.save(&Record { pending, ..record })?)
    }

    fn unless_interrupted(&self) -> Result<(), Error> {
        if self.cluster.services.interrupt.raised() { Err(Error::Interrupted) } else { Ok(()) }
    }
}
