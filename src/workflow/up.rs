//! `up`: creates, resumes, repairs, or does nothing. One path for all of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::bootstrap;
use crate::context::DockerContext;
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::model::{Access, Level, Machine, MachineName, MachineState, Orchestrator, Service};
use crate::plan::Plan;
use crate::provision::{Node, Provisioner};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::{Entry, Phase, Record};

use super::down::remove_machines;
use super::machines::{self, Origin, become_node};
use super::{Error, Failure, Services, settle};

/// How `up` goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpOptions {
    /// Point the user's docker at the cluster.
    pub select: bool,
    /// Remove what was made if not all of it could be.
    pub rollback: bool,
}

/// What `up` came to.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The machines.
    pub machines: Vec<Machine>,
    /// How the cluster is reached.
    pub access: Access,
    /// The name of its docker context.
    pub context: String,
    /// Whether that is the selected one now.
    pub selected: bool,
    /// What had to be done.
    pub plan: Plan,
    /// How long it took.
    pub elapsed: Duration,
}

/// What `up` would do, without doing it.
pub async fn plan(services: &Services, spec: &ClusterSpec) -> Result<Plan, Error> {
    let record = services.home.record(&spec.name)?;
    let (ours, others) = machines::ours(&*services.driver, &spec.name, record.as_ref()).await?;
    refuse_others(spec, &others)?;
    Ok(Plan::new(spec, &ours))
}

/// Makes the cluster as the spec says, whatever of it exists already.
pub async fn up(
    services: &Services,
    spec: ClusterSpec,
    options: UpOptions,
) -> Result<Summary, Error> {
    let begin = Instant::now();
    let (entry, progress) = services.lock(&spec.name, "up").await?;
    let is_new = matches!(entry.record(), Ok(None));
    let result = converge(services, &entry, spec, options, &progress, begin).await;
    if let (true, Err(error)) = (is_new, &result) {
        let rollback = options.rollback && !matches!(error, Error::Interrupted);
        if let Err(error) = undo(services, entry, error, rollback, &progress).await {
            progress.warn(chain(&error));
        }
    }
    progress.ready();
    result
}

/// What becomes of a new cluster that could not be made: it is kept, so that the next `up` goes on from
/// there, unless nothing of it was made or the user wants it rolled back. A cluster that existed before
/// is never undone.
async fn undo(
    services: &Services,
    entry: Entry,
    error: &Error,
    rollback: bool,
    progress: &Progress,
) -> Result<(), Error> {
    let Some(record) = entry.record()? else {
        // It was refused before the first side effect; the lock has made a directory.
        return Ok(entry.remove()?);
    };
    let nothing_made = matches!(error, Error::Driver(_))
        && services.driver.list(Some(entry.name())).await?.is_empty();
    if rollback || nothing_made {
        remove_machines(services, &entry, Some(&record), progress).await?;
        entry.remove()?;
    }
    Ok(())
}

async fn converge(
    services: &Services,
    entry: &Entry,
    spec: ClusterSpec,
    options: UpOptions,
    progress: &Progress,
    begin: Instant,
) -> Result<Summary, Error> {
    // Everything that can be refused is refused here, before the first side effect.
    let mut recorded = entry.record()?;
    if recorded.as_ref().is_some_and(|r| r.phase == Phase::Destroying) {
        // Machines of a `down` that was cut short may be on their way out although they still seem to
        // run, so it comes to its end first.
        progress.warn("finishing an interrupted `down` first");
        remove_machines(services, entry, recorded.as_ref(), progress).await?;
        entry.forget_record()?;
        recorded = None;
    }
    refuse_other_kind(&spec, recorded.as_ref())?;
    let (existing, others) =
        machines::ours(&*services.driver, &spec.name, recorded.as_ref()).await?;
    refuse_others(&spec, &others)?;
    let plan = Plan::new(&spec, &existing);
    if !plan.surplus.is_empty() {
        return Err(Error::Surplus { cluster: spec.name, plan: Box::new(plan) });
    }
    let mut record = match recorded {
        Some(record) => Record { spec: spec.clone(), ..record },
        None => Record::new(spec.clone()),
    };
    let context = spec.name.context();
    services.contexts.check(&context, &record.cluster_id)?;
    if !plan.create.is_empty() {
        check_surroundings(services, progress).await?;
    }

    failpoint::reached("up.record.before");
    if record.phase != Phase::Ready || !plan.create.is_empty() {
        record.phase = Phase::Creating;
    }
    entry.save(&record)?;
    failpoint::reached("up.record.after");

    let provisioner = machines::provisioner(entry, &record)?;
    failpoint::reached("up.keys.after");
    let origins = origins(services, &spec, &record, &provisioner, &existing, progress).await?;
    let nodes = all_nodes(services, &spec, &provisioner, origins, progress).await?;
    if services.interrupt.raised() {
        return Err(Error::Interrupted);
    }

    let speaker = match spec.orchestrator {
        Orchestrator::Swarm => bootstrap::bootstrap(&*services.swarm, &nodes, progress).await?,
        Orchestrator::None => nodes[0].clone(),
    };
    nodes.iter().for_each(|node| progress.machine(node.machine().id.name).ready());
    let access = Access::Engine {
        endpoint: speaker.machine().endpoint(Service::Engine),
        tls: provisioner.tls.clone(),
    };
    let selected = write_context(services, &record, &access, options)?;

    failpoint::reached("up.done.before");
    record.phase = Phase::Ready;
    record.machines = nodes.iter().map(|n| n.machine().clone()).collect();
    for machine in &mut record.machines {
        machine.state = MachineState::Running;
    }
    entry.save(&record)?;
    failpoint::reached("up.done.after");
    let machines = record.machines;
    Ok(Summary { spec, machines, access, context, selected, plan, elapsed: begin.elapsed() })
}

fn refuse_other_kind(spec: &ClusterSpec, recorded: Option<&Record>) -> Result<(), Error> {
    match recorded {
        Some(record) if record.spec.orchestrator != spec.orchestrator => Err(Error::OtherKind {
            cluster: spec.name.clone(),
            exists: record.spec.orchestrator.to_string(),
            wanted: spec.orchestrator.to_string(),
        }),
        Some(record) if record.spec.driver() != spec.driver() => Err(Error::OtherKind {
            cluster: spec.name.clone(),
            exists: format!("{:?}", record.spec.driver()).to_lowercase(),
            wanted: format!("{:?}", spec.driver()).to_lowercase(),
        }),
        _ => Ok(()),
    }
}

fn refuse_others(spec: &ClusterSpec, others: &[Machine]) -> Result<(), Error> {
    if others.is_empty() {
        return Ok(());
    }
    let machines: Vec<MachineName> = others.iter().map(|m| m.id.name).collect();
    Err(Error::NoRecord { cluster: spec.name.clone(), machines })
}

async fn check_surroundings(services: &Services, progress: &Progress) -> Result<(), Error> {
    let findings = services.driver.check().await?;
    let warnings = findings.iter().filter(|f| f.level == Level::Warning);
    let subjects: Vec<&str> = warnings.map(|f| f.subject.as_str()).collect();
    if !subjects.is_empty() {
        // What follows from it and what helps takes more words than fit here.
        progress.warn(format!("`dojo doctor` has something to say on: {}", subjects.join(", ")));
    }
    let problems: Vec<_> = findings.into_iter().filter(|f| f.level == Level::Problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::NotReady(problems)) }
}

/// Where each machine begins. What machines share is prepared, and the host keys of those that are yet
/// to be made are pinned, so that there is never a first connection to an unknown key.
async fn origins(
    services: &Services,
    spec: &ClusterSpec,
    record: &Record,
    provisioner: &Provisioner,
    existing: &[Machine],
    progress: &Progress,
) -> Result<Vec<(MachineName, Origin)>, Error> {
    let usable = |name: MachineName| {
        existing.iter().find(|m| m.id.name == name && m.state != MachineState::Unfinished)
    };
    let requests = machines::requests(spec, record, &provisioner.ssh)?;
    let (present, absent): (Vec<_>, Vec<_>) =
        requests.into_iter().partition(|r| usable(r.id.name).is_some());
    if !absent.is_empty() {
        failpoint::reached("driver.prepare.before");
        services.driver.prepare(&spec.name, &absent, progress).await?;
        failpoint::reached("driver.prepare.after");
        let pins: Vec<_> =
            absent.iter().map(|r| (r.id.alias(), r.host_key.public.clone())).collect();
        failpoint::reached("known-hosts.before");
        keys::pin(&provisioner.ssh.known_hosts, &pins)?;
        failpoint::reached("known-hosts.after");
    }
    let mut origins: Vec<_> = absent
        .into_iter()
        .map(|request| (request.id.name, Origin::Create(Box::new(request))))
        .collect();
    origins.extend(present.iter().filter_map(|r| usable(r.id.name)).map(|machine| {
        let origin = match machine.state {
            MachineState::Stopped => Origin::Start(machine.clone()),
            _ => Origin::Keep(machine.clone()),
        };
        (machine.id.name, origin)
    }));
    origins.sort_by_key(|(name, _)| *name);
    Ok(origins)
}

async fn all_nodes(
    services: &Services,
    spec: &ClusterSpec,
    provisioner: &Provisioner,
    origins: Vec<(MachineName, Origin)>,
    progress: &Progress,
) -> Result<Vec<Node>, Error> {
    let of = origins.len();
    let work = origins.into_iter().map(|(name, origin)| {
        let progress = progress.machine(name);
        (name, async move { become_node(services, provisioner, origin, &progress).await })
    });
    let (nodes, causes) = settle(work).await;
    if causes.is_empty() {
        return Ok(nodes);
    }
    // Asked, not remembered: what failed may be there all the same.
    let left = services.driver.list(Some(&spec.name)).await.unwrap_or_default();
    Err(Failure { causes, left, of }.into())
}

fn write_context(
    services: &Services,
    record: &Record,
    access: &Access,
    options: UpOptions,
) -> Result<bool, Error> {
    let Access::Engine { endpoint, tls } = access;
    let name = record.spec.name.context();
    failpoint::reached("context.write.before");
    services.contexts.write(&DockerContext {
        name: name.clone(),
        description: describe(&record.spec, *endpoint),
        endpoint: *endpoint,
        tls: tls.clone(),
        cluster: record.spec.name.to_string(),
        cluster_id: record.cluster_id.clone(),
    })?;
    failpoint::reached("context.write.after");
    let current = services.contexts.current()?;
    if !options.select {
        return Ok(current.as_deref() == Some(&name));
    }
    if current.as_deref() != Some(&name) {
        failpoint::reached("context.select.before");
        services.contexts.select(&name)?;
        failpoint::reached("context.select.after");
    }
    Ok(true)
}

fn describe(spec: &ClusterSpec, endpoint: SocketAddr) -> String {
    let machines = spec.machines().len();
    match spec.orchestrator {
        Orchestrator::Swarm => format!("swarm of {machines} machines, manager at {endpoint}"),
        Orchestrator::None => format!("the first of {machines} Docker hosts, at {endpoint}"),
    }
}
