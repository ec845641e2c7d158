//! `dojo up`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::by_hand;
use crate::driver::registry;
use crate::kind;
use crate::model::{
    ClusterName, DriverName, EngineOptions, KubernetesOptions, KubernetesVersion, MachineName,
    Orchestrator, PodNetwork, Port, Role, Tool,
};
use crate::plan;
use crate::provision;
use crate::report::Quiet;
use crate::spec::{self, ClusterSpec, MachineGroup};
use crate::workflow::{self, Summary, UpOptions};

use super::args::{Agreed, SpecFormat, Up};
use super::error::{About as _, Error};
use super::place::driver_options;
use super::services::{Context, DEFAULT_CLUSTER};
use super::switch::overridden;
use super::{costs, kubectl, output, trust};

pub(super) async fn run(context: &Context, args: Up) -> Result<(), Error> {
    let options =
        UpOptions { select: !args.no_use, rollback: args.rollback, recreate: args.recreate };
    let (spec, text) = match &args.file {
        Some(path) => {
            let (spec, text) = spec::read(path)?;
            (spec, Some((path, text)))
        }
        None => (from_flags(context, &args, recorded(context, &args)?)?, None),
    };
    spec.validate()?;
    if args.explain {
        let proxies = context.proxies().filter(|proxies| proxies.on_loopback().is_none());
        let text = by_hand::up(spec, proxies, Arc::new(Quiet(Arc::clone(&context.reporter))));
        return output::write(text.await?.as_bytes());
    }
    match (args.dry_run, args.output) {
        (true, Some(SpecFormat::Yaml)) => return output::write(spec.to_yaml().as_bytes()),
        (true, Some(SpecFormat::Json)) => return output::json(&spec),
        _ => {}
    }
    if let Some((path, text)) = text {
        trust::check(context, path, &text, &spec, args.trust)?;
    }
    if args.dry_run {
        let services = context.services_to_make(&spec).await.about(&spec.name)?;
        let (_, changes) = workflow::plan(&services, &spec, options).await?;
        costs::told(context, &services, &spec, options).await?;
        return output::write(plan::told(changes).as_bytes());
    }
    let is_whole = args.file.is_some();
    make(context, spec, options, &args.agreed, |spec, recorded| {
        if is_whole {
            return Ok(spec);
        }
        // What another command has changed meanwhile stays changed.
        let wanted = from_flags(context, &args, recorded)?;
        wanted.validate()?;
        Ok(wanted)
    })
    .await
}

/// Makes what a valid spec says, if what it costs is agreed to. `wanted` says what that is by now, given the spec and
/// what is recorded of the cluster.
pub(super) async fn make(
    context: &Context,
    spec: ClusterSpec,
    options: UpOptions,
    agreed: &Agreed,
    wanted: impl FnOnce(ClusterSpec, Option<ClusterSpec>) -> Result<ClusterSpec, Error>,
) -> Result<(), Error> {
    let name = spec.name.clone();
    let services = context.services_to_make(&spec).await.about(&name)?;
    let agreed = costs::agreed(context, &services, &spec, options, agreed).await?;
    let cluster = services.lock(&name, "up").await.about(&name)?;
    let wanted = wanted(spec.clone(), cluster.goal().about(&name)?)?;
    let wanted = agreed.refuse_other(&spec, wanted)?;
    let summary = workflow::up(cluster, wanted, options).await.about(&name)?;
    if context.quiet { Ok(()) } else { tell(&summary) }
}

/// What the cluster is already, if it is recorded.
fn recorded(context: &Context, args: &Up) -> Result<Option<ClusterSpec>, Error> {
    let record = context.home.record(&name(args)?)?;
    Ok(record.map(|record| record.goal().clone()))
}

fn name(args: &Up) -> Result<ClusterName, Error> {
    args.name.clone().map_or_else(|| Ok(DEFAULT_CLUSTER.parse()?), Ok)
}

/// The spec that flags describe: what the cluster is already, or else the default, with what the flags
/// change.
fn from_flags(
    context: &Context,
    args: &Up,
    recorded: Option<ClusterSpec>,
) -> Result<ClusterSpec, Error> {
    let mut spec = match recorded {
        // Another kind is refused later, in words that fit.
        Some(spec) if asked(args).is_none_or(|kind| kind == spec.orchestrator) => spec,
        _ => default_spec(name(args)?, args)?,
    };
    for (role, count) in [
        (Role::Manager, args.managers),
        (Role::ControlPlane, args.control_planes),
        (Role::Worker, args.workers),
        (Role::Engine, args.machines),
    ] {
        if let Some(count) = count {
            spec.set_count(role, count, args.driver.clone().unwrap_or(spec.driver()));
        }
    }
    for group in &mut spec.machines {
        group.driver = args.driver.clone().unwrap_or(group.driver.clone());
        group.memory = args.memory.or(group.memory);
        group.cpus = args.cpus.or(group.cpus);
    }
    for text in &args.publish {
        publish(&mut spec.machines, text)?;
    }
    context.driver_flags.refuse_strays_among(&spec.drivers())?;
    driver_options(&mut spec, &args.driver_opt)?;
    args.flags.choose(&mut spec)?;
    engine_options(&mut spec.engine, args)?;
    kubernetes_options(&mut spec.kubernetes, args)?;
    if kind::of(spec.orchestrator).has_kubernetes() && spec.kubernetes.bundle.is_none() {
        from_packages(&mut spec.kubernetes);
    }
    Ok(spec)
}

/// The kind that was asked for by name, or by what makes sense for it alone.
fn asked(args: &Up) -> Option<Orchestrator> {
    if args.engines {
        Some(Orchestrator::Engines)
    } else if args.swarm || args.managers.is_some() {
        Some(Orchestrator::Swarm)
    } else if wants_kubernetes(args) {
        Some(Orchestrator::Kubernetes)
    } else {
        None
    }
}

/// Whether what is asked for makes sense for Kubernetes alone.
fn wants_kubernetes(args: &Up) -> bool {
    args.kubernetes
        || args.control_planes.is_some()
        || args.kubernetes_version.is_some()
        || args.bundle.is_some()
        || args.kubernetes_repository.is_some()
        || args.kubernetes_repository_key.is_some()
        || args.kubernetes_registry.is_some()
        || args.cni.is_some()
        || args.cni_sha256.is_some()
        || args.pod_subnet.is_some()
        || args.service_subnet.is_some()
}

fn kubernetes_options(options: &mut KubernetesOptions, args: &Up) -> Result<(), Error> {
    options.version = args.kubernetes_version.or(options.version);
    if let Some(bundle) = &args.bundle {
        options.bundle = Some(absolute(bundle)?);
    }
    options.repository = args.kubernetes_repository.clone().or(options.repository.take());
    options.repository_key =
        args.kubernetes_repository_key.clone().or(options.repository_key.take());
    options.registry = args.kubernetes_registry.clone().or(options.registry.take());
    match &args.cni {
        Some(PodNetwork::Manifest(path)) => options.cni = PodNetwork::Manifest(absolute(path)?),
        Some(cni) => options.cni = cni.clone(),
        None => {}
    }
    options.cni_sha256 = args.cni_sha256.clone().or(options.cni_sha256.take());
    options.pod_subnet = args.pod_subnet.unwrap_or(options.pod_subnet);
    options.service_subnet = args.service_subnet.unwrap_or(options.service_subnet);
    Ok(())
}

/// What is to be remembered of a cluster that is made from packages, because it may be another one
/// tomorrow: with a later release of this program, or in another shell.
pub(super) fn from_packages(options: &mut KubernetesOptions) {
    options.version.get_or_insert(KubernetesVersion::NEWEST);
    options.repository.get_or_insert_with(|| provision::KUBERNETES.repository());
}

/// The record outlives the directory that this command runs in.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Io { operation: "find a file", source })
}

fn default_spec(name: ClusterName, args: &Up) -> Result<ClusterSpec, Error> {
    let driver = args.driver.clone().unwrap_or_else(registry::default);
    let orchestrator = asked(args).unwrap_or_default();
    let (machines, workers) = match room(&driver, args)?.map(u16::try_from) {
        // All that there is room for is used; a load balancer stands before several control planes.
        Some(Ok(room)) => {
            let leaders = args.managers.or(args.control_planes).unwrap_or(1);
            let balancers = u16::from(args.control_planes.is_some_and(|n| n > 1));
            (room, room.saturating_sub(leaders + balancers))
        }
        _ => (3, 2),
    };
    let usual = kind::of(orchestrator).usual(machines, workers).into_iter();
    let groups = usual.map(|(role, count)| MachineGroup::new(role, count, driver.clone()));
    Ok(ClusterSpec::new(name, orchestrator, groups.collect()))
}

/// How many machines there is room for, if flags say that.
fn room(driver: &DriverName, args: &Up) -> Result<Option<usize>, Error> {
    let section = args.flags.section(driver)?;
    Ok(registry::kind(driver).machines(&section))
}

/// Adds a published port. A machine that is not the first of its group gets a group of its own.
fn publish(groups: &mut Vec<MachineGroup>, text: &str) -> Result<(), Error> {
    let (port, machine) = match text.split_once('@') {
        Some((port, machine)) => (port, Some(machine.parse::<MachineName>()?)),
        None => (text, None),
    };
    let port: Port = port.parse().map_err(Error::Usage)?;
    let first = groups.first().map_or(Role::Manager, |g| g.role);
    let name = machine.unwrap_or(MachineName::new(first, 1));
    let mut before = 0;
    for index in 0..groups.len() {
        if groups[index].role != name.role {
            continue;
        }
        let count = groups[index].count;
        if name.number <= before + count {
            let offset = name.number - before - 1;
            if offset > 0 {
                let mut rest = groups[index].clone();
                rest.count = count - offset;
                rest.ports.clear();
                groups[index].count = offset;
                groups.insert(index + 1, rest);
            }
            let group = &mut groups[if offset > 0 { index + 1 } else { index }];
            if !group.ports.contains(&port) {
                group.ports.push(port);
            }
            return Ok(());
        }
        before += count;
    }
    Err(Error::Usage(format!("port {port} is to lead to `{name}`, which is not in the cluster")))
}

fn engine_options(options: &mut EngineOptions, args: &Up) -> Result<(), Error> {
    options.channel = args.engine_channel.unwrap_or(options.channel);
    options.repository = args.engine_repository.clone().or(options.repository.take());
    options.repository_key = args.engine_repository_key.clone().or(options.repository_key.take());
    let add = |to: &mut Vec<String>, from: &[String]| {
        for value in from {
            if !to.contains(value) {
                to.push(value.clone());
            }
        }
    };
    add(&mut options.registry_mirrors, &args.registry_mirror);
    add(&mut options.insecure_registries, &args.insecure_registry);
    add(&mut options.labels, &args.engine_label);
    for text in &args.engine_opt {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::Usage(format!("`{text}` is not an engine option: write it as KEY=VALUE"))
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        options.daemon.insert(key.to_owned(), value);
    }
    Ok(())
}

pub(super) fn tell(summary: &Summary) -> Result<(), Error> {
    let name = &summary.spec.name;
    let state = if summary.changes { "is ready" } else { "was ready already" };
    let kind = kind::of(summary.spec.orchestrator);
    let sized = kind.sized(summary.machines.len());
    let mut text = format!("{name} {state}: {sized}, {:.1} s\n\n", summary.elapsed.as_secs_f64());
    text.push_str(&output::columns(&next_steps(summary)));
    let is_docker = kind.tool() == Tool::Docker;
    if let (true, true, Some(why)) = (summary.selected, is_docker, overridden(&summary.context)) {
        text.push_str(&format!("\n{why}\n"));
    }
    output::write(text.as_bytes())
}

/// Commands that suit what is ready, and what each is for.
fn next_steps(summary: &Summary) -> Vec<Vec<String>> {
    let name = &summary.spec.name;
    let kind = kind::of(summary.spec.orchestrator);
    let (look, see) = kind.first_look();
    let client = kind.tool();
    let lacks_client =
        client == Tool::Kubectl && summary.release.is_some_and(|release| !kubectl::suits(release));
    let (look, see) = if lacks_client {
        (format!("dojo {look}"), format!("{see}; your computer has no {client} for them"))
    } else {
        (look.to_owned(), see.to_owned())
    };
    let step = |command: &str, what: &str| vec![format!("  {command}"), what.to_owned()];
    let mut steps = Vec::new();
    if !summary.selected {
        steps.push(step(&format!("dojo use {name}"), &format!("point {client} at it")));
    }
    steps.push(step(&look, &see));
    if let Some(last) = summary.machines.last() {
        steps.push(step(&format!("dojo ssh {}", last.id), "look inside a machine"));
    }
    steps.push(step(&format!("dojo down {name}"), "remove all of it"));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<MachineGroup> {
        vec![
            MachineGroup::new(Role::Manager, 1, DriverName::fixed("docker")),
            MachineGroup::new(Role::Worker, 3, DriverName::fixed("docker")),
        ]
    }

    fn ports(groups: Vec<MachineGroup>) -> Vec<String> {
        let spec = ClusterSpec { machines: groups, ..default_spec_of("ab") };
        let machines = spec.machines().into_iter();
        machines
            .map(|m| {
                format!(
                    "{} {:?}",
                    m.name,
                    m.ports.iter().map(ToString::to_string).collect::<Vec<_>>()
                )
            })
            .collect()
    }

    fn default_spec_of(name: &str) -> ClusterSpec {
        ClusterSpec::new(name.parse().unwrap(), Orchestrator::Swarm, Vec::new())
    }

    #[test]
    fn a_port_leads_to_the_machine_that_was_named() {
        let mut groups = groups();
        publish(&mut groups, "8080:80").unwrap();
        publish(&mut groups, "8081:80@worker-2").unwrap();
        publish(&mut groups, "8082:80@worker-3").unwrap();
        assert_eq!(
            ports(groups.clone()),
            [
                r#"manager-1 ["8080:80"]"#,
                "worker-1 []",
                r#"worker-2 ["8081:80"]"#,
                r#"worker-3 ["8082:80"]"#
            ]
        );
        assert!(publish(&mut groups, "8083:80@worker-4").is_err());
    }
}
