//! `upgrade`: another release of Kubernetes, one node after the other. The intent is saved first, and what
//! is done already is asked of the cluster: a node's kubelet is the last of it to be replaced. So an
//! upgrade that was cut short is completed by the same command, or by any later `up`.

use std::time::{Duration, Instant};

use crate::bootstrap::{Bootstrapper, Removal};
use crate::bundle::Bundle;
use crate::event::Progress;
use crate::failpoint;
use crate::kind::{self, Running, Upgrade};
use crate::model::{ClusterName, KubernetesVersion, MachineId, MachineState, Role};
use crate::pace::stretch;
use crate::provision::{Node, Provisioner};
use crate::spec::ClusterSpec;
use crate::store::{Entry, Phase, Record};

use super::lost::look;
use super::machines::{self, Origin, become_node};
use super::scale::first_that;
use super::settle::all_well;
use super::state::{Look, refuse_lost};
use super::status::{ClusterStatus, status};
use super::{Error, MachineError, Services, Work, contexts, settle};

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

/// Brings a cluster to the release that the spec asks for; all else of the spec is as it is recorded. What
/// cannot come to a good end is refused before anything is done.
pub async fn upgrade(services: &Services, spec: ClusterSpec) -> Result<Upgraded, Error> {
    let (entry, progress) = services.lock(&spec.name, "upgrade").await?;
    let result = to_release(services, &entry, spec, &progress).await;
    if let Err(Error::UnknownCluster(_)) = result {
        // Taking the lock has made a directory.
        entry.remove_if_unused()?;
    }
    progress.ready();
    result
}

async fn to_release(
    services: &Services,
    entry: &Entry,
    spec: ClusterSpec,
    progress: &Progress,
) -> Result<Upgraded, Error> {
    let name = entry.name();
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let kind = kind::of(record.spec.orchestrator);
    if !kind.upgrades() {
        let exists = kind.noun().to_owned();
        return Err(Error::NotKubernetes {
            cluster: name.clone(),
            exists,
            what: "can be upgraded",
        });
    }
    match record.phase {
        Phase::Destroying => return Err(Error::HalfRemoved(name.clone())),
        Phase::Upgrading => refuse_another(&record, &spec)?,
        _ => refuse_unhealthy(&status(services, name, unhurried()).await?)?,
    }
    finish(services, entry, record, spec, progress).await
}

/// A moment that is late enough for everybody who answers at all.
fn unhurried() -> tokio::time::Instant {
    tokio::time::Instant::now() + stretch(super::LOCK_WAIT)
}

/// Completes an upgrade that was cut short, if there is one.
pub(super) async fn complete(
    services: &Services,
    entry: &Entry,
    progress: &Progress,
) -> Result<(), Error> {
    let Some(record) = entry.record()?.filter(|r| r.phase == Phase::Upgrading) else {
        return Ok(());
    };
    let existing = look(services, &record).await?.found;
    refuse_lost(services, &record, &existing, Look::Quick).await?;
    progress.warn("finishing an interrupted `upgrade` first");
    let spec = record.spec.clone();
    Box::pin(finish(services, entry, record, spec, progress)).await.map(drop)
}

async fn finish(
    services: &Services,
    entry: &Entry,
    mut record: Record,
    mut spec: ClusterSpec,
    progress: &Progress,
) -> Result<Upgraded, Error> {
    let begin = Instant::now();
    let name = spec.name.clone();
    contexts::check(services, &spec, &record)?;
    let install = machines::install(&spec, false)?;
    machines::admit_release(&spec, &*install, progress)?;
    machines::check_architecture(services, &*install).await?;
    let kind = kind::of(spec.orchestrator);
    let Some(mut way) = kind.upgrade(install) else {
        let exists = kind.noun().to_owned();
        return Err(Error::NotKubernetes { cluster: name, exists, what: "can be upgraded" });
    };
    // The machines as they are: nothing is installed on the way.
    let provisioner = machines::provisioner(services, entry, &record, way.as_they_are())?;
    let all = nodes(services, &provisioner, &record, progress).await?;
    let members = members(&all);
    let kind = services.bootstrappers.of(record.spec.orchestrator);
    let kind = kind.ok_or_else(|| Error::NoLeader(name.clone()))?;
    let leader = first_that(kind, &all, |_, reachable| reachable).await?;
    let leader = leader.ok_or_else(|| Error::NoLeader(name.clone()))?;
    let running = way.running(&leader).await?;
    if let Some(asked) = spec.kubernetes.version {
        // Nobody else need be asked if this is too far already.
        refuse_leap(&name, &running, asked)?;
    }
    for node in &members {
        way.admits(node).await?;
    }
    let target = way.newest(&leader).await?;
    refuse_leap(&name, &running, target)?;
    let left: Vec<&Node> = members.iter().copied().filter(|n| !done(n, &running, target)).collect();
    let nodes = members.len();
    if left.is_empty() && record.phase != Phase::Upgrading {
        let elapsed = begin.elapsed();
        return Ok(Upgraded { release: target, nodes, changes: false, elapsed });
    }

    // From here on it is agreed: every later `up` goes on with it.
    way.settle(target);
    spec.kubernetes.version = Some(target);
    record.phase = Phase::Upgrading;
    record.release = None;
    record.spec = spec;
    failpoint::reached("upgrade.record.before");
    entry.save(&record)?;
    failpoint::reached("upgrade.record.after");
    prepare(services, &name, &left, &*way, progress).await?;
    failpoint::reached("upgrade.install.after");
    for node in &left {
        // With whichever is the first, the cluster as a whole is upgraded.
        let first = members.first().is_some_and(|first| first.machine().id == node.machine().id);
        let step = Step { services, kind, leader: &leader, node, way: &*way, target, first };
        of_one(services, node, all.len(), Box::pin(step.run(progress))).await?;
    }
    // The administrator has a new certificate.
    let access = kind.access(&leader, &all, &provisioner.tls).await?;
    contexts::write(services, entry, &record, &access, false)?;

    failpoint::reached("upgrade.done.before");
    let whole = all.len() == record.spec.machines().len();
    // What was lost meanwhile, `up` makes anew.
    record.phase = if whole { Phase::Ready } else { Phase::Creating };
    record.release = Some(target);
    entry.save(&record)?;
    Ok(Upgraded { release: target, nodes, changes: true, elapsed: begin.elapsed() })
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
    let of = machines.len();
    let work = machines.into_iter().map(|machine| {
        let label = machine.id.name;
        let progress = progress.machine(label);
        let origin = match machine.state {
            MachineState::Running => Origin::Keep(machine),
            MachineState::Stopped
            | MachineState::Paused
            | MachineState::Unknown
            | MachineState::Unfinished => Origin::Start(machine),
        };
        (label, async move { become_node(services, provisioner, origin, &progress).await })
    });
    let (mut nodes, causes) = settle(work).await;
    all_well(services, name, Work::Tend, of, causes).await?;
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

/// Refuses another release than the one that is under way.
fn refuse_another(record: &Record, spec: &ClusterSpec) -> Result<(), Error> {
    let under_way = record.spec.kubernetes.version;
    let wanted = match &spec.kubernetes.bundle {
        Some(path) => Some(Bundle::open(path)?.version()),
        None => spec.kubernetes.version,
    };
    match (under_way, wanted) {
        (Some(under_way), Some(wanted)) if !wanted.admits(under_way) => {
            Err(Error::UnderWay { cluster: spec.name.clone(), under_way, wanted })
        }
        _ => Ok(()),
    }
}

/// Refuses a cluster of which not everything is well: what ails it would only get worse.
fn refuse_unhealthy(status: &ClusterStatus) -> Result<(), Error> {
    if status.healthy() {
        return Ok(());
    }
    let kind = status.record.spec.orchestrator;
    let ill = status.machines.iter().filter(|m| !m.healthy(kind)).map(|m| {
        let says = match &m.health {
            Ok(health) => health.member.clone().unwrap_or_default(),
            Err(why) => why.clone(),
        };
        format!("{} ({says})", m.machine.id.name)
    });
    let mut ill: Vec<String> = ill.collect();
    if ill.is_empty() {
        ill.push("what was begun on it has not come to its end".to_owned());
    }
    Err(Error::Unhealthy { cluster: status.record.spec.name.clone(), ill: ill.join(", ") })
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
