//! `dojo ip` and `dojo url`.

use crate::model::Service;

use super::args::OneMachine;
use super::error::Error;
use super::output;
use super::services::Context;

pub(super) fn ip(context: &Context, args: &OneMachine) -> Result<(), Error> {
    let (_, machine) = context.machine(&args.machine)?;
    output::line(&machine.private_ip.to_string())
}

pub(super) fn url(context: &Context, args: &OneMachine) -> Result<(), Error> {
    let (_, machine) = context.machine(&args.machine)?;
    output::line(&format!("tcp://{}", machine.endpoint(Service::Engine)))
}
