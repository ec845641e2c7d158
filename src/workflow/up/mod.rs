//! `up`: creates, resumes, repairs, or does nothing. One path for all of them.

mod phases;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::{Progress, chain};
use crate::model::{Access, KubernetesVersion, Machine};
use crate::plan::Plan;
use crate::remote::by_hand::Commands;
use crate::spec::ClusterSpec;
use crate::store::{self, Entry};

use super::admit::{Admitted, admit_all};
use super::down::remove_rest;
use super::phase::walk;
use super::state::Look;
use super::{Error, Services, machines, scale, state, upgrade};

use self::phases::{Up, phases};

/// How `up` goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpOptions {
    /// Point the user's docker at the cluster.
    pub select: bool,
    /// Remove what was made if not all of it could be.
    pub rollback: bool,
    /// Make a new, empty cluster in place of one that is lost.
    pub recreate: bool,
}

impl UpOptions {
    /// As `up` is where it is only the way to something else: the selected context stays as it is, and
    /// nothing is removed.
    pub const BY_THE_WAY: Self = Self { select: false, rollback: false, recreate: false };
}

/// What `up` came to.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The release of Kubernetes that they have, if that is what they are.
    pub release: Option<KubernetesVersion>,
    /// The machines.
    pub machines: Vec<Machine>,
    /// How the cluster is reached.
    pub access: Access,
    /// The name of its docker context.
    pub context: String,
    /// Whether that is the selected one now.
    pub selected: bool,
    /// Whether anything had to be done.
    pub changes: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What `up` would do, without doing it. What it would tell of is told.
pub async fn plan(
    services: &Services,
    spec: &ClusterSpec,
    options: UpOptions,
) -> Result<Plan, Error> {
    let record = services.home.record(&spec.name)?;
    let progress = Progress::new(Arc::clone(&services.reporter));
    match admit_all(services, spec, record.as_ref(), Look::Close, &progress).await {
        Ok(Admitted { plan, record, .. }) => {
            let home = services.home.known_id()?.unwrap_or_default();
            let absent = machines::requests_without_keys(spec, &record, &home, &plan.create);
            if !absent.is_empty() {
                services.ask(services.driver.admit(&spec.name, &absent)).await?;
            }
            Ok(plan)
        }
        Err(error) if options.recreate && error.is_lost() => {
            progress.warn(chain(&error));
            Ok(Plan::new(spec, &[]))
        }
        Err(error) => Err(error),
    }
}

/// Makes the cluster as the spec says, whatever of it exists already.
pub async fn up(
    services: &Services,
    spec: ClusterSpec,
    options: UpOptions,
) -> Result<Summary, Error> {
    let (entry, progress) = services.lock(&spec.name, "up").await?;
    to_spec(services, entry, spec, options, &progress).await
}

/// Brings a cluster that is locked to what a spec says.
pub(super) async fn to_spec(
    services: &Services,
    entry: Entry,
    spec: ClusterSpec,
    options: UpOptions,
    progress: &Progress,
) -> Result<Summary, Error> {
    let begin = Instant::now();
    let is_new = matches!(entry.record(), Ok(None));
    let mut result =
        Box::pin(converge(services, &entry, spec.clone(), options, progress, begin)).await;
    if options.recreate && result.as_ref().is_err_and(Error::is_lost) {
        result = match state::clear(services, &entry, &spec, progress).await {
            Ok(()) => Box::pin(converge(services, &entry, spec, options, progress, begin)).await,
            Err(error) => Err(error),
        };
    }
    if result.is_err()
        && let Err(error) = machines::remember(services, &entry).await
    {
        progress.warn(chain(&error));
    }
    if let (true, Err(error)) = (is_new, &result) {
        let rollback = options.rollback && !matches!(error, Error::Interrupted);
        if let Err(error) = undo(services, entry, error, rollback, progress).await {
            progress.warn(chain(&error));
        }
    }
    progress.ready();
    result
}

/// What becomes of a new cluster that could not be made: it is kept, so that the next `up` goes on from
/// there, unless nothing of it was made or the user wants it rolled back. A cluster that existed before
/// is never undone.
async fn undo(
    services: &Services,
    entry: Entry,
    error: &Error,
    rollback: bool,
    progress: &Progress,
) -> Result<(), Error> {
    let Some(record) = entry.record()? else {
        // It was refused before the first side effect; the lock has made a directory.
        return Ok(entry.remove_if_unused()?);
    };
    let nothing_made = matches!(error, Error::Driver(_))
        && services.driver.list(Some(entry.name())).await?.is_empty();
    if rollback || nothing_made {
        remove_rest(services, &entry, &record, progress).await?;
        entry.remove()?;
    }
    Ok(())
}

/// Goes through the phases of `up` with handles that touch nothing, and tells after each phase by which commands a person
/// does on this computer what was done here.
///
/// # Errors
/// What `up` would refuse without having looked at any machine.
pub async fn walk_up(
    services: &Services,
    spec: ClusterSpec,
    mut done: impl FnMut(Option<Commands>),
) -> Result<(), Error> {
    let (entry, progress) = services.lock(&spec.name, "up").await?;
    let admitted = admit_all(services, &spec, None, Look::Quick, &progress).await?;
    let options = UpOptions { select: true, ..UpOptions::BY_THE_WAY };
    let mut up = Up::new(services, &entry, spec, options, &progress, admitted, true);
    walk(phases(), &mut up, |phase, up| {
        let text = (phase.by_hand)(up);
        done(text.map(|text| Commands::new(phase.title, phase.why, text)));
    })
    .await
}

pub(super) async fn converge(
    services: &Services,
    entry: &Entry,
    spec: ClusterSpec,
    options: UpOptions,
    progress: &Progress,
    begin: Instant,
) -> Result<Summary, Error> {
    // Everything that can be refused is refused here, before the first side effect.
    let mut recorded = entry.record()?;
    if let Some(record) = recorded.take_if(|r| r.phase == store::Phase::Destroying) {
        // Machines of a `down` that was cut short may be on their way out although they still seem to
        // run, so it comes to its end first.
        progress.warn("finishing an interrupted `down` first");
        remove_rest(services, entry, &record, progress).await?;
        entry.forget_record()?;
    }
    if recorded.as_ref().is_some_and(|r| r.phase == store::Phase::Upgrading) {
        upgrade::complete(services, entry, progress).await?;
        recorded = entry.record()?;
    }
    if let Some(record) = recorded.as_ref().filter(|r| scale::is_unfinished(r, &spec)) {
        progress.warn("finishing an interrupted `scale` first");
        let agreed = record.spec.clone();
        Box::pin(converge(services, entry, agreed, options, progress, begin)).await?;
        recorded = entry.record()?;
    }
    let admitted = admit_all(services, &spec, recorded.as_ref(), Look::Quick, progress).await?;
    let is_new = recorded.is_none();
    let mut up = Up::new(services, entry, spec, options, progress, admitted, is_new);
    walk(phases(), &mut up, |_, _| {}).await?;
    Ok(up.summary(begin.elapsed()))
}
