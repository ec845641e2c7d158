//! The phases in which the nodes of a cluster come to another release of Kubernetes.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use crate::bootstrap::{Bootstrapper, Removal};
use crate::event::Progress;
use crate::failpoint;
use crate::kind::{self, Running, Upgrade};
use crate::model::{ClusterName, KubernetesVersion, MachineId, MachineState, Role};
use crate::provision::{Node, Provisioner};
use crate::spec::ClusterSpec;
use crate::store::{Intent, Phase as Stage, Record};

use super::contexts;
use super::error::{Error, MachineError, Work};
use super::leaders::first_that;
use super::lost::look;
use super::machines::{self, Origin, become_nodes};
use super::phase::{Phase, walk};
use super::services::{Cluster, Services};
use super::settle::{all_well, settle};

/// What an upgrade came to.
#[derive(Debug, Clone)]
pub struct Upgraded {
    /// The release of all nodes now.
    pub release: KubernetesVersion,
    /// How many nodes there are.
    pub nodes: usize,
    /// Whether anything had to be done.
    pub changes: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What is known of an upgrade.
struct Release<'a> {
    cluster: &'a Cluster<'a>,
    record: Record,
    spec: ClusterSpec,
    /// What was agreed on to be done afterwards.
    rest: &'a [Intent],
    way: Box<dyn Upgrade>,
    kind: &'a dyn Bootstrapper,
    provisioner: Provisioner,
    nodes: Vec<Node>,
    /// A control plane whose API answers, what the nodes run, and where they go; once they were asked.
    known: Option<Known>,
    changes: bool,
}

struct Known {
    leader: Node,
    running: Running,
    target: KubernetesVersion,
}

fn phases<'a>() -> Vec<Phase<Release<'a>>> {
    vec![
        Phase::<Release>::new(
            "look at the nodes",
            "Those that are off are started: kubeadm asks all of them.",
            |release| release.look_at_nodes().boxed(),
        ),
        Phase::<Release>::new(
            "refuse what kubeadm cannot do",
            "It goes forward only, and takes one minor release at a time.",
            |release| release.refuse().boxed(),
        ),
        Phase::<Release>::new(
            "note where it goes",
            "From here on it is agreed: every later `up` goes on with it.",
            |release| async { release.agree() }.boxed(),
        )
        .when(|release| release.changes),
        Phase::<Release>::new(
            "put kubeadm and the images on all nodes",
            "kubeadm tries itself with a pod that may come to any of them.",
            |release| release.prepare().boxed(),
        )
        .when(|release| release.changes),
        Phase::<Release>::new(
            "upgrade one node after the other",
            "What runs on it goes elsewhere before; the control planes go first, because no kubelet may be newer than \
             the API server.",
            |release| release.each_node().boxed(),
        )
        .when(|release| release.changes),
        Phase::<Release>::new("point kubectl at it", "The administrator has a new certificate.", |release| {
            release.write_contexts().boxed()
        })
        .when(|release| release.changes),
        Phase::<Release>::new(
            "note that it is done",
            "What is found to be different later has become so.",
            |release| async { release.note_done() }.boxed(),
        )
        .when(|release| release.changes),
    ]
}

/// Brings a recorded cluster to the release that the spec asks for, before `rest` is done.
pub(super) async fn upgrade(
    cluster: &Cluster<'_>,
    spec: ClusterSpec,
    rest: &[Intent],
) -> Result<Upgraded, Error> {
    let begin = Instant::now();
    let mut release = Release::new(cluster, spec, rest).await?;
    Box::pin(walk(phases(), &mut release, |_, _| {})).await?;
    Ok(Upgraded {
        release: release.known().target,
        nodes: members(&release.nodes).len(),
        changes: release.changes,
        elapsed: begin.elapsed(),
    })
}

impl<'a> Release<'a> {
    async fn new(
        cluster: &'a Cluster<'a>,
        spec: ClusterSpec,
        rest: &'a [Intent],
    ) -> Result<Self, Error> {
        let Cluster { services, entry, progress } = cluster;
        let record = cluster.record()?;
        contexts::check(services, &spec, &record)?;
        let install = machines::install(&spec, false)?;
        machines::admit_release(&spec, &*install, progress)?;
        machines::check_architecture(services, &*install).await?;
        let kind = kind::of(spec.orchestrator);
        let way = kind.upgrade(install).ok_or_else(|| Error::NotKubernetes {
            cluster: spec.name.clone(),
            exists: kind.noun().to_owned(),
            what: "can be upgraded",
        })?;
        // The machines as they are: nothing is installed on the way.
        let provisioner = machines::provisioner(services, entry, &record, way.as_they_are())?;
        let kind = services.bootstrappers.of(record.spec.orchestrator);
        let kind = kind.ok_or_else(|| Error::NoLeader(spec.name.clone()))?;
        Ok(Self {
            cluster,
            record,
            spec,
            rest,
            way,
            kind,
            provisioner,
            nodes: Vec::new(),
            known: None,
            changes: false,
        })
    }

    fn known(&self) -> &Known {
        self.known.as_ref().expect("the nodes were looked at")
    }

    /// The nodes on which something is left to do, in the order in which they are upgraded.
    fn left(&self) -> Vec<&Node> {
        let Known { running, target, .. } = self.known();
        members(&self.nodes).into_iter().filter(|n| !done(n, running, *target)).collect()
    }

    async fn look_at_nodes(&mut self) -> Result<(), Error> {
        let Cluster { services, progress, .. } = self.cluster;
        self.nodes = nodes(services, &self.provisioner, &self.record, progress).await?;
        Ok(())
    }

    async fn refuse(&mut self) -> Result<(), Error> {
        let name = &self.spec.name;
        let leader = first_that(self.kind, &self.nodes, |_, reachable| reachable).await?;
        let leader = leader.ok_or_else(|| Error::NoLeader(name.clone()))?;
        let running = self.way.running(&leader).await?;
        if let Some(asked) = self.spec.kubernetes.version {
            // Nobody else need be asked if this is too far already.
            refuse_leap(name, &running, asked)?;
        }
        for node in members(&self.nodes) {
            self.way.admits(node).await?;
        }
        let target = self.way.newest(&leader).await?;
        refuse_leap(name, &running, target)?;
        self.known = Some(Known { leader, running, target });
        let is_under_way = self.record.phase() == Stage::Upgrading;
        self.changes = is_under_way || !self.left().is_empty();
        Ok(())
    }

    fn agree(&mut self) -> Result<(), Error> {
        let target = self.known().target;
        self.way.settle(target);
        self.spec.kubernetes.version = Some(target);
        let intent = Intent::Upgrade { spec: self.spec.clone() };
        self.record.pending = [&[intent], self.rest].concat();
        self.record.release = None;
        self.record.spec = self.spec.clone();
        failpoint::reached("upgrade.record.before");
        self.cluster.entry.save(&self.record)?;
        failpoint::reached("upgrade.record.after");
        Ok(())
    }

    async fn prepare(&mut self) -> Result<(), Error> {
        let Cluster { services, progress, .. } = self.cluster;
        prepare(services, &self.spec.name, &self.left(), &*self.way, progress).await?;
        failpoint::reached("upgrade.install.after");
        Ok(())
    }

    async fn each_node(&mut self) -> Result<(), Error> {
        let Cluster { services, progress, .. } = self.cluster;
        let Known { leader, target, .. } = self.known();
        let first = members(&self.nodes).first().map(|node| node.machine().id.name);
        for node in self.left() {
            let step = Step {
                services,
                kind: self.kind,
                leader,
                node,
                way: &*self.way,
                target: *target,
                // With whichever is the first, the cluster as a whole is upgraded.
                first: first == Some(node.machine().id.name),
            };
            of_one(services, node, self.nodes.len(), Box::pin(step.run(progress))).await?;
        }
        Ok(())
    }

    async fn write_contexts(&mut self) -> Result<(), Error> {
        let Cluster { services, entry, .. } = self.cluster;
        let leader = &self.known().leader;
        let access = self.kind.access(leader, &self.nodes, &self.provisioner.tls).await?;
        contexts::write(services, entry, &self.record, &access, false).map(drop)
    }

    fn note_done(&mut self) -> Result<(), Error> {
        failpoint::reached("upgrade.done.before");
        self.record.pending = self.rest.to_vec();
        if self.nodes.len() != self.record.spec.machines().len() {
            // What was lost meanwhile, `up` makes anew.
            self.record.pending.insert(0, Intent::Grow { spec: self.record.spec.clone() });
        }
        self.record.release = Some(self.known().target);
        Ok(self.cluster.entry.save(&self.record)?)
    }
}

/// The machines that exist, as nodes; those that are off are started.
async fn nodes(
    services: &Services,
    provisioner: &Provisioner,
    record: &Record,
    progress: &Progress,
) -> Result<Vec<Node>, Error> {
    let name = &record.spec.name;
    let sight = look(services, record).await?;
    sight.refuse_none(services, record).await?;
    let machines = sight.found;
    let wanted = record.spec.machines();
    for lost in wanted.iter().filter(|w| machines.iter().all(|m| m.id.name != w.name)) {
        progress.machine(lost.name).warn("it is gone; `up` makes it anew");
    }
    let origins = machines.into_iter().map(|machine| {
        let origin = match machine.state {
            MachineState::Running => Origin::Keep,
            MachineState::Stopped
            | MachineState::Paused
            | MachineState::Unknown
            | MachineState::Unfinished => Origin::Start,
        };
        (machine.id.name, origin(machine))
    });
    let origins = origins.collect();
    let mut nodes =
        become_nodes(services, provisioner, name, Work::Tend, origins, progress).await?;
    nodes.sort_by_key(|node| node.machine().id.name);
    Ok(nodes)
}

/// Those that are members of the cluster, in the order in which they are upgraded.
fn members(nodes: &[Node]) -> Vec<&Node> {
    let of = |role| nodes.iter().filter(move |n| n.machine().id.name.role == role);
    of(Role::ControlPlane).chain(of(Role::Worker)).collect()
}

/// Puts kubeadm and the images of the release on all nodes, before the first of them is upgraded: kubeadm tries itself
/// with a pod that may come to any of them.
async fn prepare(
    services: &Services,
    cluster: &ClusterName,
    nodes: &[&Node],
    way: &dyn Upgrade,
    progress: &Progress,
) -> Result<(), Error> {
    if services.interrupt.raised() {
        return Err(Error::Interrupted);
    }
    let work = nodes.iter().map(|node| {
        let name = node.machine().id.name;
        let progress = progress.machine(name);
        let replaced =
            async move { way.prepare(node, &progress).await.map_err(MachineError::from) };
        (name, replaced)
    });
    let (_, causes) = settle(work).await;
    all_well(services, cluster, Work::Tend, nodes.len(), causes).await
}

/// Work on one machine of several.
async fn of_one<T>(
    services: &Services,
    node: &Node,
    of: usize,
    work: impl Future<Output = Result<T, MachineError>>,
) -> Result<T, Error> {
    match work.await {
        Ok(value) => Ok(value),
        Err(cause) => {
            let MachineId { cluster, name } = &node.machine().id;
            let causes = vec![(*name, cause)];
            Err(all_well(services, cluster, Work::Tend, of, causes)
                .await
                .expect_err("there is a cause"))
        }
    }
}

/// What is done to one node.
struct Step<'a> {
    services: &'a Services,
    kind: &'a dyn Bootstrapper,
    leader: &'a Node,
    node: &'a Node,
    way: &'a dyn Upgrade,
    target: KubernetesVersion,
    first: bool,
}

impl Step<'_> {
    async fn run(&self, progress: &Progress) -> Result<(), MachineError> {
        if self.services.interrupt.raised() {
            return Err(MachineError::Interrupted);
        }
        let &Step { leader, node, way, .. } = self;
        let name = node.machine().id.name;
        let progress = &progress.machine(name);
        if self.first {
            // A run that was cut short may have left no room for the pod that kubeadm tries itself with.
            way.give_work(leader, node).await?;
        }
        way.decide(node, self.target, self.first, progress).await?;

        failpoint::reached("upgrade.drain.before");
        progress.step("move work elsewhere", self.drain()).await?;
        failpoint::reached("upgrade.drain.after");

        failpoint::reached("upgrade.kubelet.before");
        way.replace(node, progress).await?;
        failpoint::reached("upgrade.kubelet.after");
        let restart = way.restart(leader, node, self.target);
        progress.step("start the new kubelet", restart).await?;
        failpoint::reached("upgrade.restart.after");
        way.give_work(leader, node).await?;
        failpoint::reached("upgrade.uncordon.after");
        progress.ready();
        Ok(())
    }

    async fn drain(&self) -> Result<(), MachineError> {
        let leaving = Removal { name: self.node.machine().id.name, node: Some(self.node.clone()) };
        let drain = self.kind.drain(self.leader, std::slice::from_ref(&leaving));
        let drain = self.services.interrupt.or(drain).await.ok_or(MachineError::Interrupted)?;
        drain?.pop().map_or(Ok(()), |why| Err(MachineError::NotEmpty(why)))
    }
}

/// Whether nothing is left to do on a node.
fn done(node: &Node, running: &Running, target: KubernetesVersion) -> bool {
    let name = node.machine().id.name.to_string();
    running
        .nodes
        .iter()
        .any(|n| n.name == name && n.ready && n.schedulable && n.version.parse() == Ok(target))
}

/// Refuses what kubeadm cannot do: it goes forward only, and takes one minor release at a time ("Version
/// Skew Policy", kubernetes.io).
fn refuse_leap(
    cluster: &ClusterName,
    running: &Running,
    target: KubernetesVersion,
) -> Result<(), Error> {
    let kubelets = running.nodes.iter().filter_map(|node| {
        let version = node.version.parse::<KubernetesVersion>().ok()?;
        Some((format!("node `{}`", node.name), version))
    });
    for (what, version) in kubelets.chain([("the API server".to_owned(), running.api)]) {
        let cluster = cluster.clone();
        let back = match target.patch {
            Some(_) => target < version,
            None => target.minor < version.minor,
        };
        if back {
            return Err(Error::Downgrade { cluster, what, version, target });
        }
        if target.minor > version.minor + 1 {
            return Err(Error::Leap { cluster, what, version, target });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::NodeStatus;

    fn node(name: &str, version: &str) -> NodeStatus {
        NodeStatus {
            name: name.to_owned(),
            uid: String::new(),
            ready: true,
            reason: String::new(),
            heartbeat: None,
            version: version.to_owned(),
            control_plane: false,
            schedulable: true,
            internal_ip: None,
        }
    }

    /// What is said of an upgrade of a cluster whose API server and kubelets are of these releases.
    fn judged(api: &str, kubelets: [&str; 2], target: &str) -> String {
        let [one, two] = kubelets;
        let nodes = vec![node("control-plane-1", one), node("worker-1", two)];
        let running = Running { api: api.parse().unwrap(), nodes };
        let target = target.parse().unwrap();
        match refuse_leap(&"practice".parse().unwrap(), &running, target) {
            Ok(()) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn it_goes_forward_and_by_one_minor_release_at_most() {
        let from = |target| judged("v1.32.4", ["v1.32.4", "v1.32.4"], target);
        for fine in ["1.32.4", "1.32.5", "1.32", "1.33", "1.33.0"] {
            assert_eq!(from(fine), "fine", "{fine}");
        }
        for (target, words) in [("1.34", "1.34"), ("1.34.1", "1.34.1"), ("1.40", "1.40")] {
            let said = from(target);
            assert!(said.contains("one minor release at a time") && said.contains(words), "{said}");
        }
        for target in ["1.32.3", "1.31", "1.31.9"] {
            assert!(from(target).contains("is newer"), "{target}: {}", from(target));
        }
    }

    #[test]
    fn the_oldest_and_the_newest_of_a_cluster_count() {
        // As after an upgrade that was cut short.
        assert_eq!(judged("v1.33.0", ["v1.33.0", "v1.32.4"], "1.33.0"), "fine");
        let said = judged("v1.33.0", ["v1.33.0", "v1.32.4"], "1.34.0");
        assert!(said.contains("`worker-1`"), "{said}");
        let said = judged("v1.33.0", ["v1.32.4", "v1.32.4"], "1.32.9");
        assert!(said.contains("the API server"), "{said}");
    }
}
