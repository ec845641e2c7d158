//! `dojo lesson reset`.

use crate::cli::error::{About as _, Error};
use crate::cli::output;
use crate::cli::services::Context;
use crate::event::Progress;
use crate::workflow::{self, DownOptions, UpOptions};

use super::args::Reset;
use super::reach::{cluster_of, session};
use super::{begin, tell};

pub(super) async fn run(context: &Context, args: &Reset) -> Result<(), Error> {
    if args.hard {
        return anew(context).await;
    }
    let mut session = session(context)?;
    let (services, record) = cluster_of(context, &session).await?;
    let name = record.spec.name.clone();
    let progress = Progress::new(context.reporter.clone());
    let reset = session.reset(&services, &record).await.about(&name);
    if reset.is_err() {
        progress.warn("`dojo lesson reset --hard` makes the cluster anew".to_owned());
    }
    let (different, handout) = reset?;
    for line in different {
        progress.warn(format!("{line}; `dojo lesson reset --hard` makes the cluster anew"));
    }
    output::write(tell::kept(&handout, session.attempt.language).as_bytes())?;
    output::write(tell::told(&session).as_bytes())
}

/// Makes the cluster anew, as it was, and begins the lesson on it.
async fn anew(context: &Context) -> Result<(), Error> {
    let session = session(context)?;
    let name = session.attempt.cluster.clone();
    let record = context.home.record(&name).about(&name)?;
    // What else is on it would be gone, too.
    if record.as_ref().is_some_and(|record| !session.desk.is_for(&session.lesson, record)) {
        return Err(Error::Usage(format!(
            "cluster `{name}` was not made for lessons, and is not removed for one: `dojo lesson reset` puts it back"
        )));
    }
    let mut spec = begin::new_spec(&session.lesson, name.clone(), None)?;
    if let Some(record) = record {
        spec.kubernetes = record.goal().kubernetes.clone();
    }
    let services = context.services_of(&name).await.about(&name)?;
    workflow::down(&services, &name, DownOptions::default()).await.about(&name)?;
    let services = context.services_to_make(&spec).await.about(&name)?;
    let cluster = services.lock(&name, "up").await.about(&name)?;
    let up = UpOptions { select: true, ..UpOptions::BY_THE_WAY };
    workflow::up(cluster, spec, up).await.about(&name)?;
    session.desk.made(&context.record(&name)?)?;
    begin::again(context, &session).await
}
