//! `dojo up`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::by_hand;
use crate::driver::ec2::Ec2Options;
use crate::driver::ssh::SshOptions;
use crate::kind;
use crate::model::{
    ClusterName, DriverName, EngineOptions, KubernetesOptions, KubernetesVersion, MachineName,
    Orchestrator, PodNetwork, Port, Role, Tool,
};
use crate::provision;
use crate::report::Quiet;
use crate::spec::{self, ClusterSpec, MachineGroup};
use crate::workflow::{self, Services, Summary, UpOptions};

use super::args::{Ec2Account, Ec2Flags, SpecFormat, SshFlags, Up};
use super::error::{About as _, Error};
use super::services::{Context, DEFAULT_CLUSTER};
use super::switch::overridden;
use super::{costs, kubectl, output, trust};

pub(super) async fn run(context: &Context, args: Up) -> Result<(), Error> {
    let options =
        UpOptions { select: !args.no_use, rollback: args.rollback, recreate: args.recreate };
    let (spec, text, seen) = if let Some(path) = &args.file {
        let (spec, text) = spec::read(path)?;
        (spec, Some((path, text)), None)
    } else {
        let (spec, seen) = from_flags(context, &args)?;
        (spec, None, Some(seen))
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
    let name = spec.name.clone();
    let services = Services { seen, ..context.services_to_make(&spec).await.about(&name)? };
    if args.dry_run {
        let plan = workflow::plan(&services, &spec, options).await?;
        costs::told(context, &services, &spec, options).await?;
        return output::write(plan.to_string().as_bytes());
    }
    costs::agreed(context, &services, &spec, options, &args.agreed).await?;
    let summary = workflow::up(&services, spec, options).await.about(&name)?;
    if context.quiet { Ok(()) } else { tell(&summary) }
}

/// The spec that flags describe: what the cluster is already, or else the default, with what the flags
/// change; and what it is already.
fn from_flags(context: &Context, args: &Up) -> Result<(ClusterSpec, Option<ClusterSpec>), Error> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => DEFAULT_CLUSTER.parse()?,
    };
    let recorded = context.home.record(&name)?.map(|record| record.spec);
    let mut spec = match &recorded {
        // Another kind is refused later, in words that fit.
        Some(spec) if asked(args).is_none_or(|kind| kind == spec.orchestrator) => spec.clone(),
        _ => default_spec(name, args),
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
    spec.docker.image = args.docker.image.clone().or(spec.docker.image);
    spec.docker.subnet = args.docker.subnet.or(spec.docker.subnet);
    docker_host(&mut spec, args.docker.docker_host.as_ref())?;
    driver_options(&mut spec, &args.driver_opt)?;
    ec2_account(&mut spec.ec2, &args.ec2_account);
    ec2_options(&mut spec.ec2, &args.ec2)?;
    ssh_options(&mut spec.ssh, &args.ssh)?;
    engine_options(&mut spec.engine, args)?;
    kubernetes_options(&mut spec.kubernetes, args)?;
    if kind::of(spec.orchestrator).has_kubernetes() && spec.kubernetes.bundle.is_none() {
        from_packages(&mut spec.kubernetes);
    }
    Ok((spec, recorded))
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
fn from_packages(options: &mut KubernetesOptions) {
    options.version.get_or_insert(KubernetesVersion::NEWEST);
    options.repository.get_or_insert_with(|| provision::KUBERNETES.repository());
}

/// The record outlives the directory that this command runs in.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|source| Error::Io { operation: "find a file", source })
}

fn default_spec(name: ClusterName, args: &Up) -> ClusterSpec {
    let driver = args.driver.clone().unwrap_or_default();
    let orchestrator = asked(args).unwrap_or_default();
    let (machines, workers) = match (&driver, u16::try_from(args.ssh.host.len())) {
        // Each host becomes a machine; a load balancer stands before several control planes.
        (DriverName::Ssh, Ok(hosts @ 1..)) => {
            let leaders = args.managers.or(args.control_planes).unwrap_or(1);
            let balancers = u16::from(args.control_planes.is_some_and(|n| n > 1));
            (hosts, hosts.saturating_sub(leaders + balancers))
        }
        _ => (3, 2),
    };
    let usual = kind::of(orchestrator).usual(machines, workers).into_iter();
    let groups = usual.map(|(role, count)| MachineGroup::new(role, count, driver.clone()));
    ClusterSpec::new(name, orchestrator, groups.collect())
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

/// Options of an external driver.
pub(super) fn driver_options(spec: &mut ClusterSpec, options: &[String]) -> Result<(), Error> {
    let driver = spec.driver();
    for text in options {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::Usage(format!("`{text}` is not a driver option: write it as KEY=VALUE"))
        })?;
        let options = spec.external.entry(driver.clone()).or_default();
        // The driver says which options are numbers.
        options.insert(key.to_owned(), Value::String(value.to_owned()));
    }
    Ok(())
}

/// Which engine is meant.
pub(super) fn docker_host(spec: &mut ClusterSpec, host: Option<&String>) -> Result<(), Error> {
    let Some(host) = host else { return Ok(()) };
    if !spec.drivers().contains(&DriverName::Docker) {
        let driver = spec.driver();
        return Err(Error::Usage(format!(
            "--docker-host is for machines of driver docker, and these come from `{driver}`"
        )));
    }
    spec.docker.host = Some(host.clone());
    Ok(())
}

/// Which account and region are meant.
pub(super) fn ec2_account(options: &mut Ec2Options, flags: &Ec2Account) {
    options.profile = flags.profile.clone().or(options.profile.take());
    options.region = flags.region.clone().or(options.region.take());
    options.endpoint_url = flags.endpoint_url.clone().or(options.endpoint_url.take());
}

/// What is given replaces what was said before.
fn ec2_options(options: &mut Ec2Options, flags: &Ec2Flags) -> Result<(), Error> {
    fn set<T: Clone>(option: &mut T, flag: Option<&T>) {
        if let Some(flag) = flag {
            option.clone_from(flag);
        }
    }
    fn set_some<T: Clone>(option: &mut Option<T>, flag: Option<&T>) {
        if flag.is_some() {
            *option = flag.cloned();
        }
    }
    fn set_list<T: Clone>(option: &mut Vec<T>, flags: &[T]) {
        if !flags.is_empty() {
            *option = flags.to_vec();
        }
    }
    set(&mut options.ttl, flags.ttl.as_ref());
    set(&mut options.image, flags.ami.as_ref());
    set(&mut options.volume_size, flags.volume_size.as_ref());
    set(&mut options.volume_type, flags.volume_type.as_ref());
    set_list(&mut options.instance_types, &flags.instance_type);
    set_list(&mut options.allow_cidr, &flags.allow_cidr);
    set_list(&mut options.open_ports, &flags.open_port);
    set_some(&mut options.user, flags.ssh_user.as_ref());
    set_some(&mut options.vpc, flags.vpc.as_ref());
    set_some(&mut options.subnet, flags.subnet_id.as_ref());
    set_some(&mut options.zone, flags.zone.as_ref());
    set_some(&mut options.max_price, flags.max_price.as_ref());
    set_some(&mut options.instance_profile, flags.instance_profile.as_ref());
    if let Some(file) = &flags.user_data {
        options.user_data = Some(absolute(file)?);
    }
    options.private |= flags.private_addresses;
    options.spot |= flags.spot;
    options.monitoring |= flags.monitoring;
    for text in &flags.tag {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Error::Usage(format!("`{text}` is not a tag: write it as KEY=VALUE")))?;
        options.tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(())
}

/// Hosts that are given are all the hosts; what else is given is added to what was said before.
pub(super) fn ssh_options(options: &mut SshOptions, flags: &SshFlags) -> Result<(), Error> {
    if flags.host_key.len() > flags.host.len() {
        let (keys, hosts) = (flags.host_key.len(), flags.host.len());
        return Err(Error::Usage(format!("{keys} host keys are given for {hosts} hosts")));
    }
    if !flags.host.is_empty() {
        options.hosts.clone_from(&flags.host);
        for (host, key) in options.hosts.iter_mut().zip(&flags.host_key) {
            host.host_key = Some(key.clone());
        }
    }
    if let Some(file) = &flags.identity {
        options.identity = Some(absolute(file)?);
    }
    options.jump = flags.jump.clone().or(options.jump.take());
    if let Some(file) = &flags.ssh_config {
        options.config = Some(absolute(file)?);
    }
    options.adopt |= flags.adopt;
    options.remove_docker |= flags.remove_docker;
    Ok(())
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
            MachineGroup::new(Role::Manager, 1, DriverName::Docker),
            MachineGroup::new(Role::Worker, 3, DriverName::Docker),
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
