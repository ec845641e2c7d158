//! What is done on nodes, whether by this program or by hand.

use super::config::{self, Cluster, Discovery, Facts, Member};
use super::failure::failed;
use super::front;
use crate::bootstrap::{Error, JoinToken};
use crate::kind::kubernetes::on;
use crate::model::{Machine, PodNetwork, Role};
use crate::provision::Node;
use crate::remote::Script;

/// The title of the script that tells what kubelet has to know of a machine, a word a line; who runs no script says it of
/// himself.
pub const LOOK: &str = "look at the machine";

pub(super) fn is_control_plane(machine: &Machine) -> bool {
    machine.id.name.role == Role::ControlPlane
}

pub(super) async fn facts(node: &Node) -> Result<Facts, Error> {
    let script = Script::new(
        LOOK,
        "What kubelet is told depends on the machine.",
        include_str!("../../../../templates/kubernetes/facts.sh"),
    )
    .needless_when_new("");
    let output = node.remote().run(&script).await.map_err(failed(node, "look at the machine"))?;
    Ok(Facts::parse(&output))
}

pub(super) fn member<'a>(node: &Node, facts: &'a Facts) -> Result<Member<'a>, Error> {
    Ok(Member {
        name: node.machine().id.name.to_string(),
        address: node.machine().private_ip,
        version: on(node)?.version,
        facts,
        flags: Vec::new(),
    })
}

/// What the cluster is to be that begins on a node; `nodes` are all that there will be.
pub(super) fn cluster<'a>(node: &'a Node, nodes: &[Node]) -> Result<Cluster<'a>, Error> {
    let options = &on(node)?.options;
    Ok(Cluster {
        name: node.machine().id.cluster.to_string(),
        endpoint: front::of(nodes, node).machine().private_ip,
        names: front::names(nodes.iter().map(Node::machine)),
        shared: nodes.iter().filter(|n| is_control_plane(n.machine())).count() > 1,
        options,
        own_pods: options.cni == PodNetwork::Bridge,
    })
}

/// `kubeadm init`; its configuration is still to be added.
pub(super) fn init() -> Script {
    Script::new(
        "begin the cluster",
        "kubeadm makes the certificates, has kubelet start etcd, the API server, the scheduler and the \
         controllers as static pods, and stores what others need to join.",
        include_str!("../../../../templates/kubernetes/kubeadm.sh"),
    )
    .with("VERB", "init")
}

/// `kubeadm join` of a member by what it takes to join.
pub(super) fn join(member: &Member<'_>, join_token: &JoinToken) -> Script {
    let discovery = Discovery {
        endpoint: &join_token.remote,
        token: &join_token.token,
        ca_pin: join_token.pin.as_deref().unwrap_or_default(),
    };
    Script::new(
        "join the cluster",
        "The token lets the node in, and the hash of the cluster's authority proves that it is the right \
         cluster. kubelet gets a certificate of its own and forgets the token.",
        include_str!("../../../../templates/kubernetes/kubeadm.sh"),
    )
    .with("VERB", "join")
    .with_secret("CONFIG", &config::join(member, &discovery, join_token.key.as_ref()))
}

/// Begins the cluster's DNS, unless there is one.
pub(super) fn dns() -> Script {
    Script::new(
        "begin the cluster's DNS",
        "Pods find services by their names, and CoreDNS knows them from the API.",
        include_str!("../../../../templates/kubernetes/dns.sh"),
    )
}

/// Stores the cluster's own keys in it; kubeadm's configuration is still to be added.
pub(super) fn upload() -> Script {
    Script::new(
        "hand over the cluster's keys",
        "All control planes have the keys of the same authorities. They are stored in the cluster, \
         encrypted, and can be read with a key that only the joining machine is told.",
        include_str!("../../../../templates/kubernetes/upload-certs.sh"),
    )
}

/// What makes volumes of claims.
pub(super) fn storage(leader: &Node) -> Result<String, Error> {
    let manifest = include_str!("../../../../templates/kubernetes/storage.yaml");
    Ok(manifest.replace("IMAGE", &on(leader)?.provisioner))
}
