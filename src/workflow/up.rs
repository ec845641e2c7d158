//! `up`: creates, resumes, repairs, or does nothing. One path for all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bootstrap;
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::kind;
use crate::model::{
    Access, KubernetesVersion, Machine, MachineName, MachineRequest, MachineState, Service,
};
use crate::plan::Plan;
use crate::provision::{Node, Provisioner};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::{Entry, Phase, Record};

use super::admit::{Admitted, admit_all};
use super::contexts;
use super::down::remove_rest;
use super::machines::{self, Origin, become_node};
use super::roll::roll;
use super::settle::all_well;
use super::state::Look;
use super::{Error, Services, Work, images, scale, settle, state, upgrade};

/// How `up` goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpOptions {
    /// Point the user's docker at the cluster.
    pub select: bool,
    /// Remove what was made if not all of it could be.
    pub rollback: bool,
    /// Make a new, empty cluster in place of one that is lost.
    pub recreate: bool,
}

impl UpOptions {
    /// As `up` is where it is only the way to something else: the selected context stays as it is, and
    /// nothing is removed.
    pub const BY_THE_WAY: Self = Self { select: false, rollback: false, recreate: false };
}

/// What `up` came to.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What was asked for.
    pub spec: ClusterSpec,
    /// The release of Kubernetes that they have, if that is what they are.
    pub release: Option<KubernetesVersion>,
    /// The machines.
    pub machines: Vec<Machine>,
    /// How the cluster is reached.
    pub access: Access,
    /// The name of its docker context.
    pub context: String,
    /// Whether that is the selected one now.
    pub selected: bool,
    /// Whether anything had to be done.
    pub changes: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What `up` would do, without doing it. What it would tell of is told.
pub async fn plan(
    services: &Services,
    spec: &ClusterSpec,
    options: UpOptions,
) -> Result<Plan, Error> {
    let record = services.home.record(&spec.name)?;
    let progress = Progress::new(Arc::clone(&services.reporter));
    match admit_all(services, spec, record.as_ref(), Look::Close, &progress).await {
        Ok(Admitted { plan, record, .. }) => {
            let home = services.home.known_id()?.unwrap_or_default();
            let absent = machines::requests_without_keys(spec, &record, &home, &plan.create);
            if !absent.is_empty() {
                services.ask(services.driver.admit(&spec.name, &absent)).await?;
            }
            Ok(plan)
        }
        Err(error) if options.recreate && error.is_lost() => {
            progress.warn(chain(&error));
            Ok(Plan::new(spec, &[]))
        }
        Err(error) => Err(error),
    }
}

/// Makes the cluster as the spec says, whatever of it exists already.
pub async fn up(
    services: &Services,
    spec: ClusterSpec,
    options: UpOptions,
) -> Result<Summary, Error> {
    let (entry, progress) = services.lock(&spec.name, "up").await?;
    to_spec(services, entry, spec, options, &progress).await
}

/// Brings a cluster that is locked to what a spec says.
pub(super) async fn to_spec(
    services: &Services,
    entry: Entry,
    spec: ClusterSpec,
    options: UpOptions,
    progress: &Progress,
) -> Result<Summary, Error> {
    let begin = Instant::now();
    let is_new = matches!(entry.record(), Ok(None));
    let mut result =
        Box::pin(converge(services, &entry, spec.clone(), options, progress, begin)).await;
    if options.recreate && result.as_ref().is_err_and(Error::is_lost) {
        result = match state::clear(services, &entry, &spec, progress).await {
            Ok(()) => Box::pin(converge(services, &entry, spec, options, progress, begin)).await,
            Err(error) => Err(error),
        };
    }
    if result.is_err()
        && let Err(error) = machines::remember(services, &entry).await
    {
        progress.warn(chain(&error));
    }
    if let (true, Err(error)) = (is_new, &result) {
        let rollback = options.rollback && !matches!(error, Error::Interrupted);
        if let Err(error) = undo(services, entry, error, rollback, progress).await {
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
        return Ok(entry.remove_if_unused()?);
    };
    let nothing_made = matches!(error, Error::Driver(_))
        && services.driver.list(Some(entry.name())).await?.is_empty();
    if rollback || nothing_made {
        remove_rest(services, &entry, &record, progress).await?;
        entry.remove()?;
    }
    Ok(())
}

pub(super) async fn converge(
    services: &Services,
    entry: &Entry,
    spec: ClusterSpec,
    options: UpOptions,
    progress: &Progress,
    begin: Instant,
) -> Result<Summary, Error> {
    // Everything that can be refused is refused here, before the first side effect.
    let mut recorded = entry.record()?;
    if let Some(record) = recorded.take_if(|r| r.phase == Phase::Destroying) {
        // Machines of a `down` that was cut short may be on their way out although they still seem to
        // run, so it comes to its end first.
        progress.warn("finishing an interrupted `down` first");
        remove_rest(services, entry, &record, progress).await?;
        entry.forget_record()?;
    }
    if recorded.as_ref().is_some_and(|r| r.phase == Phase::Upgrading) {
        upgrade::complete(services, entry, progress).await?;
        recorded = entry.record()?;
    }
    if let Some(record) = recorded.as_ref().filter(|r| scale::is_unfinished(r, &spec)) {
        progress.warn("finishing an interrupted `scale` first");
        let agreed = record.spec.clone();
        Box::pin(converge(services, entry, agreed, options, progress, begin)).await?;
        recorded = entry.record()?;
    }
    let Admitted { plan, existing, install, mut record } =
        admit_all(services, &spec, recorded.as_ref(), Look::Quick, progress).await?;
    let is_new = recorded.is_none();
    if is_new {
        // From here on `down` knows what to look for.
        failpoint::reached("up.record.before");
        entry.save(&record)?;
        failpoint::reached("up.record.after");
    }
    let provisioner = machines::provisioner(services, entry, &record, install)?;
    let departures =
        scale::departures(services, &provisioner, &record, &existing, progress).await?;
    failpoint::reached("up.keys.after");
    let origins =
        origins(services, &spec, &record, &provisioner, &plan, existing, progress).await?;
    // The driver has agreed, so what was asked for is now what the cluster is to be.
    let mut changes = record.phase != Phase::Ready || record.spec != spec || !plan.is_empty();
    if changes && !is_new {
        // Engine options count only once the engines have taken them: one that they refuse must not
        // make every later `up` fail.
        let engine = record.spec.engine.clone();
        record.spec = ClusterSpec { engine, ..spec.clone() };
        if record.phase != Phase::Scaling {
            record.phase = Phase::Creating;
        }
        entry.save(&record)?;
    }
    let mut nodes = all_nodes(services, &spec, &provisioner, origins, progress).await?;
    if services.interrupt.raised() {
        return Err(Error::Interrupted);
    }
    // Of what a machine has, this computer may know nothing.
    changes |= nodes.iter().any(|node| node.held().any());

    // Before they are members: what runs on them then may need it at once.
    let complete = images::complete(services, &mut record, &nodes, progress);
    services.interrupt.or(complete).await.ok_or(Error::Interrupted)?;

    let kind = services.bootstrappers.of(spec.orchestrator);
    let leader = match kind {
        Some(kind) => {
            let members = scale::with_guides(kind, &nodes, &departures).await?;
            let stop = || services.interrupt.raised();
            let founded = match bootstrap::found(kind, &members, record.begun, progress).await {
                Ok(founded) => founded,
                Err(error) => return Err(state::explained(services, &record, error).await),
            };
            if !record.begun {
                record.begun = true;
                entry.save(&record)?;
            }
            let leader = bootstrap::gather(kind, founded, &members, progress, &stop).await?;
            if departures.is_empty() {
                leader
            } else {
                scale::remaining_leader(kind, &spec.name, &nodes).await?
            }
        }
        None => nodes[0].clone(),
    };
    let cluster = kind.map(|kind| (kind, &leader));
    scale::dismiss(services, entry, cluster, departures, progress).await?;
    Box::pin(roll(services, &spec.name, kind, &provisioner, &mut nodes, progress)).await?;
    let access = match kind {
        Some(kind) => kind.access(&leader, &nodes, &provisioner.tls).await?,
        None => Access::Engine {
            endpoint: leader.machine().endpoint(Service::Engine)?,
            tls: provisioner.tls.clone(),
        },
    };
    for node in &nodes {
        progress.machine(node.machine().id.name).ready();
    }
    let selected = contexts::write(services, entry, &record, &access, options.select)?;

    failpoint::reached("up.done.before");
    record.phase = Phase::Ready;
    record.spec = spec.clone();
    record.release = kind::of(spec.orchestrator).release(&leader);
    record.machines = nodes.iter().map(|n| n.machine().clone()).collect();
    for machine in &mut record.machines {
        machine.state = MachineState::Running;
    }
    entry.save(&record)?;
    failpoint::reached("up.done.after");
    let context = spec.name.context();
    let Record { machines, release, .. } = record;
    let elapsed = begin.elapsed();
    Ok(Summary { spec, release, machines, access, context, selected, changes, elapsed })
}

/// Where each machine begins. What machines share is prepared, and the host keys of those that are yet
/// to be made are pinned, so that there is never a first connection to an unknown key.
async fn origins(
    services: &Services,
    spec: &ClusterSpec,
    record: &Record,
    provisioner: &Provisioner,
    plan: &Plan,
    existing: Vec<Machine>,
    progress: &Progress,
) -> Result<Vec<(MachineName, Origin)>, Error> {
    let absent =
        machines::requests(spec, record, &provisioner.ssh, &services.home.id()?, &plan.create)?;
    if !absent.is_empty() {
        failpoint::reached("driver.prepare.before");
        services.ask(services.driver.prepare(&spec.name, &absent, progress)).await?;
        failpoint::reached("driver.prepare.after");
        let key = |request: &MachineRequest| {
            let own = services.driver.own_host_key(request);
            own.unwrap_or_else(|| request.host_key.public.clone())
        };
        let pins: Vec<_> = absent.iter().map(|r| (r.id.alias(), key(r))).collect();
        failpoint::reached("known-hosts.before");
        keys::pin(&provisioner.ssh.known_hosts, &pins)?;
        failpoint::reached("known-hosts.after");
    }
    let mut origins: Vec<_> = absent
        .into_iter()
        .map(|request| (request.id.name, Origin::Create(Box::new(request))))
        .collect();
    origins.extend(existing.into_iter().filter_map(|machine| {
        let name = machine.id.name;
        let starts = plan.start.contains(&name);
        let keeps = plan.keep.contains(&name);
        let origin = if starts { Origin::Start(machine) } else { Origin::Keep(machine) };
        (starts || keeps).then_some((name, origin))
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
    all_well(services, &spec.name, Work::Make, of, causes).await?;
    Ok(nodes)
}
