//! `dojo cp`.

use std::sync::Arc;

use crate::event::Progress;
use crate::workflow::{self, End, PERSON_WAITS, There};

use super::args::Copy;
use super::error::Error;
use super::services::Context;
use super::side::Side;

pub(super) async fn run(context: &Context, args: Copy) -> Result<(), Error> {
    let (from, to) = (Side::read(&args.source)?, Side::read(&args.target)?);
    if let (Side::Here(_), Side::Here(_)) = (&from, &to) {
        return Err(Error::Usage(
            "both are paths of this computer: one of them has to be MACHINE:PATH".to_owned(),
        ));
    }
    let (from, to) = (reach(from, context).await?, reach(to, context).await?);
    let progress = Progress::new(Arc::clone(&context.reporter));
    // What has begun is taken back before this command ends.
    context.interrupt.begin();
    Ok(workflow::copy(&from, &to, &progress, &context.interrupt).await?)
}

/// Connects to a machine, if the path is of one.
async fn reach(side: Side, context: &Context) -> Result<End, Error> {
    let (machine, path) = match side {
        Side::Here(path) => return Ok(End::Here(path)),
        Side::There { machine, path } => (machine, path),
    };
    let (record, machine) = context.machine(&machine)?;
    let name = &record.spec.name;
    let services = context.services_of(name).await?;
    let remote = services.dialer.dial(&machine, &context.ssh(name), PERSON_WAITS).await?;
    Ok(End::There(There { remote, machine: machine.id, path }))
}
