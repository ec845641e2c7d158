//! `dojo use`.

use crate::store::PreviousContext;

use super::args::Use;
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) fn run(context: &Context, args: &Use) -> Result<(), Error> {
    let before = context.contexts.current()?;
    let target = match &args.name {
        Some(name) => {
            context.record(name)?;
            Some(name.context())
        }
        None if args.previous => match context.home.previous()? {
            Some(previous) => previous.name,
            None => return Err(Error::Usage("nothing was selected before".to_owned())),
        },
        None => None,
    };
    if before != target {
        match &target {
            Some(name) => drop(context.contexts.select(name)?),
            None => context.contexts.deselect()?,
        }
        context.home.remember(&PreviousContext { name: before })?;
    }
    if context.quiet {
        return Ok(());
    }
    output::line(&format!("docker now uses context {}", target.as_deref().unwrap_or("default")))
}
