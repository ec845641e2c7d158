//! `dojo extend`.

use crate::workflow;

use super::args::Extend;
use super::error::{About as _, Error};
use super::lifetime;
use super::output;
use super::services::Context;

pub(super) async fn run(context: &Context, args: Extend) -> Result<(), Error> {
    let by = args.time.duration().ok_or_else(|| {
        Error::Usage(
            "machines can live longer, but not for ever: say for how long, as in 1h".into(),
        )
    })?;
    let services = context.services_of(&args.name).await?;
    let end = workflow::extend(&services, &args.name, by).await.about(&args.name)?;
    if context.quiet {
        return Ok(());
    }
    output::line(&format!(
        "{}: machines end themselves in {}, at {end:.0}",
        args.name,
        lifetime::left(end)
    ))
}
