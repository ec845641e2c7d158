//! `dojo scale`.

use crate::model::Role;
use crate::workflow::{self, UpOptions};

use super::args::Scale;
use super::error::{About as _, Error};
use super::services::Context;
use super::{costs, up};

pub(super) async fn run(context: &Context, args: &Scale) -> Result<(), Error> {
    let name = context.cluster(args.name.clone())?;
    let record = context.record(&name)?;
    let counts: Vec<(Role, u16)> = [
        (Role::Worker, args.workers),
        (Role::Manager, args.managers),
        (Role::ControlPlane, args.control_planes),
        (Role::Engine, args.machines),
    ]
    .into_iter()
    .filter_map(|(role, count)| Some((role, count?)))
    .collect();
    let services = context.services_to_make(&record.spec).await?.seen(Some(record.spec.clone()));
    let wanted = record.spec.with_counts(&counts);
    wanted.validate()?;
    costs::agreed(context, &services, &wanted, UpOptions::BY_THE_WAY, &args.agreed).await?;
    let summary = workflow::scale(&services, &name, &counts).await.about(&name)?;
    if context.quiet { Ok(()) } else { up::tell(&summary) }
}
