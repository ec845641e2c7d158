//! `dojo forward`.

use std::process::ExitCode;
use std::sync::Arc;

use crate::event::Progress;
use crate::kind;
use crate::model::Service;
use crate::workflow::{ByApi, ByMachine, Destination, Listening};

use super::args::{Forward, ForwardTo};
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) async fn run(context: &Context, args: Forward) -> Result<ExitCode, Error> {
    let (name, destination) = destination(context, &args).await?;
    let listening = Listening::on(args.tunnels).await?;
    for (address, tunnel) in listening.addresses() {
        output::line(&format!("{address} leads to {tunnel} of {name}"))?;
    }
    let progress = Progress::new(Arc::clone(&context.reporter));
    // Ctrl-C is how this command ends, so it is no failure from here on.
    context.interrupt.begin();
    context.interrupt.or(listening.serve(Arc::new(destination), &progress)).await;
    Ok(ExitCode::SUCCESS)
}

/// What connections lead to, and what to call it.
async fn destination(context: &Context, args: &Forward) -> Result<(String, Destination), Error> {
    match &args.to {
        ForwardTo::Machine(text) => {
            let (record, machine) = context.machine(text)?;
            let name = machine.id.to_string();
            let files = context.ssh(&record.spec.name);
            let dialer = Arc::new(context.dialer(&record, &machine));
            let way = ByMachine::reach(dialer, machine, files).await?;
            Ok((name, Destination::Machine(way)))
        }
        ForwardTo::Pods { cluster, target } => {
            let cluster = cluster.as_deref().map(str::parse).transpose()?;
            let record = context.record(&context.cluster(cluster)?)?;
            let cluster = &record.spec.name;
            let kind = kind::of(record.spec.orchestrator);
            if kind.service() != Service::Api {
                return Err(Error::Usage(format!(
                    "`{target}` is of Kubernetes, and `{cluster}` is {}; name a machine, as in worker-1",
                    kind.noun()
                )));
            }
            if let Some(tunnel) = args.tunnels.iter().find(|t| !t.is_plain()) {
                return Err(Error::Usage(format!(
                    "`{target}` is reached at its own ports only, not at `{tunnel}`"
                )));
            }
            let kubeconfig = context.home.directory(cluster).join("kubeconfig");
            context.open_tunnels(&record, &record.machines).await?;
            let ports: Vec<u16> = args.tunnels.iter().map(|t| t.port).collect();
            let way = ByApi::reach(&record, &kubeconfig, &args.namespace, target, &ports).await?;
            Ok((format!("{cluster}/{target}"), Destination::Pods(way)))
        }
    }
}
