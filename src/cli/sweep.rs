//! `dojo sweep`.

use std::sync::Arc;

use crate::driver::Leftover;
use crate::event::Progress;
use crate::workflow;

use super::answer::found_in_time;
use super::args::Sweep;
use super::costs::asked;
use super::error::Error;
use super::output;
use super::services::{Context, DEFAULT_CLUSTER};

pub(super) async fn run(context: &Context, args: &Sweep) -> Result<(), Error> {
    let spec = args.elsewhere.spec(DEFAULT_CLUSTER.parse()?)?;
    let search = async {
        let services = context.services_anywhere(&spec).await?;
        let (theirs, orphans) = workflow::orphans(&services).await?;
        let litter = services.driver.litter().await?;
        Ok((services, theirs, orphans, litter))
    };
    // Whoever only asks is answered soon; what is to be removed is looked for as long as that takes.
    let found = if args.dry_run { found_in_time(&spec, search).await } else { search.await };
    let (services, theirs, mut orphans, litter) = found?;
    if args.other_homes {
        orphans.extend(theirs);
    } else if !theirs.is_empty() {
        Progress::new(Arc::clone(&context.reporter)).warn(format!(
            "{} more of other homes: --other-homes takes them as well",
            theirs.len()
        ));
    }
    if orphans.is_empty() && litter.is_empty() {
        return output::line("no orphaned resources found");
    }
    table(&orphans, &litter)?;
    if args.dry_run {
        return Ok(());
    }
    if !(args.yes || context.can_ask() && asked("Remove all of it? [y/N] ")) {
        return Err(Error::Unasked);
    }
    workflow::sweep(&services, &orphans).await?;
    if context.quiet { Ok(()) } else { output::line("all of it is gone") }
}

fn table(orphans: &[Leftover], litter: &[String]) -> Result<(), Error> {
    let mut rows = vec![["CLUSTER", "ID", "WHAT"].map(str::to_owned).to_vec()];
    rows.extend(orphans.iter().map(|orphan| {
        vec![orphan.cluster.to_string(), orphan.cluster_id.clone(), orphan.what.clone()]
    }));
    rows.extend(litter.iter().map(|what| vec!["-".to_owned(), "-".to_owned(), what.clone()]));
    output::table(&rows)
}
