//! What was agreed on is done, one intent after the other, until nothing is left. The record says what is left at any
//! moment, so whoever comes after a run that was cut short goes on with it.

use crate::spec::ClusterSpec;
use crate::store::{Intent, Record};

use super::admit::admit_all;
use super::error::Error;
use super::keep;
use super::lost::look;
use super::make::{Make, Summary, UpOptions, phases};
use super::phase::walk;
use super::release;
use super::removal::remove_rest;
use super::services::Cluster;
use super::state::{Look, refuse_lost};

/// What an earlier command has left to do, and what comes after it; `None` if that is nothing, or if `wanted` does it as
/// well or is asked for instead.
pub(super) fn left<'r>(
    record: &'r Record,
    wanted: &ClusterSpec,
) -> Option<(&'r Intent, &'r [Intent])> {
    let (intent, rest) = record.pending.split_first()?;
    let is_covered = match intent {
        Intent::Remove | Intent::Upgrade { .. } | Intent::Save { .. } | Intent::Restore { .. } => {
            false
        }
        Intent::Shrink { spec } => spec.is_but_for_engines(wanted),
        Intent::Grow { .. } => true,
    };
    (!is_covered).then_some((intent, rest))
}

/// Does what earlier commands have left to do before `wanted`.
pub(super) async fn finish(cluster: &Cluster<'_>, wanted: &ClusterSpec) -> Result<(), Error> {
    while let Some(record) = cluster.entry.record()? {
        let Some((intent, rest)) = left(&record, wanted) else { break };
        if matches!(intent, Intent::Upgrade { .. }) {
            let existing = look(cluster.services, &record).await?.found;
            refuse_lost(cluster.services, &record, &existing, Look::Quick).await?;
        }
        cluster.progress.warn(format!("finishing an interrupted `{}` first", intent.verb()));
        one(cluster, intent, rest, UpOptions::BY_THE_WAY).await?;
    }
    Ok(())
}

/// Does what is asked for; the last of it makes what there is to be in the end.
pub(super) async fn make(
    cluster: &Cluster<'_>,
    asked: &[Intent],
    options: UpOptions,
) -> Result<Summary, Error> {
    let mut summary = None;
    for (index, intent) in asked.iter().enumerate() {
        let rest = &asked[index + 1..];
        let options = if rest.is_empty() { options } else { UpOptions::BY_THE_WAY };
        summary = match one(cluster, intent, rest, options).await {
            Err(error) if index > 0 && !matches!(error, Error::Interrupted) => {
                forget_refused(cluster, intent)?;
                return Err(error);
            }
            done => done?,
        };
    }
    Ok(summary.expect("the last intent makes something"))
}

/// What was refused before anything of it was done must not be done by the next command.
fn forget_refused(cluster: &Cluster<'_>, intent: &Intent) -> Result<(), Error> {
    match cluster.entry.record()? {
        Some(record) if Some(&record.spec) != intent.spec() => {
            Ok(cluster.entry.save(&Record { pending: Vec::new(), ..record })?)
        }
        _ => Ok(()),
    }
}

/// Does one of them, before the `rest`; what it made, if it made something.
async fn one(
    cluster: &Cluster<'_>,
    intent: &Intent,
    rest: &[Intent],
    options: UpOptions,
) -> Result<Option<Summary>, Error> {
    match intent {
        Intent::Remove => remove(cluster, rest).await.map(|()| None),
        Intent::Shrink { spec } => {
            Box::pin(converge(cluster, spec, true, rest, options)).await.map(Some)
        }
        Intent::Grow { spec } => {
            Box::pin(converge(cluster, spec, false, rest, options)).await.map(Some)
        }
        Intent::Upgrade { spec } => {
            Box::pin(release::upgrade(cluster, spec.clone(), rest)).await.map(|_| None)
        }
        Intent::Save { snapshot } => {
            Box::pin(keep::abandon(cluster, snapshot, rest)).await.map(|()| None)
        }
        Intent::Restore { snapshot } => {
            Box::pin(keep::restore(cluster, snapshot, rest)).await.map(|()| None)
        }
    }
}

async fn remove(cluster: &Cluster<'_>, rest: &[Intent]) -> Result<(), Error> {
    let Some(record) = cluster.entry.record()? else { return Ok(()) };
    remove_rest(cluster, &record, rest).await?;
    match rest.iter().find_map(Intent::spec) {
        None => Ok(cluster.entry.forget_record()?),
        Some(spec) => {
            // What was loaded for it is loaded again.
            let images = record.images;
            let pending = rest.to_vec();
            Ok(cluster.entry.save(&Record { pending, images, ..Record::new(spec.clone()) })?)
        }
    }
}

async fn converge(
    cluster: &Cluster<'_>,
    spec: &ClusterSpec,
    shrinks: bool,
    rest: &[Intent],
    options: UpOptions,
) -> Result<Summary, Error> {
    let Cluster { services, entry, progress } = cluster;
    let record = entry.record()?;
    // Everything that can be refused is refused here, before the first side effect.
    let admitted =
        admit_all(services, spec, record.as_ref(), shrinks, Look::Quick, progress).await?;
    let mut make = Make::new(cluster, spec.clone(), options, admitted, shrinks, rest);
    walk(phases(), &mut make, |_, _| {}).await?;
    Ok(make.summary())
}
