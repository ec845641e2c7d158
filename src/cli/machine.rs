//! `dojo ip` and `dojo url`.

use std::net::SocketAddr;

use crate::model::{Machine, Role, Service};
use crate::store::Record;

use super::args::OneMachine;
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) fn ip(context: &Context, args: &OneMachine) -> Result<(), Error> {
    let (_, machine) = context.machine(&args.machine)?;
    output::line(&machine.private_ip.to_string())
}

pub(super) fn url(context: &Context, args: &OneMachine) -> Result<(), Error> {
    let (record, machine) = context.machine(&args.machine)?;
    output::line(&format!("tcp://{}", engine(&record, &machine)?))
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
