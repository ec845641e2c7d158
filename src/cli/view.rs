//! `dojo view`.

use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::observe;
use crate::pace::stretch;
use crate::view::{Beside, Page, show};

use super::args::View;
use super::beside;
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) async fn run(context: &Context, args: View) -> Result<ExitCode, Error> {
    let name = context.cluster(args.name)?;
    let record = context.record(&name)?;
    let services = context.services(&record.spec).await?;
    context.open_tunnels(&record, &record.machines).await?;
    let machines = record.machines.clone();
    let cluster = services.observed(record.clone());
    // A cluster that does not answer is one to be looked at.
    let end = Instant::now() + stretch(observe::PATIENCE);
    let ahead = observe::clock(&cluster, &machines, end).await.unwrap_or_default();
    let token = format!("{:032x}", rand::random::<u128>());
    let address = SocketAddr::new(args.listen, args.port);
    let page = Page::listen(address, token).await;
    let page = page.map_err(|source| Error::Io { operation: "listen for a browser", source })?;
    output::line(&format!("{name} is shown at {} until Ctrl-C", page.url()))?;
    let (scenes, shown) = watch::channel(None);
    let (aside, known) = watch::channel(Beside::default());
    // Ctrl-C is how this command ends, so it is no failure from here on.
    context.interrupt.begin();
    let both = async {
        tokio::select! {
            () = page.serve(shown, known) => false,
            () = show(cluster, ahead, scenes) => true,
            () = Box::pin(beside::tell(context, &services, &record, &aside)) => false,
        }
    };
    if context.interrupt.or(both).await == Some(true) {
        output::line(&format!("{name} is gone"))?;
    }
    Ok(ExitCode::SUCCESS)
}
