//! The phases of `up`, once it is certain that nothing is refused.

use std::time::Duration;

use futures_util::FutureExt as _;

use crate::bootstrap::{self, Bootstrapper};
use crate::event::Progress;
use crate::failpoint;
use crate::kind;
use crate::model::{Access, Machine, MachineName, MachineRequest, MachineState};
use crate::pki;
use crate::plan::Plan;
use crate::provision::{Install, Node, Provisioner};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::{self, Entry, Record};

use super::super::admit::Admitted;
use super::super::machines::{self, Origin, become_node};
use super::super::phase::Phase;
use super::super::roll::roll;
use super::super::scale::{self, Departure};
use super::super::settle::all_well;
use super::super::{Error, Services, Work, contexts, images, settle, state};
use super::{Summary, UpOptions};

/// What `up` knows so far.
pub(super) struct Up<'a> {
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
    changes: bool,
    provisioner: Option<Provisioner>,
    departures: Vec<Departure>,
    nodes: Vec<Node>,
    leader: Option<Node>,
    access: Option<Access>,
    selected: bool,
}

/// All that `up` does.
pub(super) fn phases<'a>() -> Vec<Phase<Up<'a>>> {
    vec![
        Phase {
            title: "note what is to be",
            why: "From here on `dojo down` knows what to look for.",
            applies: |up| up.is_new,
            run: |up| async { up.note() }.boxed(),
            by_hand: |_| None,
        },
        Phase {
            title: "make the cluster's keys",
            why: "Whoever can talk to a Docker engine is root on its machine. So each side shows a certificate, \
                  and both trust only the cluster's own authority. Its key never leaves this computer.",
            applies: |_| true,
            run: |up| async { up.make_keys() }.boxed(),
            by_hand: Up::keys_by_hand,
        },
        Phase {
            title: "make the machines",
            why: "They are made and prepared all at once, each on its own.",
            applies: |_| true,
            run: |up| up.make_machines().boxed(),
            by_hand: |_| None,
        },
        Phase {
            title: "load images",
            why: "What runs on the machines may need them at once.",
            applies: |_| true,
            run: |up| up.load_images().boxed(),
            by_hand: |_| None,
        },
        Phase {
            title: "make the machines a cluster",
            why: "Each is asked whether it is a member already; whoever is not joins.",
            applies: |_| true,
            run: |up| up.gather().boxed(),
            by_hand: |_| None,
        },
        Phase {
            title: "take machines away",
            why: "What they do goes elsewhere before, and they leave the cluster.",
            applies: |up| !up.departures.is_empty(),
            run: |up| up.dismiss().boxed(),
            by_hand: |_| None,
        },
        Phase {
            title: "restart engines for what is new to them",
            why: "One after the other, so that nothing is lost by it.",
            applies: |_| true,
            run: |up| up.roll().boxed(),
            by_hand: |_| None,
        },
        Phase {
            title: "point docker and kubectl at it",
            why: "A context holds the address and the client's certificate.",
            applies: |_| true,
            run: |up| up.write_contexts().boxed(),
            by_hand: Up::contexts_by_hand,
        },
        Phase {
            title: "note that it is done",
            why: "What is found to be different later has become so.",
            applies: |_| true,
            run: |up| async { up.note_done() }.boxed(),
            by_hand: |_| None,
        },
    ]
}

impl<'a> Up<'a> {
    pub(super) fn new(
        services: &'a Services,
        entry: &'a Entry,
        spec: ClusterSpec,
        options: UpOptions,
        progress: &'a Progress,
        admitted: Admitted,
        is_new: bool,
    ) -> Self {
        let Admitted { plan, existing, install, record } = admitted;
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
            changes: false,
            provisioner: None,
            departures: Vec::new(),
            nodes: Vec::new(),
            leader: None,
            access: None,
            selected: false,
        }
    }

    pub(super) fn summary(self, elapsed: Duration) -> Summary {
        let Record { machines, release, .. } = self.record;
        Summary {
            context: self.spec.name.context(),
            spec: self.spec,
            release,
            machines,
            access: self.access.expect("contexts were written"),
            selected: self.selected,
            changes: self.changes,
            elapsed,
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
        self.departures =
            scale::departures(services, provisioner, record, existing, progress).await?;
        failpoint::reached("up.keys.after");
        let origins = self.origins().await?;
        // The driver has agreed, so what was asked for is now what the cluster is to be.
        self.changes = self.record.phase != store::Phase::Ready
            || self.record.spec != self.spec
            || !self.plan.is_empty();
        if self.changes && !self.is_new {
            // Engine options count only once the engines have taken them: one that they refuse must not
            // make every later `up` fail.
            let engine = self.record.spec.engine.clone();
            self.record.spec = ClusterSpec { engine, ..self.spec.clone() };
            if self.record.phase != store::Phase::Scaling {
                self.record.phase = store::Phase::Creating;
            }
            self.entry.save(&self.record)?;
        }
        self.nodes = self.all_nodes(origins).await?;
        if services.interrupt.raised() {
            return Err(Error::Interrupted);
        }
        // Of what a machine has, this computer may know nothing.
        self.changes |= self.nodes.iter().any(|node| node.held().any());
        Ok(())
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

    async fn all_nodes(&self, origins: Vec<(MachineName, Origin)>) -> Result<Vec<Node>, Error> {
        let &Self { services, progress, .. } = self;
        let provisioner = self.provisioner();
        let of = origins.len();
        let work = origins.into_iter().map(|(name, origin)| {
            let progress = progress.machine(name);
            (name, async move { become_node(services, provisioner, origin, &progress).await })
        });
        let (nodes, causes) = settle(work).await;
        all_well(services, &self.spec.name, Work::Make, of, causes).await?;
        Ok(nodes)
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
        let members = scale::with_guides(kind, &self.nodes, &self.departures).await?;
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
            scale::remaining_leader(kind, &self.spec.name, &self.nodes).await?
        });
        Ok(())
    }

    async fn dismiss(&mut self) -> Result<(), Error> {
        let departures = std::mem::take(&mut self.departures);
        let cluster = self.kind().map(|kind| (kind, self.leader()));
        scale::dismiss(self.services, self.entry, cluster, departures, self.progress).await
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
        self.selected = contexts::write(services, entry, record, &access, options.select)?;
        self.access = Some(access);
        Ok(())
    }

    fn keys_by_hand(&self) -> Option<String> {
        let has_engines = kind::of(self.spec.orchestrator).has_engines();
        // Without the id, which is of no use to a person.
        let subject = format!("clusterdojo {}", self.entry.name());
        has_engines.then(|| pki::by_hand::authority_and_client(&subject))
    }

    fn contexts_by_hand(&self) -> Option<String> {
        Some(contexts::by_hand(&self.spec, self.leader().machine(), self.access.as_ref()?))
    }

    fn note_done(&mut self) -> Result<(), Error> {
        failpoint::reached("up.done.before");
        self.record.phase = store::Phase::Ready;
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
