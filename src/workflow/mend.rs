//! Contexts follow a living machine: one that leads to a manager or control plane that does not answer is led
//! to another one that does.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::model::{
    Access, ClusterName, Machine, MachineName, Orchestrator, Role, Service, TlsFiles,
};
use crate::observe::credentials;
use crate::pace::within;
use crate::remote::{ApiServer, Dialer};
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
        Some(record) if record.phase != Phase::Destroying => {
            lead_to(services, &entry, &record, machine)?;
            Ok(Some(machine.id.name))
        }
        Some(_) => Ok(None),
        None => {
            entry.remove_if_unused()?;
            Ok(None)
        }
    }
}

/// Whether a machine answers for its cluster: a manager of the swarm, an API server, a load balancer with one
/// behind it.
pub async fn answers(dialer: &dyn Dialer, directory: &Path, machine: &Machine) -> bool {
    let ask = async {
        if machine.orchestrator == Orchestrator::Kubernetes {
            let credentials = credentials(&directory.join("kubeconfig")).ok()?;
            let endpoint = machine.endpoint(Service::Api).ok()?;
            ApiServer::connect(endpoint, &credentials).ok()?.version().await.ok()?;
        } else {
            let tls = TlsFiles::in_directory(&directory.join("pki/client"));
            let engine = dialer.engine(machine, &tls, PATIENCE).await.ok()?;
            engine.health().await.ok()?.manager?;
        }
        Some(())
    };
    matches!(within(PATIENCE, ask).await, Ok(Some(())))
}

/// The machines that a context may lead to, in the order of preference.
pub(super) fn leaders(record: &Record) -> Vec<&Machine> {
    let roles: &[Role] = match record.spec.orchestrator {
        Orchestrator::Swarm => &[Role::Manager],
        Orchestrator::Kubernetes => &[Role::LoadBalancer, Role::ControlPlane],
        // There the context is of the first machine, and no other one is the same.
        Orchestrator::Engines => &[],
    };
    let of = |role: &Role| {
        let role = *role;
        record.machines.iter().filter(move |m| m.id.name.role == role)
    };
    roles.iter().flat_map(of).collect()
}

/// Where the context leads, if it is ours and there.
fn leads_to(services: &Services, record: &Record) -> Result<Option<String>, Error> {
    let context = record.spec.name.context();
    Ok(match record.spec.orchestrator {
        Orchestrator::Swarm => services.docker_contexts(Some(record)).host(&context),
        Orchestrator::Kubernetes => services.kubectl_contexts(Some(record)).server(&context)?,
        Orchestrator::Engines => None,
    })
}

/// How a context says that it leads to a machine.
fn address(machine: &Machine) -> Option<String> {
    let (service, scheme) = match machine.orchestrator {
        Orchestrator::Kubernetes => (Service::Api, "https"),
        Orchestrator::Swarm | Orchestrator::Engines => (Service::Engine, "tcp"),
    };
    Some(format!("{scheme}://{}", machine.endpoint(service).ok()?))
}

fn lead_to(
    services: &Services,
    entry: &Entry,
    record: &Record,
    machine: &Machine,
) -> Result<(), Error> {
    let access = match record.spec.orchestrator {
        Orchestrator::Kubernetes => Access::Kubernetes {
            endpoint: machine.endpoint(Service::Api)?,
            credentials: credentials(&entry.kubeconfig())?,
        },
        Orchestrator::Swarm | Orchestrator::Engines => Access::Engine {
            endpoint: machine.endpoint(Service::Engine)?,
            tls: TlsFiles::in_directory(&entry.pki()?.join("client")),
        },
    };
    contexts::write(services, entry, record, &access, false).map(drop)
}
