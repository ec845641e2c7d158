//! `dojo ip`, `dojo url` and `dojo config`: how one machine is reached, or several.

use std::net::SocketAddr;

use crate::model::{ClusterName, Machine, Role, Service};
use crate::store::Record;

use super::args::{OneMachine, SomeMachines};
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) fn ip(context: &Context, args: &SomeMachines) -> Result<(), Error> {
    each(context, args, |_, machine| Ok(machine.private_ip.to_string()))
}

pub(super) fn url(context: &Context, args: &SomeMachines) -> Result<(), Error> {
    each(context, args, |record, machine| Ok(format!("tcp://{}", engine(record, machine)?)))
}

/// Prints something of each machine: alone where machines are named, beside the machine where all are asked for.
/// Nothing is printed unless it is known of all.
fn each(
    context: &Context,
    args: &SomeMachines,
    value: impl Fn(&Record, &Machine) -> Result<String, Error>,
) -> Result<(), Error> {
    if !args.all {
        let values = args.machines.iter().map(|text| {
            let (record, machine) = context.machine(text)?;
            value(&record, &machine)
        });
        let values: Vec<String> = values.collect::<Result<_, _>>()?;
        return values.iter().try_for_each(|value| output::line(value));
    }
    let mut clusters: Vec<ClusterName> = Vec::new();
    for text in &args.machines {
        clusters.push(text.parse()?);
    }
    if clusters.is_empty() {
        clusters.push(context.cluster(None)?);
    }
    let mut rows = Vec::new();
    for name in &clusters {
        let record = context.record(name)?;
        for machine in &record.machines {
            let full = machine.id.to_string();
            // As it is called where it is clear which cluster is meant.
            let own = if args.machines.is_empty() { machine.id.name.to_string() } else { full };
            rows.push(vec![own, value(&record, machine)?]);
        }
    }
    output::table(&rows)
}

/// Prints the flags with which docker reaches a machine's engine.
pub(super) async fn config(context: &Context, args: &OneMachine) -> Result<(), Error> {
    let (record, machine) = context.machine(&args.machine)?;
    let endpoint = engine(&record, &machine)?;
    let tls = context.tls(&record.spec.name);
    let files = [("tlscacert", &tls.ca), ("tlscert", &tls.cert), ("tlskey", &tls.key)];
    let mut lines = "--tlsverify\n".to_owned();
    for (flag, file) in files {
        let file = file.display().to_string();
        if file.contains(char::is_whitespace) {
            return Err(Error::Usage(format!(
                "a shell would take `{file}` apart at its spaces: use `eval \"$(dojo env {})\"`",
                machine.id
            )));
        }
        lines.push_str(&format!("--{flag}={file}\n"));
    }
    lines.push_str(&format!("-H=tcp://{endpoint}\n"));
    context.try_open_ways(&record, std::slice::from_ref(&machine)).await;
    output::write(lines.as_bytes())
}

/// Where the engine of a machine listens, seen from this computer.
pub(super) fn engine(record: &Record, machine: &Machine) -> Result<SocketAddr, Error> {
    machine.endpoint(Service::Engine).map_err(|_| {
        let of = |role| record.machines.iter().find(|m| m.id.name.role == role);
        let api = of(Role::LoadBalancer).or_else(|| of(Role::ControlPlane));
        let api = api.and_then(|machine| machine.endpoint(Service::Api).ok());
        Error::NoEngine { machine: machine.id.clone(), api }
    })
}
