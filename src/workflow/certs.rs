//! `certs`: how long certificates last, and new ones in their place.

use crate::bootstrap::Bootstrapper;
use crate::event::Progress;
use crate::kind::{self, Certificate};
use crate::model::{Access, ClusterName, Machine, MachineState, Role};
use crate::pki;
use crate::provision::{Node, Provisioner};
use crate::store::{Entry, Home, Record};

use super::lost::look;
use super::machines::{Origin, become_node, install, provisioner, subject};
use super::roll::{Renew, gently};
use super::scale::first_that;
use super::settle::all_well;
use super::{Error, Services, Work, contexts, settle};

/// The certificates of a cluster that are on this computer. No machine is asked, so that it can be told
/// also when nothing runs.
pub fn certificates(home: &Home, name: &ClusterName) -> Result<Vec<Certificate>, Error> {
    let record = home.record(name)?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let machines: Vec<_> = record.spec.machines().into_iter().map(|m| m.name).collect();
    Ok(kind::of(record.spec.orchestrator).certificates(&home.directory(name), &machines))
}

/// Gives the client and every machine a new certificate, whatever time is left. Engines are restarted
/// one after the other, each once the one before is back in the cluster. Machines that are off get
/// theirs when they are started. Returns how many machines have a new one.
pub async fn renew_certificates(services: &Services, name: &ClusterName) -> Result<usize, Error> {
    let (entry, progress) = services.lock(name, "certs-renew").await?;
    let result = renew(services, &entry, &progress).await;
    if let Err(Error::UnknownCluster(_)) = result {
        // Taking the lock has made a directory.
        entry.remove_if_unused()?;
    }
    progress.ready();
    result
}

async fn renew(services: &Services, entry: &Entry, progress: &Progress) -> Result<usize, Error> {
    let name = entry.name();
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let provisioner = provisioner(services, entry, &record, install(&record.spec, true)?)?;
    let sight = look(services, &record).await?;
    sight.refuse_any(services, &record).await?;
    let machines = sight.found;
    let (running, off): (Vec<Machine>, Vec<Machine>) =
        machines.into_iter().partition(|m| m.state == MachineState::Running);
    // All must be well before one of them is restarted.
    let mut nodes = all(services, &provisioner, name, running, progress).await?;
    let kind = services.bootstrappers.of(record.spec.orchestrator);
    for index in 0..nodes.len() {
        if services.interrupt.raised() {
            return Err(Error::Interrupted);
        }
        let machine = nodes[index].machine().clone();
        let label = machine.id.name;
        let progress = progress.machine(label);
        entry.forget_machine(label)?;
        let restart =
            Box::pin(become_node(services, &provisioner, Origin::Restart(machine), &progress));
        // A load balancer is no member that could come back.
        let kind = kind.filter(|_| label.role != Role::LoadBalancer);
        let cause =
            gently(kind, &mut nodes, index, Renew::Certificates, restart, &progress).await?;
        let causes = cause.into_iter().map(|cause| (label, cause)).collect();
        all_well(services, name, Work::Tend, nodes.len(), causes).await?;
        progress.ready();
    }
    for machine in &off {
        entry.forget_machine(machine.id.name)?;
        progress.machine(machine.id.name).warn("it is off and gets its certificate at its start");
    }
    let subject = subject(entry, &record);
    pki::renew_client(&provisioner.pki.join("client"), &provisioner.authority, &subject)?;
    if let Some(access) = access(services, kind, &record, &nodes, &provisioner).await? {
        contexts::write(services, entry, &record, &access, false)?;
    }
    let of_role = kind::of(record.spec.orchestrator);
    let renewed = nodes.iter().filter(|node| of_role.renews(node.machine().id.name.role));
    Ok(renewed.count())
}

async fn all(
    services: &Services,
    provisioner: &Provisioner,
    cluster: &ClusterName,
    machines: Vec<Machine>,
    progress: &Progress,
) -> Result<Vec<Node>, Error> {
    let of = machines.len();
    let work = machines.into_iter().map(|machine| {
        let name = machine.id.name;
        let progress = progress.machine(name);
        let origin = Origin::Keep(machine);
        (name, async move { become_node(services, provisioner, origin, &progress).await })
    });
    let (nodes, causes) = settle(work).await;
    all_well(services, cluster, Work::Tend, of, causes).await?;
    Ok(nodes)
}

/// How the cluster is reached; `None` if nothing runs that could be.
async fn access(
    services: &Services,
    kind: Option<&dyn Bootstrapper>,
    record: &Record,
    nodes: &[Node],
    provisioner: &Provisioner,
) -> Result<Option<Access>, Error> {
    let Some(kind) = kind else {
        // Plain hosts are not the same, so the context stays with the first one, also while that is off.
        let first = record.machines.iter().min_by_key(|machine| machine.id.name);
        let Some(first) = first else { return Ok(None) };
        let directory = services.home.directory(&record.spec.name);
        return Ok(Some(kind::of(record.spec.orchestrator).access(first, &directory)?));
    };
    match first_that(kind, nodes, |_, reachable| reachable).await? {
        Some(leader) => Ok(Some(kind.access(&leader, nodes, &provisioner.tls).await?)),
        None => Ok(None),
    }
}
