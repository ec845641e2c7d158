//! From nodes to a cluster.
//!
//! The order is the same for every kind of cluster and stands in [`found`] and [`gather`]. It begins with one
//! question to each node, "are you a member already?", and that makes creating, resuming, repairing
//! and growing a cluster one path.

pub mod kubeadm;
pub mod swarm;

use async_trait::async_trait;
use futures_util::future::{join, join_all};
use std::borrow::Cow;

use crate::event::Progress;
use crate::model::{
    Access, ClusterName, MachineId, MachineName, NoService, Role, Secret, TlsFiles,
};
use crate::provision::Node;

/// Why the nodes did not become a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A node's engine did not do what it was asked.
    #[error("cannot {operation} on node `{machine}`")]
    Node {
        /// Which node.
        machine: MachineId,
        /// What was being done.
        operation: Cow<'static, str>,
        /// What its engine said.
        #[source]
        source: crate::driver::Source,
    },
    /// A node does not have what was to be reached on it.
    #[error(transparent)]
    NoService(#[from] NoService),
    /// The managers or control planes that remain are no majority, so they can decide nothing.
    #[error(
        "the {noun} has no leader: {reachable} of its {leaders} {}s answer, and a majority is needed",
        .role.as_str().replace('-', " ")
    )]
    NoQuorum {
        /// Its name.
        cluster: ClusterName,
        /// What it is: "swarm", "cluster".
        noun: &'static str,
        /// What those are called that decide: "manager", "control-plane".
        role: Role,
        /// How many of them answer.
        reachable: usize,
        /// How many there are.
        leaders: usize,
    },
    /// There was a cluster, and none of those that kept what it knew is in one.
    #[error("none of the {}s is in the {noun} any more", .role.as_str().replace('-', " "))]
    NoMember {
        /// What it is: "swarm", "cluster".
        noun: &'static str,
        /// What those are called that decide: "manager", "control-plane".
        role: Role,
    },
    /// Without a leader that is to leave, those that answer would be no majority.
    #[error(
        "`{machine}` cannot leave: of the {voters} that vote without it only {reachable} answer, and a \
         majority is needed"
    )]
    Majority {
        /// Which one.
        machine: MachineName,
        /// How many of the others answer.
        reachable: usize,
        /// How many others there are.
        voters: usize,
    },
    /// A node did not become a ready member in time.
    #[error("nodes did not become ready within {seconds} s: {nodes}")]
    NotReady {
        /// Which nodes, with the state they were in.
        nodes: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The user wanted to stop before all nodes had joined.
    #[error("interrupted")]
    Interrupted,
    /// Several nodes failed; each is told by its own events as well.
    #[error("{}", list(.0))]
    Several(Vec<Error>),
}

fn list(errors: &[Error]) -> String {
    errors.iter().map(|e| crate::event::chain(e)).collect::<Vec<_>>().join("; ")
}

/// What a node says of its membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// It belongs to no cluster.
    None,
    /// It belongs to one.
    Member {
        /// Its id there.
        node_id: String,
        /// Whether it is a leader that can decide right now: a manager in a majority, a control plane whose API answers.
        reachable: bool,
        /// Whether it votes in the cluster's decisions.
        votes: bool,
    },
}

/// What a node needs to join. Made anew each time and kept in memory only.
#[derive(Debug, Clone)]
pub struct JoinToken {
    /// Where to join, `ADDRESS:PORT`.
    pub remote: String,
    /// The secret that lets it in.
    pub token: Secret,
    /// What the cluster proves itself by, where the token does not say: `sha256:…` of the public key of
    /// its authority.
    pub pin: Option<String>,
    /// What opens the cluster's own keys, where those have to be handed to a machine that is to lead.
    pub key: Option<Secret>,
}

/// A machine that is to leave its cluster for good.
#[derive(Debug, Clone)]
pub struct Removal {
    /// Its name.
    pub name: MachineName,
    /// The node, if it answers. One that is off, hangs or is gone is struck off without being asked.
    pub node: Option<Node>,
}

/// A kind of cluster.
#[async_trait]
pub trait Bootstrapper: Send + Sync {
    /// What it is called in a sentence: "swarm", "cluster".
    fn noun(&self) -> &'static str;
    /// Tells the nodes of each other, where they have to know before they are members, and the load
    /// balancer before them of those that lead.
    async fn connect(&self, _nodes: &[Node]) -> Result<(), Error> {
        Ok(())
    }
    /// What the node says of its membership.
    async fn member(&self, node: &Node) -> Result<Membership, Error>;
    /// Begins a cluster on the node; `nodes` are all that there will be.
    async fn init(&self, node: &Node, nodes: &[Node]) -> Result<(), Error>;
    /// Whether the cluster that `leader` belongs to knows a member of this id.
    async fn knows(&self, leader: &Node, node_id: &str) -> Result<bool, Error>;
    /// What it takes to join with a role, asked of a reachable leader.
    async fn join_token(
        &self,
        leader: &Node,
        role: Role,
        nodes: &[Node],
    ) -> Result<JoinToken, Error>;
    /// Makes the node a member. Leaves a former cluster first.
    async fn join(&self, leader: &Node, node: &Node, join_token: &JoinToken) -> Result<(), Error>;
    /// Gives the cluster what it needs beside its members, while these are still joining. Nothing is done twice.
    async fn equip(&self, _leader: &Node) -> Result<(), Error> {
        Ok(())
    }
    /// Waits until every node is a ready member, gives work again to those that were
    /// [set aside](Self::set_aside), and strikes out members of the same name that are gone for good.
    async fn ready(&self, leader: &Node, nodes: &[Node]) -> Result<(), Error>;
    /// How the cluster is reached from this computer; `tls` is the client's side where that is an
    /// engine.
    async fn access(&self, leader: &Node, nodes: &[Node], tls: &TlsFiles) -> Result<Access, Error>;
    /// Renews the certificates that the cluster itself keeps on a node and does not renew by itself. One
    /// node at a time is asked, so it may be out of service in between.
    async fn renew(&self, _node: &Node) -> Result<(), Error> {
        Ok(())
    }
    /// Gives these machines no new work and waits until what they do has gone elsewhere. Returns what
    /// did not go in time, a few words each; that hinders nothing.
    async fn drain(&self, leader: &Node, leaving: &[Removal]) -> Result<Vec<String>, Error>;
    /// Gives a node no new work until it is [ready](Self::ready) next, and waits until what it does has gone
    /// elsewhere. Returns what did not go in time; that hinders nothing. A node that took no work before stays
    /// so, and one that nobody could stand in for goes on.
    async fn set_aside(&self, _leader: &Node, _node: &Node) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
    /// Takes a machine out of the cluster that `leader` belongs to: it gives up its vote, leaves if it
    /// answers, and is struck off the list. Fine if it is out already. Never called for `leader`
    /// itself, and never for two leaders at once.
    ///
    /// # Errors
    /// [`Error::Majority`], with nothing changed, if those that stay would be no majority.
    async fn leave(&self, leader: &Node, leaving: &Removal) -> Result<(), Error>;
}

/// The members of a cluster that there is, or that was begun just now.
#[derive(Debug)]
pub struct Founded {
    /// Speaks for the cluster.
    leader: Node,
    /// All that are to be members, each with what it said of its membership.
    members: Vec<(Node, Membership)>,
}

/// Finds the cluster that the nodes are in, or begins it on the first of them that can lead. `begun` says
/// that there was one already; then there is none to begin.
///
/// # Errors
/// [`Error::NoQuorum`] if those that are left cannot decide, and [`Error::NoMember`] if nobody is left of a
/// cluster that was begun.
pub async fn found(
    kind: &dyn Bootstrapper,
    nodes: &[Node],
    begun: bool,
    progress: &Progress,
) -> Result<Founded, Error> {
    kind.connect(nodes).await?;
    // What stands before a cluster is no member of it.
    let balances = |n: &&Node| n.machine().id.name.role == Role::LoadBalancer;
    let members: Vec<Node> = nodes.iter().filter(|n| !balances(n)).cloned().collect();
    // Minutes, where leaders wait for each other to become a majority.
    let asked = settle(members.iter().map(|node| kind.member(node)));
    let memberships = progress.step(format!("ask who is in the {}", kind.noun()), asked).await?;
    let leader = members.iter().zip(&memberships).find_map(|(node, membership)| match membership {
        Membership::Member { reachable: true, .. } => Some(node),
        _ => None,
    });
    let voters = |m: &&Membership| matches!(m, Membership::Member { votes: true, .. });
    let leader = match leader {
        Some(node) => node,
        None if memberships.iter().any(|m| voters(&m)) => {
            let leaders = members.iter().filter(|n| leads(n)).count();
            let reachable = memberships.iter().filter(voters).count();
            let MachineId { cluster, name } = members[0].machine().id.clone();
            let (noun, role) = (kind.noun(), name.role);
            return Err(Error::NoQuorum { cluster, noun, role, reachable, leaders });
        }
        None => {
            let first = members.iter().find(|n| leads(n)).expect("a spec has at least one manager");
            if begun {
                let role = first.machine().id.name.role;
                return Err(Error::NoMember { noun: kind.noun(), role });
            }
            let progress = progress.machine(first.machine().id.name);
            progress.step(&format!("begin the {}", kind.noun()), kind.init(first, nodes)).await?;
            first
        }
    };
    let leader = leader.clone();
    Ok(Founded { leader, members: members.into_iter().zip(memberships).collect() })
}

/// Makes all nodes members of the cluster that was found; `nodes` are all that there are. Returns a
/// reachable leader of it. Before each node it is asked whether the user wants to stop.
pub async fn gather(
    kind: &dyn Bootstrapper,
    founded: Founded,
    nodes: &[Node],
    progress: &Progress,
    stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Node, Error> {
    let Founded { leader, members } = founded;
    let leader = &leader;
    let mut joining = Vec::new();
    let others = members.iter().filter(|(n, _)| n.machine().id != leader.machine().id);
    for (node, membership) in others {
        let known = match membership {
            Membership::Member { node_id, .. } => kind.knows(leader, node_id).await?,
            Membership::None => false,
        };
        if !known {
            joining.push(node);
        }
    }
    let admit = async |node: &Node, join_token: &JoinToken| {
        if stop() {
            return Err(Error::Interrupted);
        }
        let progress = progress.machine(node.machine().id.name);
        progress
            .step(&format!("join the {}", kind.noun()), kind.join(leader, node, join_token))
            .await
    };
    let (leaders, workers): (Vec<&Node>, Vec<&Node>) = joining.iter().partition(|n| leads(n));
    let joined = async {
        // One at a time: each one that joins changes who makes a majority.
        if let Some(first) = leaders.first() {
            let join_token = kind.join_token(leader, first.machine().id.name.role, nodes).await?;
            for node in leaders {
                admit(node, &join_token).await?;
            }
        }
        if !workers.is_empty() {
            let join_token = kind.join_token(leader, Role::Worker, nodes).await?;
            settle(workers.into_iter().map(|node| admit(node, &join_token))).await?;
        }
        Ok(())
    };
    let (joined, equipped) = join(joined, kind.equip(leader)).await;
    joined.and(equipped)?;
    let members: Vec<Node> = members.into_iter().map(|(node, _)| node).collect();
    progress.step("wait until all nodes are ready", kind.ready(leader, &members)).await?;
    Ok(leader.clone())
}

fn leads(node: &Node) -> bool {
    matches!(node.machine().id.name.role, Role::Manager | Role::ControlPlane)
}

/// Awaits every future, also when some fail, and collects all errors.
async fn settle<T>(
    work: impl IntoIterator<Item = impl Future<Output = Result<T, Error>>>,
) -> Result<Vec<T>, Error> {
    let mut done = Vec::new();
    let mut errors = Vec::new();
    for result in join_all(work).await {
        match result {
            Ok(value) => done.push(value),
            Err(error) => errors.push(error),
        }
    }
    match errors.len() {
        0 => Ok(done),
        1 => Err(errors.remove(0)),
        _ => Err(Error::Several(errors)),
    }
}
