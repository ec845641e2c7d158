//! The phases in which machines are made, become a cluster, and leave it: those of `up`, `scale` and `start`.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use crate::bootstrap::{self, Bootstrapper};
use crate::event::Progress;
use crate::failpoint;
use crate::kind;
use crate::model::{Access, KubernetesVersion, Machine, MachineName, MachineRequest, MachineState};
use crate::pki;
use crate::plan::Plan;
use crate::provision::{Install, Node, Provisioner};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::{Entry, Intent, Record};

use super::admit::Admitted;
use super::contexts;
use super::departure::{self, Departure};
use super::error::{Error, Work};
use super::images;
use super::leaders;
use super::machines::{self, Origin, become_nodes};
use super::phase::Phase;
use super::roll::roll;
use super::services::{Cluster, Services};
use super::state;

/// How it is gone about.
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

/// What is known so far.
pub(super) struct Make<'a> {
    services: &'a Services,
    entry: &'a Entry,
    progress: &'a Progress,
    options: UpOptions,
    spec: ClusterSpec,
    /// The way from what there is to what was asked for.
    plan: Plan,
    existing: Vec<Machine>,
    install: Option<Box<dyn Install>>,
    record: Record,
    /// Whether nothing of the cluster was recorded before.
    is_new: bool,
    /// Whether it was agreed that machines go.
    shrinks: bool,
    /// What was agreed on to be done afterwards.
    rest: Vec<Intent>,
    begin: Instant,
    changes: bool,
    provisioner: Option<Provisioner>,
    departures: Vec<Departure>,
    nodes: Vec<Node>,
    leader: Option<Node>,
    written: Option<Written>,
}

/// Where the user's contexts lead by now.
struct Written {
    access: Access,
    /// Whether the cluster's is the selected one.
    selected: bool,
}

/// All that it takes to bring a cluster from what there is to what was asked for.
pub(super) fn phases<'a>() -> Vec<Phase<Make<'a>>> {
    vec![
        Phase::<Make>::new(
            "note what is to be",
            "From here on `dojo down` knows what to look for.",
            |make| async { make.note() }.boxed(),
        )
        .when(|make| make.is_new),
        Phase::<Make>::new(
            "make the cluster's keys",
            "Whoever can talk to a Docker engine is root on its machine. So each side shows a certificate, and both \
             trust only the cluster's own authority. Its key never leaves this computer.",
            |make| async { make.make_keys() }.boxed(),
        )
        .by_hand(Make::keys_by_hand),
        Phase::<Make>::new(
            "make the machines",
            "They are made and prepared all at once, each on its own.",
            |make| make.make_machines().boxed(),
        )
        .would(|make| make.plan.machines()),
        Phase::<Make>::new("load images", "What runs on the machines may need them at once.", |make| {
            make.load_images().boxed()
        }),
        Phase::<Make>::new(
            "make the machines a cluster",
            "Each is asked whether it is a member already; whoever is not joins.",
            |make| make.gather().boxed(),
        ),
        Phase::<Make>::new(
            "take machines away",
            "What they do goes elsewhere before, and they leave the cluster.",
            |make| make.dismiss().boxed(),
        )
        .when(|make| !make.departures.is_empty())
        .would(|make| make.plan.departures()),
        Phase::<Make>::new(
            "restart engines for what is new to them",
            "One after the other, so that nothing is lost by it.",
            |make| make.roll().boxed(),
        )
        .would(|make| make.plan.restarts()),
        Phase::<Make>::new(
            "point docker and kubectl at it",
            "A context holds the address and the client's certificate.",
            |make| make.write_contexts().boxed(),
        )
        .by_hand(Make::contexts_by_hand),
        Phase::<Make>::new(
            "note that it is done",
            "What is found to be different later has become so.",
            |make| async { make.note_done() }.boxed(),
        ),
    ]
}

impl<'a> Make<'a> {
    /// `shrinks` says that it was agreed that machines go, and `rest` what is to be done afterwards.
    pub(super) fn new(
        cluster: &'a Cluster<'a>,
        spec: ClusterSpec,
        options: UpOptions,
        admitted: Admitted,
        shrinks: bool,
        rest: &[Intent],
    ) -> Self {
        let Cluster { services, entry, progress } = cluster;
        let Admitted { plan, existing, install, record, is_new } = admitted;
        Self {
            services,
            entry,
            progress,
            options,
            spec,
            plan,
            existing,
            install: Some(install),
            record,
            is_new,
            shrinks,
            rest: rest.to_vec(),
            begin: Instant::now(),
            changes: false,
            provisioner: None,
            departures: Vec::new(),
            nodes: Vec::new(),
            leader: None,
            written: None,
        }
    }

    /// What it came to.
    pub(super) fn summary(self) -> Summary {
        let Record { machines, release, .. } = self.record;
        let Written { access, selected } = self.written.expect("contexts were written");
        Summary {
            context: self.spec.name.context(),
            spec: self.spec,
            release,
            machines,
            access,
            selected,
            changes: self.changes,
            elapsed: self.begin.elapsed(),
        }
    }

    fn kind(&self) -> Option<&'a dyn Bootstrapper> {
        self.services.bootstrappers.of(self.spec.orchestrator)
    }

    fn provisioner(&self) -> &Provisioner {
        self.provisioner.as_ref().expect("the keys were made")
    }

    fn leader(&self) -> &Node {
        self.leader.as_ref().expect("the machines are a cluster")
    }

    fn note(&self) -> Result<(), Error> {
        failpoint::reached("up.record.before");
        self.entry.save(&self.record)?;
        failpoint::reached("up.record.after");
        Ok(())
    }

    fn make_keys(&mut self) -> Result<(), Error> {
        let install = self.install.take().expect("keys are made once");
        let Self { services, entry, record, .. } = self;
        self.provisioner = Some(machines::provisioner(services, entry, record, install)?);
        Ok(())
    }

    async fn make_machines(&mut self) -> Result<(), Error> {
        let &mut Self { services, progress, .. } = self;
        let provisioner = self.provisioner();
        let (record, existing) = (&self.record, &self.existing);
        if self.shrinks {
            self.departures =
                departure::departures(services, provisioner, record, existing, progress).await?;
        }
        failpoint::reached("up.keys.after");
        let origins = self.origins().await?;
        // The driver has agreed, so what was asked for is now what the cluster is to be.
        self.changes = !self.record.pending.is_empty()
            || self.record.spec != self.spec
            || !self.plan.is_empty();
        if self.changes && !self.is_new {
            self.agree()?;
        }
        let (provisioner, name) = (self.provisioner(), &self.spec.name);
        self.nodes =
            become_nodes(services, provisioner, name, Work::Make, origins, progress).await?;
        if services.interrupt.raised() {
            return Err(Error::Interrupted);
        }
        // Of what a machine has, this computer may know nothing.
        self.changes |= self.nodes.iter().any(|node| node.held().any());
        Ok(())
    }

    /// Notes what the cluster is to be from now on, whatever becomes of this run.
    fn agree(&mut self) -> Result<(), Error> {
        // Engine options count only once the engines have taken them: one that they refuse must not make every
        // later `up` fail.
        let engine = self.record.spec.engine.clone();
        let spec = ClusterSpec { engine, ..self.spec.clone() };
        self.record.spec = spec.clone();
        let intent = if self.shrinks { Intent::Shrink { spec } } else { Intent::Grow { spec } };
        self.record.pending = [vec![intent], self.rest.clone()].concat();
        Ok(self.entry.save(&self.record)?)
    }

    /// Where each machine begins. What machines share is prepared, and the host keys of those that are yet
    /// to be made are pinned, so that there is never a first connection to an unknown key.
    async fn origins(&self) -> Result<Vec<(MachineName, Origin)>, Error> {
        let Self { services, spec, record, plan, progress, .. } = self;
        let ssh = &self.provisioner().ssh;
        let absent = machines::requests(spec, record, ssh, &services.home.id()?, &plan.create)?;
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
            keys::pin(&ssh.known_hosts, &pins)?;
            failpoint::reached("known-hosts.after");
        }
        let mut origins: Vec<_> = absent
            .into_iter()
            .map(|request| (request.id.name, Origin::Create(Box::new(request))))
            .collect();
        origins.extend(self.existing.iter().filter_map(|machine| {
            let name = machine.id.name;
            let (starts, keeps) = (plan.start.contains(&name), plan.keep.contains(&name));
            let machine = machine.clone();
            let origin = if starts { Origin::Start(machine) } else { Origin::Keep(machine) };
            (starts || keeps).then_some((name, origin))
        }));
        origins.sort_by_key(|(name, _)| *name);
        Ok(origins)
    }

    async fn load_images(&mut self) -> Result<(), Error> {
        let &mut Self { services, progress, .. } = self;
        let complete = images::complete(services, &mut self.record, &self.nodes, progress);
        services.interrupt.or(complete).await.ok_or(Error::Interrupted)
    }

    async fn gather(&mut self) -> Result<(), Error> {
        let &mut Self { services, entry, progress, .. } = self;
        let Some(kind) = self.kind() else {
            self.leader = Some(self.nodes[0].clone());
            return Ok(());
        };
        let members = departure::with_guides(kind, &self.nodes, &self.departures).await?;
        let stop = || services.interrupt.raised();
        let founded = match bootstrap::found(kind, &members, self.record.begun, progress).await {
            Ok(founded) => founded,
            Err(error) => return Err(state::explained(services, &self.record, error).await),
        };
        if !self.record.begun {
            self.record.begun = true;
            entry.save(&self.record)?;
        }
        let leader = bootstrap::gather(kind, founded, &members, progress, &stop).await?;
        self.leader = Some(if self.departures.is_empty() {
            leader
        } else {
            leaders::remaining_leader(kind, &self.spec.name, &self.nodes).await?
        });
        Ok(())
    }

    async fn dismiss(&mut self) -> Result<(), Error> {
        // They go first: a docker that points at a dying engine only hangs.
        contexts::forget_departed(self.services, &self.record)?;
        let departures = std::mem::take(&mut self.departures);
        let cluster = self.kind().map(|kind| (kind, self.leader()));
        departure::dismiss(self.services, self.entry, cluster, departures, self.progress).await
    }

    async fn roll(&mut self) -> Result<(), Error> {
        let &mut Self { services, progress, .. } = self;
        let (kind, mut nodes) = (self.kind(), std::mem::take(&mut self.nodes));
        let name = &self.spec.name;
        let rolled = roll(services, name, kind, self.provisioner(), &mut nodes, progress).await;
        self.nodes = nodes;
        rolled
    }

    async fn write_contexts(&mut self) -> Result<(), Error> {
        let (leader, tls) = (self.leader(), &self.provisioner().tls);
        let access = if let Some(kind) = self.kind() {
            kind.access(leader, &self.nodes, tls).await?
        } else {
            let directory = self.services.home.directory(&self.spec.name);
            kind::of(self.spec.orchestrator).access(leader.machine(), &directory)?
        };
        for node in &self.nodes {
            self.progress.machine(node.machine().id.name).ready();
        }
        let Self { services, entry, record, options, .. } = self;
        let machines: Vec<&Machine> = self.nodes.iter().map(Node::machine).collect();
        contexts::write_of_machines(services, record, &machines)?;
        let selected = contexts::write(services, entry, record, &access, options.select)?;
        self.written = Some(Written { access, selected });
        Ok(())
    }

    fn keys_by_hand(&self) -> Option<String> {
        let has_engines = kind::of(self.spec.orchestrator).has_engines();
        // Without the id, which is of no use to a person.
        let subject = format!("clusterdojo {}", self.entry.name());
        has_engines.then(|| pki::by_hand::authority_and_client(&subject))
    }

    fn contexts_by_hand(&self) -> Option<String> {
        let access = &self.written.as_ref()?.access;
        let machines: Vec<&Machine> = self.nodes.iter().map(Node::machine).collect();
        Some(contexts::by_hand(&self.spec, self.leader().machine(), &machines, access))
    }

    fn note_done(&mut self) -> Result<(), Error> {
        failpoint::reached("up.done.before");
        self.record.pending.clone_from(&self.rest);
        self.record.spec = self.spec.clone();
        self.record.release = kind::of(self.spec.orchestrator).release(self.leader());
        self.record.machines = self.nodes.iter().map(|n| n.machine().clone()).collect();
        for machine in &mut self.record.machines {
            machine.state = MachineState::Running;
        }
        self.entry.save(&self.record)?;
        failpoint::reached("up.done.after");
        Ok(())
    }
}
