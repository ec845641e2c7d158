//! `dojo forward`.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::event::Progress;
use crate::remote::SshDialer;
use crate::workflow::{self, ByMachine, Destination, Listening};

use super::args::{Forward, ForwardTo};
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) async fn run(context: &Context, args: Forward) -> Result<ExitCode, Error> {
    let io = |source| Error::Io { operation: "listen for signals", source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(io)?;
    let mut stop = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let (name, destination) = tokio::select! {
        found = destination(context, &args.to) => found?,
        () = stop() => return Err(workflow::Error::Interrupted.into()),
    };
    let listening = Listening::on(args.tunnels).await?;
    for (address, tunnel) in listening.addresses() {
        output::line(&format!("{address} leads to {tunnel} of {name}"))?;
    }
    let progress = Progress::new(Arc::clone(&context.reporter));
    tokio::select! {
        () = listening.serve(Arc::new(destination), &progress) => {}
        // That is how this command ends.
        () = stop() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// What connections lead to, and what to call it.
async fn destination(context: &Context, to: &ForwardTo) -> Result<(String, Destination), Error> {
    match to {
        ForwardTo::Machine(text) => {
            let (record, machine) = context.machine(text)?;
            let name = machine.id.to_string();
            let files = context.ssh(&record.spec.name);
            let way = ByMachine::reach(Arc::new(SshDialer), machine, files).await?;
            Ok((name, Destination::Machine(way)))
        }
        ForwardTo::Service(name) => Err(Error::Usage(format!(
            "`svc/{name}` is a service of Kubernetes; name a machine, as in worker-1"
        ))),
    }
}
