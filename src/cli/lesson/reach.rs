//! The lesson that was begun, and its cluster.

use crate::cli::error::{About as _, Error};
use crate::cli::services::Context;
use crate::learn::{Desk, Eyes, Session};
use crate::store::Record;
use crate::workflow::Services;

/// The lesson that was begun.
pub(super) fn session(context: &Context) -> Result<Session, Error> {
    Ok(Session::open(Desk::of(&context.home))?)
}

/// What reaches the cluster of a lesson, and its record.
pub(super) async fn cluster_of(
    context: &Context,
    session: &Session,
) -> Result<(Services, Record), Error> {
    let name = &session.attempt.cluster;
    let record = session.check_cluster(context.home.record(name).about(name)?)?;
    let services = context.services_of(name).await.about(name)?;
    Ok((services, record))
}

/// What looks at the cluster of a lesson.
pub(super) async fn eyes(context: &Context, session: &Session) -> Result<Eyes, Error> {
    let (services, record) = cluster_of(context, session).await?;
    Eyes::on(&services, &record).await.about(&record.spec.name)
}
