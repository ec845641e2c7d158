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
    let different = session.reset(&services, &record).await.about(&name)?;
    let progress = Progress::new(context.reporter.clone());
    for line in different {
        progress.warn(format!("{line}; `dojo lesson reset --hard` makes the cluster anew"));
    }
    output::write(tell::told(&session).as_bytes())
}

/// Makes the cluster anew, as it was, and begins the lesson on it.
async fn anew(context: &Context) -> Result<(), Error> {
    let session = session(context)?;
    let name = session.attempt.cluster.clone();
    let record = context.home.record(&name).about(&name)?;
    let spec = match record {
        Some(record) => record.goal().clone(),
        None => crate::learn::wanted(&session.lesson, name.clone()),
    };
    let services = context.services_of(&name).await.about(&name)?;
    workflow::down(&services, &name, DownOptions::default()).await.about(&name)?;
    let services = context.services_to_make(&spec).await.about(&name)?;
    let cluster = services.lock(&name, "up").await.about(&name)?;
    let up = UpOptions { select: true, ..UpOptions::BY_THE_WAY };
    workflow::up(cluster, spec, up).await.about(&name)?;
    begin::again(context, &session).await
}
