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
    let goal = record.goal();
    let services = context.services_to_make(goal).await?.seen(Some(goal.clone()));
    let wanted = goal.with_counts(&counts);
    wanted.validate()?;
    let agreed =
        costs::agreed(context, &services, &wanted, UpOptions::BY_THE_WAY, &args.agreed).await?;
    let cluster = services.lock(&name, "scale").await.about(&name)?;
    if let Some(goal) = cluster.goal().about(&name)? {
        agreed.refuse_other(&wanted, goal.with_counts(&counts))?;
    }
    let summary = workflow::scale(cluster, &counts).await.about(&name)?;
    if context.quiet { Ok(()) } else { up::tell(&summary) }
}
