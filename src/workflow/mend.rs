//! Contexts follow a living machine: one that leads to a manager or control plane that does not answer is led
//! to another one that does.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::kind;
use crate::model::{ClusterName, Machine, MachineName, Role, Tool};
use crate::pace::within;
use crate::remote::Dialer;
use crate::store::{self, Entry, Phase, Record};

use super::{Error, Services, contexts};

/// How long a machine may take to answer before its context is led elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has the context of a cluster lead to a machine that `lives`, if the one that it leads to does not; returns
/// that machine if the context had to be changed. A cluster on which another command works is left alone, since
/// that one writes the context itself.
pub async fn mend_context(
    services: &Services,
    name: &ClusterName,
    lives: impl AsyncFn(&Machine) -> bool,
) -> Result<Option<MachineName>, Error> {
    let Some(record) = services.home.record(name)? else { return Ok(None) };
    let Some(leads_to) = leads_to(services, &record)? else { return Ok(None) };
    let (target, others): (Vec<&Machine>, Vec<&Machine>) =
        leaders(&record).into_iter().partition(|m| address(m).is_some_and(|a| a == leads_to));
    if let Some(target) = target.first()
        && lives(target).await
    {
        return Ok(None);
    }
    let alive = join_all(others.into_iter().map(async |m| lives(m).await.then_some(m))).await;
    let Some(machine) = alive.into_iter().flatten().next() else { return Ok(None) };
    let entry = match services.home.lock(name, "use", Duration::ZERO, |_| {}).await {
        Ok(entry) => entry,
        Err(store::Error::Locked { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // It may have been removed, or be on its way out, since it was looked at.
    match entry.record()? {
        Some(record) if record.phase() != Phase::Destroying => {
            lead_to(services, &entry, &record, machine)?;
            Ok(Some(machine.id.name))
        }
        _ => Ok(None),
    }
}

/// Whether a machine answers for its cluster: a manager of the swarm, an API server, a load balancer with one
/// behind it.
pub async fn answers(dialer: &dyn Dialer, directory: &Path, machine: &Machine) -> bool {
    let ask = kind::of(machine.orchestrator).answers(dialer, directory, machine, PATIENCE);
    within(PATIENCE, ask).await.unwrap_or(false)
}

/// The machines that a context may lead to, in the order of preference.
pub(super) fn leaders(record: &Record) -> Vec<&Machine> {
    let roles = kind::of(record.spec.orchestrator).context_roles();
    let of = |role: &Role| {
        let role = *role;
        record.machines.iter().filter(move |m| m.id.name.role == role)
    };
    roles.iter().flat_map(of).collect()
}

/// Where the context leads, if it is ours and there, and may lead elsewhere.
pub(super) fn leads_to(services: &Services, record: &Record) -> Result<Option<String>, Error> {
    let kind = kind::of(record.spec.orchestrator);
    if kind.context_roles().is_empty() {
        return Ok(None);
    }
    let context = record.spec.name.context();
    Ok(match kind.tool() {
        Tool::Docker => services.docker_contexts(Some(record)).host(&context),
        Tool::Kubectl => services.kubectl_contexts(Some(record)).server(&context)?,
    })
}

/// How a context says that it leads to a machine.
pub(super) fn address(machine: &Machine) -> Option<String> {
    let kind = kind::of(machine.orchestrator);
    let scheme = match kind.tool() {
        Tool::Docker => "tcp",
        Tool::Kubectl => "https",
    };
    Some(format!("{scheme}://{}", machine.endpoint(kind.service()).ok()?))
}

fn lead_to(
    services: &Services,
    entry: &Entry,
    record: &Record,
    machine: &Machine,
) -> Result<(), Error> {
    let directory = services.home.directory(&record.spec.name);
    let access = kind::of(record.spec.orchestrator).access(machine, &directory)?;
    contexts::write(services, entry, record, &access, false).map(drop)
}
