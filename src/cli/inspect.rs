//! `dojo inspect`: all that is known of a cluster. A format of its own, so that the one on disk can
//! change.

use serde::Serialize;

use crate::model::{Machine, Places, Service};
use crate::spec::ClusterSpec;
use crate::store::{ContextFiles, Phase};

use super::args::Inspect;
use super::error::Error;
use super::output;
use super::services::Context;

#[derive(Debug, Serialize)]
struct View<'a> {
    name: String,
    id: &'a str,
    created: String,
    phase: Phase,
    context: String,
    spec: &'a ClusterSpec,
    places: &'a Places,
    contexts: Option<&'a ContextFiles>,
    machines: Vec<MachineView>,
    directory: String,
}

#[derive(Debug, Serialize)]
struct MachineView {
    name: String,
    role: String,
    handle: String,
    private_ip: String,
    ssh: Option<String>,
    /// where the Docker engine listens; null where there is none
    engine: Option<String>,
    /// where the Kubernetes API listens; null where there is none
    api: Option<String>,
    user: String,
}

pub(super) fn run(context: &Context, args: Inspect) -> Result<(), Error> {
    let name = context.cluster(args.name)?;
    let record = context.record(&name)?;
    output::json(&View {
        name: name.to_string(),
        id: &record.cluster_id,
        created: record.created.to_string(),
        phase: record.phase(),
        context: name.context(),
        spec: &record.spec,
        places: &record.places,
        contexts: record.contexts.as_ref(),
        machines: record.machines.iter().map(view).collect(),
        directory: context.home.directory(&name).display().to_string(),
    })
}

fn view(machine: &Machine) -> MachineView {
    let at = |service, scheme: &str| {
        machine.endpoint(service).ok().map(|endpoint| format!("{scheme}{endpoint}"))
    };
    MachineView {
        name: machine.id.name.to_string(),
        role: machine.id.name.role.to_string(),
        handle: machine.handle.clone(),
        private_ip: machine.private_ip.to_string(),
        ssh: at(Service::Ssh, ""),
        engine: at(Service::Engine, "tcp://"),
        api: at(Service::Api, "https://"),
        user: machine.user.clone(),
    }
}
