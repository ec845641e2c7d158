//! `certs`: how long certificates last, and new ones in their place.

use futures_util::FutureExt as _;

use crate::bootstrap::Bootstrapper;
use crate::kind::{self, Certificate};
use crate::model::{Access, ClusterName, Machine, MachineState, Role};
use crate::pki;
use crate::provision::{Node, Provisioner};
use crate::store::{Home, Record};

use super::contexts;
use super::error::{Error, Work};
use super::leaders::first_that;
use super::lost::look;
use super::machines::{Origin, become_node, become_nodes, install, provisioner, subject};
use super::phase::{Phase, walk};
use super::roll::{Renew, gently};
use super::services::{Cluster, Services};
use super::settle::all_well;

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
    let cluster = services.lock(name, "certs-renew").await?;
    let record = cluster.record()?;
    let install = install(&record.spec, true)?;
    let provisioner = provisioner(services, &cluster.entry, &record, install)?;
    let sight = look(services, &record).await?;
    sight.refuse_any(services, &record).await?;
    let (running, off): (Vec<Machine>, Vec<Machine>) =
        sight.found.into_iter().partition(|m| m.state == MachineState::Running);
    let kind = services.bootstrappers.of(record.spec.orchestrator);
    let mut renewal =
        Renewal { cluster: &cluster, record, provisioner, kind, running, off, nodes: Vec::new() };
    Box::pin(walk(phases(), &mut renewal, |_, _| {})).await?;
    let of_role = kind::of(renewal.record.spec.orchestrator);
    let renewed = renewal.nodes.iter().filter(|n| of_role.renews(n.machine().id.name.role));
    Ok(renewed.count())
}

/// What is known of new certificates.
struct Renewal<'a> {
    cluster: &'a Cluster<'a>,
    record: Record,
    provisioner: Provisioner,
    kind: Option<&'a dyn Bootstrapper>,
    running: Vec<Machine>,
    off: Vec<Machine>,
    nodes: Vec<Node>,
}

fn phases<'a>() -> Vec<Phase<Renewal<'a>>> {
    vec![
        Phase::<Renewal>::new(
            "look at the machines",
            "All must be well before one of them is restarted.",
            |renewal| renewal.look_at_machines().boxed(),
        ),
        Phase::<Renewal>::new(
            "renew the certificates of one machine after the other",
            "An engine reads its certificate when it starts, and what it runs goes elsewhere before.",
            |renewal| renewal.each_machine().boxed(),
        ),
        Phase::<Renewal>::new(
            "leave those that are off for later",
            "What has no certificate gets one when it is started.",
            |renewal| async { renewal.forget_those_off() }.boxed(),
        )
        .when(|renewal| !renewal.off.is_empty()),
        Phase::<Renewal>::new(
            "renew the client's certificate",
            "By it this computer is let in.",
            |renewal| async { renewal.renew_client() }.boxed(),
        ),
        Phase::<Renewal>::new(
            "point docker and kubectl at it",
            "A context holds the client's certificate.",
            |renewal| renewal.write_contexts().boxed(),
        ),
    ]
}

impl Renewal<'_> {
    async fn look_at_machines(&mut self) -> Result<(), Error> {
        let Cluster { services, entry, progress } = self.cluster;
        let running = std::mem::take(&mut self.running).into_iter();
        let origins = running.map(|machine| (machine.id.name, Origin::Keep(machine))).collect();
        let (provisioner, name) = (&self.provisioner, entry.name());
        self.nodes =
            become_nodes(services, provisioner, name, Work::Tend, origins, progress).await?;
        Ok(())
    }

    async fn each_machine(&mut self) -> Result<(), Error> {
        let Cluster { services, entry, progress } = self.cluster;
        for index in 0..self.nodes.len() {
            if services.interrupt.raised() {
                return Err(Error::Interrupted);
            }
            let machine = self.nodes[index].machine().clone();
            let label = machine.id.name;
            let progress = progress.machine(label);
            entry.forget_machine(label)?;
            let origin = Origin::Restart(machine);
            let restart = Box::pin(become_node(services, &self.provisioner, origin, &progress));
            // A load balancer is no member that could come back.
            let kind = self.kind.filter(|_| label.role != Role::LoadBalancer);
            let nodes = &mut self.nodes;
            let cause = gently(kind, nodes, index, Renew::Certificates, restart, &progress).await?;
            let causes = cause.into_iter().map(|cause| (label, cause)).collect();
            all_well(services, entry.name(), Work::Tend, nodes.len(), causes).await?;
            progress.ready();
        }
        Ok(())
    }

    fn forget_those_off(&mut self) -> Result<(), Error> {
        let Cluster { entry, progress, .. } = self.cluster;
        for machine in &self.off {
            let name = machine.id.name;
            entry.forget_machine(name)?;
            progress.machine(name).warn("it is off and gets its certificate at its start");
        }
        Ok(())
    }

    fn renew_client(&mut self) -> Result<(), Error> {
        let Provisioner { pki, authority, .. } = &self.provisioner;
        let subject = subject(&self.cluster.entry, &self.record);
        Ok(pki::renew_client(&pki.join("client"), authority, &subject)?)
    }

    async fn write_contexts(&mut self) -> Result<(), Error> {
        let Cluster { services, entry, .. } = self.cluster;
        let Self { kind, record, nodes, provisioner, .. } = self;
        if let Some(access) = access(services, *kind, record, nodes, provisioner).await? {
            contexts::write(services, entry, record, &access, false)?;
            contexts::write_of_machines(
                services,
                record,
                &record.machines.iter().collect::<Vec<_>>(),
            )?;
        }
        Ok(())
    }
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
