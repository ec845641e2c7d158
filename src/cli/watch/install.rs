//! `dojo watch --install` and `--uninstall`.

use std::sync::Arc;

use crate::event::Progress;
use crate::model::Proxies;
use crate::webhook::{self, Address};
use crate::workflow::{self, Webhook};

use crate::cli::args::Watch;
use crate::cli::error::{About as _, Error};
use crate::cli::output;
use crate::cli::services::Context;

use super::given;

pub(super) async fn install(context: &Context, args: Watch) -> Result<(), Error> {
    let progress = Progress::new(Arc::clone(&context.reporter));
    let address = given::address(&args, &progress)?;
    if address.as_ref().is_some_and(Address::is_loopback) {
        return Err(Error::Usage(
            "the URL of the webhook leads to this computer alone, and not there from a machine"
                .to_owned(),
        ));
    }
    let name = context.cluster(args.name)?;
    context.record(&name)?;
    let services = context.services_of(&name).await?;
    let webhook = address.map(|address| webhook(&address, services.proxies.clone())).transpose()?;
    let machine = workflow::install_watch(&services, &name, args.on, webhook.as_ref()).await;
    let machine = machine.about(&name)?;
    if context.quiet {
        return Ok(());
    }
    let also = if webhook.is_some() { "; what happens is sent to the webhook" } else { "" };
    output::line(&format!("{name} is watched on {}{also}", machine.name))?;
    let logs = format!("dojo logs {name} -m {} -u clusterdojo-watch --follow", machine.name);
    output::line(&format!("`{logs}` shows what it tells"))
}

pub(super) async fn uninstall(context: &Context, args: Watch) -> Result<(), Error> {
    let name = context.cluster(args.name)?;
    context.record(&name)?;
    let services = context.services_of(&name).await?;
    let removed = workflow::remove_watch(&services, &name).await.about(&name)?;
    if context.quiet {
        return Ok(());
    }
    output::line(&match removed.as_slice() {
        [] => format!("no watch was installed on machines of {name}"),
        removed => {
            let removed: Vec<_> = removed.iter().map(ToString::to_string).collect();
            format!("the watch is removed from {}", removed.join(", "))
        }
    })
}

/// What the watch needs to reach a webhook from a machine as it is reached from here.
fn webhook(address: &Address, proxies: Option<Proxies>) -> Result<Webhook, Error> {
    let authorities = if address.is_https() {
        Some(webhook::authorities().map_err(Error::NoHttps)?)
    } else {
        None
    };
    Ok(Webhook { url: address.url().clone(), authorities, proxies })
}
