//! `dojo import`: hosts of other programs become machines, on the way that `dojo up --driver ssh` goes.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::driver::Section;
use crate::event::Progress;
use crate::import::{DockerMachines, Found};
use crate::model::{ClusterName, DriverName, Orchestrator, Role};
use crate::spec::{ClusterSpec, MachineGroup};
use crate::workflow::UpOptions;

use super::args::{Agreed, ImportDockerMachine};
use super::costs::asked;
use super::error::Error;
use super::flags::quoted;
use super::output;
use super::services::Context;
use super::up::{absolute, make};

/// What a cluster of several machines is called if nobody says it.
const SEVERAL: &str = "docker-machine";

pub(super) async fn docker_machine(
    context: &Context,
    args: ImportDockerMachine,
) -> Result<(), Error> {
    let machines = DockerMachines::from_env()?;
    let mut found =
        args.machines.iter().map(|name| machines.find(name)).collect::<Result<Vec<_>, _>>()?;
    if args.host_key.len() > found.len() {
        let (keys, machines) = (args.host_key.len(), found.len());
        return Err(Error::Usage(format!("{keys} host keys are given for {machines} machines")));
    }
    for (found, key) in found.iter_mut().zip(&args.host_key) {
        found.host.host_key = Some(key.clone());
    }
    let name = name(&args)?;
    if context.home.record(&name)?.is_some() {
        return Err(Error::Usage(format!(
            "there is a cluster `{name}` already: --name gives these machines another one"
        )));
    }
    let spec = spec(name, &args, &found)?;
    spec.validate()?;
    tell_of_costs(context, &found);
    if args.dry_run {
        return output::write(by_hand(&spec, &args, &found).as_bytes());
    }
    table(&spec, &found)?;
    let question = format!("Make cluster {} of them? [y/N] ", spec.name);
    if !(args.yes || context.can_ask() && asked(&question)) {
        return Err(Error::Untaken);
    }
    let options = UpOptions { select: !args.no_use, rollback: true, recreate: false };
    make(context, spec, options, &Agreed::default(), |spec, recorded| match recorded {
        None => Ok(spec),
        Some(_) => Err(Error::Usage(format!("another command has made a cluster `{}`", spec.name))),
    })
    .await
}

fn name(args: &ImportDockerMachine) -> Result<ClusterName, Error> {
    let name = match (&args.name, args.machines.as_slice()) {
        (Some(name), _) => return Ok(name.clone()),
        (None, [machine]) => machine.as_str(),
        (None, _) => SEVERAL,
    };
    name.parse().map_err(|problem| Error::Usage(format!("{problem}; --name gives it another name")))
}

/// What `dojo up` would make of the flags that [`by_hand`] prints.
fn spec(
    name: ClusterName,
    args: &ImportDockerMachine,
    found: &[Found],
) -> Result<ClusterSpec, Error> {
    let ssh = DriverName::fixed("ssh");
    let count =
        u16::try_from(found.len()).map_err(|_| Error::Usage("too many machines".to_owned()))?;
    let group = MachineGroup::new(Role::Engine, count, ssh.clone());
    let mut spec = ClusterSpec::new(name, Orchestrator::Engines, vec![group]);
    let hosts: Vec<_> = found.iter().map(|found| json!(found.host)).collect();
    let mut section = Section::from_iter([("hosts".to_owned(), hosts.into())]);
    if let Some(config) = &args.ssh_config {
        section.insert("config".to_owned(), json!(absolute(config)?));
    }
    if args.adopt {
        section.insert("adopt".to_owned(), true.into());
    }
    spec.sections.set(&ssh, section).map_err(Error::Usage)?;
    Ok(spec)
}

/// What goes on costing money whatever becomes of the cluster.
fn tell_of_costs(context: &Context, found: &[Found]) {
    let progress = Progress::new(Arc::clone(&context.reporter));
    for Found { name, instance, .. } in found {
        let Some(instance) = instance else { continue };
        let kind =
            if instance.kind.is_empty() { String::new() } else { format!(" ({})", instance.kind) };
        progress.warn(format!(
            "{name} is instance {}{kind} in {}: it is taken as a host that is yours, `dojo down` gives it back and does \
             not end it, and it costs money until `docker-machine rm {name}` or you end it",
            instance.id, instance.region
        ));
    }
}

fn table(spec: &ClusterSpec, found: &[Found]) -> Result<(), Error> {
    let mut rows = vec![["DOCKER-MACHINE", "HOST", "MACHINE"].map(str::to_owned).to_vec()];
    for (found, machine) in found.iter().zip(spec.machines()) {
        let machine = format!("{}/{}", spec.name, machine.name);
        rows.push(vec![found.name.clone(), found.host.to_string(), machine]);
    }
    output::table(&rows)
}

/// The command that does the same; where hosts have different keys, with a spec file.
fn by_hand(spec: &ClusterSpec, args: &ImportDockerMachine, found: &[Found]) -> String {
    let name = &spec.name;
    let first = found.first().and_then(|found| found.host.identity.as_deref());
    let has_one_key = found.iter().all(|found| found.host.identity.as_deref() == first);
    if !has_one_key {
        return format!("# dojo up -f {name}.yaml, with this in {name}.yaml:\n{}", spec.to_yaml());
    }
    let mut words =
        vec!["dojo".to_owned(), "up".to_owned(), name.to_string(), "--engines".to_owned()];
    let mut add = |flag: &str, value: &str| words.extend([flag.to_owned(), quoted(value)]);
    add("--machines", &found.len().to_string());
    add("--driver", "ssh");
    for Found { host, .. } in found {
        add("--host", &host.to_string());
    }
    for key in found.iter().filter_map(|found| found.host.host_key.as_deref()) {
        add("--host-key", key);
    }
    let path = |path: &Path| path.display().to_string();
    if let Some(identity) = first {
        add("--identity", &path(identity));
    }
    if let Some(config) = &args.ssh_config {
        add("--ssh-config", &path(config));
    }
    if args.adopt {
        words.push("--adopt".to_owned());
    }
    if args.no_use {
        words.push("--no-use".to_owned());
    }
    words.push("--rollback\n".to_owned());
    words.join(" ")
}
