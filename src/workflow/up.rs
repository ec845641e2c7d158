//! `up`: creates, resumes, repairs, or does nothing. One path for all of them.

use std::time::Instant;

use crate::event::chain;
use crate::model::MachineName;
use crate::plan::{Change, Plan};
use crate::remote::by_hand::Commands;
use crate::spec::ClusterSpec;
use crate::store::{Intent, Phase};

use super::admit::{Admitted, admit_all};
use super::error::Error;
use super::intents;
use super::machines;
use super::make::{Make, Summary, UpOptions, phases};
use super::phase::{preview, walk};
use super::removal::remove_rest;
use super::services::{Cluster, Services};
use super::state::Look;

/// What `up` would do, without doing it: what is to be made of what there is, and what its phases would do to which
/// machine. What it would tell of is told.
pub async fn plan(
    services: &Services,
    spec: &ClusterSpec,
    options: UpOptions,
) -> Result<(Plan, Vec<(Change, MachineName)>), Error> {
    let cluster = services.unlocked(&spec.name);
    let progress = &cluster.progress;
    let record = cluster.entry.record()?;
    let shrinks = record.as_ref().is_some_and(|record| record.phase() == Phase::Scaling);
    if let Some((intent, _)) = record.as_ref().and_then(|record| intents::left(record, spec)) {
        progress.warn(format!("an interrupted `{}` is finished first", intent.verb()));
    }
    match admit_all(services, spec, record.as_ref(), shrinks, Look::Close, progress).await {
        Ok(admitted) => {
            let Admitted { plan, record, .. } = &admitted;
            let plan = plan.clone();
            let home = services.home.known_id()?.unwrap_or_default();
            let absent = machines::requests_without_keys(spec, record, &home, &plan.create);
            if !absent.is_empty() {
                services.ask(services.driver.admit(&spec.name, &absent)).await?;
            }
            let make = Make::new(&cluster, spec.clone(), options, admitted, shrinks, &[]);
            Ok((plan, preview(&phases(), &make)))
        }
        Err(error) if options.recreate && error.is_lost() => {
            progress.warn(chain(&error));
            let plan = Plan::new(spec, &[]);
            let changes = plan.machines();
            Ok((plan, changes))
        }
        Err(error) => Err(error),
    }
}

/// Makes the cluster as the spec says, whatever of it exists already.
///
/// # Errors
/// [`Error::Changed`] if the services are not for what the spec says.
pub async fn up(
    cluster: Cluster<'_>,
    spec: ClusterSpec,
    options: UpOptions,
) -> Result<Summary, Error> {
    let begin = Instant::now();
    let Cluster { services, entry, progress } = &cluster;
    let is_new = matches!(entry.record(), Ok(None));
    let mut result = to_spec(&cluster, &spec, options).await;
    if options.recreate && result.as_ref().is_err_and(Error::is_lost) {
        progress.warn("what is left of the lost cluster is removed, and a new, empty one is made");
        let asked = [Intent::Remove, Intent::Grow { spec }];
        result = intents::make(&cluster, &asked, options).await;
    }
    if result.is_err()
        && let Err(error) = machines::remember(services, entry).await
    {
        progress.warn(chain(&error));
    }
    if let (true, Err(error)) = (is_new, &result) {
        let rollback = options.rollback && !matches!(error, Error::Interrupted);
        if let Err(error) = undo(&cluster, error, rollback).await {
            progress.warn(chain(&error));
        }
    }
    Ok(Summary { elapsed: begin.elapsed(), ..result? })
}

async fn to_spec(
    cluster: &Cluster<'_>,
    spec: &ClusterSpec,
    options: UpOptions,
) -> Result<Summary, Error> {
    intents::finish(cluster, spec).await?;
    let spec = spec.clone();
    let is_scaling = cluster.entry.record()?.is_some_and(|r| r.phase() == Phase::Scaling);
    let asked = if is_scaling { Intent::Shrink { spec } } else { Intent::Grow { spec } };
    intents::make(cluster, &[asked], options).await
}

/// What becomes of a new cluster that could not be made: it is kept, so that the next `up` goes on from
/// there, unless nothing of it was made or the user wants it rolled back. A cluster that existed before
/// is never undone.
async fn undo(cluster: &Cluster<'_>, error: &Error, rollback: bool) -> Result<(), Error> {
    let Cluster { services, entry, .. } = cluster;
    let Some(record) = entry.record()? else { return Ok(()) };
    let nothing_made = matches!(error, Error::Driver(_))
        && services.driver.list(Some(entry.name())).await?.is_empty();
    if rollback || nothing_made {
        remove_rest(cluster, &record, &[]).await?;
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
    let cluster = services.lock(&spec.name, "up").await?;
    let progress = &cluster.progress;
    let admitted = admit_all(services, &spec, None, false, Look::Quick, progress).await?;
    let options = UpOptions { select: true, ..UpOptions::BY_THE_WAY };
    let mut make = Make::new(&cluster, spec, options, admitted, false, &[]);
    walk(phases(), &mut make, |phase, make| {
        let text = phase.commands(make);
        done(text.map(|text| Commands::new(phase.title, phase.why, text)));
    })
    .await
}
