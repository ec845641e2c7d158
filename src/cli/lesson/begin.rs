//! `dojo lesson start`.

use std::env;
use std::path::Path;

use crate::cli::error::{About as _, Error};
use crate::cli::output;
use crate::cli::services::Context;
use crate::cli::up::absolute;
use crate::event::{Progress, chain};
use crate::kind;
use crate::lab_image::{REPOSITORY, VERSIONS};
use crate::learn::{self, Beginning, Desk, Handout, Session};
use crate::lesson::{Lesson, built_in};
use crate::model::{ClusterName, Language};
use crate::spec::ClusterSpec;
use crate::store::{Phase, Record};
use crate::workflow::{self, Services, UpOptions};

use super::args::Start;
use super::order::{language, next};
use super::tell::shown;
use super::{tell, words};

pub(super) async fn run(context: &Context, args: Start) -> Result<(), Error> {
    let from = args.from.as_deref().map(absolute).transpose()?;
    let lesson = wanted(context, args.lesson.as_deref(), from.as_deref())?;
    let language = args.lang.map_or_else(language, Language::from);
    let desk = Desk::of(&context.home);
    let within = env::current_dir()
        .map_err(|source| Error::Io { operation: "find the current directory", source })?;
    // Before anything of the lesson before is removed.
    learn::make_room(&lesson, &within)?;
    let name = args.cluster.unwrap_or_else(|| learn::usual_name(&lesson));
    let known = context.home.record(&name).about(&name)?;
    let (services, record) = if known.is_none_or(|known| desk.is_for(&lesson, &known)) {
        tidy(context, &desk, &name).await;
        ours(context, &desk, &lesson, &name, args.bundle.as_deref()).await?
    } else {
        theirs(context, &lesson, &name).await?
    };
    leave(context, &desk);
    let beginning = Beginning { lesson, from, language, within };
    let (session, handout) =
        Session::begin(&services, &record, desk, beginning).await.about(&name)?;
    enter(context, &session).about(&name)?;
    output::write(told(&session, &handout).as_bytes())
}

/// Begins a lesson again that was begun, on its cluster that was made anew.
pub(super) async fn again(context: &Context, session: &Session) -> Result<(), Error> {
    let attempt = &session.attempt;
    let name = attempt.cluster.clone();
    let lesson = wanted(context, Some(&attempt.lesson), attempt.from.as_deref())?;
    let (services, record) = theirs(context, &lesson, &name).await?;
    let beginning = Beginning {
        lesson,
        from: attempt.from.clone(),
        language: attempt.language,
        within: attempt.within.clone(),
    };
    let desk = Desk::of(&context.home);
    let (session, handout) =
        Session::begin(&services, &record, desk, beginning).await.about(&name)?;
    enter(context, &session).about(&name)?;
    output::write(told(&session, &handout).as_bytes())
}

/// The lesson that is meant.
fn wanted(context: &Context, name: Option<&str>, from: Option<&Path>) -> Result<Lesson, Error> {
    match (name, from) {
        (_, Some(directory)) => Ok(learn::read(directory)?),
        (Some(name), _) => Ok(learn::find(name)?),
        (None, None) => {
            let first = next(context, None)?;
            Ok(first.or_else(|| built_in().into_iter().next()).expect("lessons are built in"))
        }
    }
}

/// A cluster of the learner's.
async fn theirs(
    context: &Context,
    lesson: &Lesson,
    name: &ClusterName,
) -> Result<(Services, Record), Error> {
    let record = context.record(name).about(name)?;
    learn::check(lesson, &record.spec)?;
    let services = context.services_of(name).await.about(name)?;
    give_lab_image(&services, &record).await.about(name)?;
    Ok((services, record))
}

/// A cluster for lessons of this shape: made, or mended, as `dojo up` does.
async fn ours(
    context: &Context,
    desk: &Desk,
    lesson: &Lesson,
    name: &ClusterName,
    bundle: Option<&Path>,
) -> Result<(Services, Record), Error> {
    let options = UpOptions { select: true, ..UpOptions::BY_THE_WAY };
    let (services, record) = make(context, lesson, name.clone(), bundle, options).await?;
    desk.made(&record)?;
    Ok((services, record))
}

/// Makes a cluster for a lesson, or mends it, with the image of lessons on it.
pub(super) async fn make(
    context: &Context,
    lesson: &Lesson,
    name: ClusterName,
    bundle: Option<&Path>,
    options: UpOptions,
) -> Result<(Services, Record), Error> {
    let spec = match context.home.record(&name).about(&name)? {
        Some(record) => {
            learn::check(lesson, record.goal())?;
            let mut spec = record.goal().clone();
            // What is there needs nothing more; what never came to be may want it from elsewhere now.
            if let Some(bundle) = bundle.filter(|_| record.phase() != Phase::Ready) {
                let options = &mut spec.kubernetes;
                options.bundle = Some(absolute(bundle)?);
                (options.version, options.repository, options.registry) = (None, None, None);
            }
            spec
        }
        None => new_spec(lesson, name.clone(), bundle)?,
    };
    spec.validate()?;
    let services = context.services_to_make(&spec).await.about(&name)?;
    let cluster = services.lock(&name, "up").await.about(&name)?;
    workflow::up(cluster, spec, options).await.about(&name)?;
    let record = context.record(&name)?;
    give_lab_image(&services, &record).await.about(&name)?;
    Ok((services, record))
}

/// What the cluster of a lesson is made from.
pub(super) fn new_spec(
    lesson: &Lesson,
    name: ClusterName,
    bundle: Option<&Path>,
) -> Result<ClusterSpec, Error> {
    let mut spec = learn::wanted(lesson, name);
    if kind::of(spec.orchestrator).has_kubernetes() {
        spec.kubernetes.bundle = bundle.map(absolute).transpose()?;
        if spec.kubernetes.bundle.is_none() {
            crate::cli::up::from_packages(&mut spec.kubernetes);
        }
    }
    Ok(spec)
}

/// Puts the image of lessons on each machine that has not got it.
async fn give_lab_image(services: &Services, record: &Record) -> Result<(), workflow::Error> {
    let mut lacking = Vec::new();
    for version in VERSIONS {
        let reference = format!("{REPOSITORY}:{version}");
        let found = services.images.find(&reference).await?;
        let is_there = record.images.iter().any(|image| {
            image.reference == reference
                && image.lacking.is_empty()
                && found.as_ref().is_some_and(|found| found.id == image.id)
        });
        if !is_there {
            lacking.push(reference);
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let loading = workflow::load_images(services, &record.spec.name, &lacking).await?;
    loading.failure.map_or(Ok(()), |failure| Err(failure.into()))
}

/// Has `kubectl` look where the lesson looks.
fn enter(context: &Context, session: &Session) -> Result<(), Error> {
    let Some(namespace) = &session.lesson.namespace else { return Ok(()) };
    let name = session.attempt.cluster.context();
    Ok(context
        .kube_contexts
        .set_namespace(&name, Some(namespace))
        .map_err(workflow::Error::from)?)
}

/// Has `kubectl` look where it looked before the lesson that was begun last.
fn leave(context: &Context, desk: &Desk) {
    // Whatever is wrong with it hinders no other lesson.
    let Ok(Some(attempt)) = desk.attempt() else { return };
    let name = attempt.cluster.context();
    if context.kube_contexts.exists(&name) {
        let left = context.kube_contexts.set_namespace(&name, None);
        if let Err(error) = left {
            let progress = Progress::new(context.reporter.clone());
            progress.warn(format!("context {name} keeps its namespace: {error}"));
        }
    }
}

/// Removes what lessons before have left on a cluster that was made for lessons: on another one there may be things of the
/// learner's since. Whatever goes wrong with it is told and hinders no other lesson: `up`, which comes next, may mend it.
async fn tidy(context: &Context, desk: &Desk, name: &ClusterName) {
    let Ok(Some(record)) = context.home.record(name) else { return };
    let Some(before) = desk.last_on(&record) else { return };
    let progress = Progress::new(context.reporter.clone());
    let title = format!("remove what lesson {} has left", before.lesson);
    let put_back = async {
        let services = context.services_of(name).await?;
        let clear = learn::clear(&services, &record, &before);
        progress.step(title, clear).await.about(name)
    };
    let hint = format!("`dojo down {name}` removes the cluster");
    match put_back.await {
        Ok(left) => {
            for line in left {
                progress.warn(format!("{line}; {hint}"));
            }
        }
        Err(error) => progress.warn(format!("{}; {hint}", chain(&error))),
    }
}

fn told(session: &Session, handout: &Handout) -> String {
    let language = session.attempt.language;
    let (title, minutes) = (session.title(), session.lesson.minutes);
    let mut text = format!("{}: {title} ({minutes} min)\n\n", session.lesson.id);
    text.push_str(&tell::flowed(session.introduction()));
    text.push_str("\n\n");
    if let Some(directory) = &handout.directory {
        let directory = shown(directory);
        text.push_str(&format!("{}: cd {directory}\n", words::FILES.of(language)));
        text.push_str(&tell::kept(handout, language));
        text.push('\n');
    }
    text + &tell::told(session)
}
