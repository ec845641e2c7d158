//! A cluster that this program makes by kubeadm.

use std::time::Duration;

use async_trait::async_trait;

use super::api::{SETTLING, api, credentials, reach, since};
use super::config::{self, TOKEN_LIFE};
use super::failure::failed;
use super::steps::{cluster, dns, facts, init, is_control_plane, join, member, storage, upload};
use super::{etcd, front, network};
use crate::bootstrap::{Bootstrapper, Error, JoinToken, Membership, Removal, settle};
use crate::failpoint;
use crate::kind::kubernetes::on;
use crate::model::{Access, KubernetesOptions, Machine, PodNetwork, Role, Secret, TlsFiles};
use crate::pki;
use crate::provision::Node;
use crate::remote::{ApiError, ApiServer, Script};

/// How long the pods of a node that leaves may take to go elsewhere.
const DRAIN: Duration = Duration::from_secs(90);
/// How long a pod of such a node may take to end.
const GRACE: Duration = Duration::from_secs(30);

/// Kubernetes by kubeadm.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kubeadm;

/// The configuration that all kubelets of a cluster share, as kubeadm has put it on a member.
async fn shared_kubelet(leader: &Node) -> Result<serde_json::Value, Error> {
    const OPERATION: &str = "read the configuration that its kubelets share";
    let script = Script::new(
        "look at kubelet's configuration",
        "A cluster has one configuration for all kubelets, and what is different on a machine its kubelet is \
         told by flags.",
        "cat /var/lib/kubelet/config.yaml\n",
    );
    let text = leader.remote().run(&script).await.map_err(failed(leader, OPERATION))?;
    serde_saphyr::from_str(&text).map_err(failed(leader, OPERATION))
}

/// Waits until names of services are known on a machine; the last thing that a new cluster comes to.
fn dns_answers(options: &KubernetesOptions) -> Script {
    // As kubeadm chooses it ("GetDNSIP" in its constants).
    let address = options.service_subnet.address(10);
    Script::new(
        "wait until the cluster's DNS answers",
        "What is started now may ask at once.",
        include_str!("../../../../templates/kubernetes/dns-answers.sh"),
    )
    .with("ADDRESS", address.map(|a| a.to_string()).unwrap_or_default())
}

/// Has the cluster keep its own keys for a control plane that is to join, encrypted with a key that is
/// returned.
async fn hand_over_keys(leader: &Node) -> Result<Secret, Error> {
    let facts = facts(leader).await?;
    let key = new_certificate_key();
    let script = upload().with_secret("CONFIG", &config::upload(&member(leader, &facts)?, &key));
    leader.remote().run(&script).await.map_err(failed(leader, script.title.clone()))?;
    Ok(key)
}

/// The manifest that is published there; empty if the cluster has it already.
async fn published(node: &Node, address: &str) -> Result<String, Error> {
    let script = network::manifest(address, on(node)?.options.cni_sha256.as_ref());
    node.remote().run(&script).await.map_err(failed(node, script.title.clone()))
}

/// Applies the manifest that is published there, unless that was done before.
async fn apply_published(api: &ApiServer, leader: &Node, address: &str) -> Result<(), Error> {
    let manifest = published(leader, address).await?;
    if manifest.trim().is_empty() {
        return Ok(());
    }
    let manifest = network::fitted(manifest, &on(leader)?.options);
    api.apply(&manifest).await.map_err(failed(leader, "apply the pod network"))?;
    let applied = api.apply(&network::applied(address)).await;
    applied.map_err(failed(leader, "note the pod network"))
}

/// Waits until every node is ready, and pods find services by their names.
async fn pods_can_run(api: &ApiServer, leader: &Node, nodes: &[Node]) -> Result<(), Error> {
    settle(nodes.iter().map(async |node| {
        let name = node.machine().id.name;
        let since = since(node).await?;
        let ready = api.until_ready_since(&[name.to_string()], since, SETTLING).await;
        ready.map_err(failed(node, "wait until it is ready"))?;
        if on(node)?.options.cni == PodNetwork::Bridge {
            // Nobody needs it, but it is the truth, and people and programs look there for it.
            let share = network::share(on(node)?.options.pod_subnet, name);
            let set = api.set_pod_cidr(&name.to_string(), &share.to_string()).await;
            set.map_err(failed(node, "tell the API of its pod subnet"))?;
        }
        Ok(())
    }))
    .await?;
    let known = api.nodes().await.map_err(failed(leader, "list the nodes"))?;
    // A node that is off may be the one that the cluster's DNS is on.
    if known.iter().all(|node| node.ready) {
        let script = dns_answers(&on(leader)?.options);
        let ask = async |node: &Node| {
            node.remote().run(&script).await.map_err(failed(node, script.title.clone()))
        };
        // kube-proxy begins on every node by itself: that one asks it well says nothing of the others. Where the
        // network is somebody else's, it may well be made to keep nodes apart.
        let own_network = on(leader)?.options.cni == PodNetwork::Bridge;
        if ask(leader).await?.trim() != "none" && own_network {
            let others = nodes.iter().filter(|node| node.machine().id != leader.machine().id);
            settle(others.map(|node| async move { ask(node).await.map(drop) })).await?;
        }
    }
    Ok(())
}

/// A key as kubeadm wants it: 32 bytes for AES, in hexadecimal digits ("kubeadm init", kubernetes.io).
fn new_certificate_key() -> Secret {
    let bytes: [u8; 32] = rand::random();
    Secret::new(bytes.map(|byte| format!("{byte:02x}")).concat())
}

/// A token as kubeadm wants it: an id of 6 and a secret of 16 lower-case letters and digits ("Bootstrap
/// Tokens", kubernetes.io).
fn new_token() -> Secret {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let word = |length: usize| -> String {
        let letter = |_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())]);
        (0..length).map(letter).collect()
    };
    Secret::new(format!("{}.{}", word(6), word(16)))
}

#[async_trait]
impl Bootstrapper for Kubeadm {
    fn noun(&self) -> &'static str {
        "cluster"
    }

    async fn connect(&self, nodes: &[Node]) -> Result<(), Error> {
        let (balancers, members): (Vec<&Node>, Vec<&Node>) =
            nodes.iter().partition(|n| n.machine().id.name.role == Role::LoadBalancer);
        settle(balancers.into_iter().map(async |node| {
            let script = front::balance(nodes.iter().map(Node::machine));
            node.remote().run(&script).await.map_err(failed(node, script.title.clone()))
        }))
        .await?;
        for node in &members {
            if on(node)?.options.cni != PodNetwork::Bridge {
                return Ok(());
            }
        }
        let machines: Vec<&Machine> = members.iter().map(|n| n.machine()).collect();
        let first = members.iter().find(|n| is_control_plane(n.machine()));
        let api = first.map(|node| front::of(nodes, node).machine().private_ip);
        let all = settle(members.iter().map(async |node| {
            let options = &on(node)?.options;
            let script = network::bridge(node.machine(), &machines, api, options);
            node.remote().run(&script).await.map_err(failed(node, "connect its pods with others"))
        }));
        all.await.map(drop)
    }

    async fn member(&self, node: &Node) -> Result<Membership, Error> {
        let script = Script::new(
            "ask for its membership",
            "Nothing is done twice.",
            concat!(
                include_str!("../../../../templates/kubernetes/static-pods.sh"),
                include_str!("../../../../templates/kubernetes/member.sh")
            ),
        );
        let output = node.remote().run(&script).await;
        if output.map_err(failed(node, script.title.clone()))?.trim() != "member" {
            return Ok(Membership::None);
        }
        let votes = is_control_plane(node.machine());
        // After a boot the API needs a while.
        let reachable = votes && api(node).await.is_ok();
        Ok(Membership::Member { node_id: node.machine().id.name.to_string(), reachable, votes })
    }

    async fn init(&self, node: &Node, nodes: &[Node]) -> Result<(), Error> {
        let kubernetes = on(node)?;
        if let Some(address) = kubernetes.options.cni.address() {
            // A cluster that is begun cannot have another network.
            published(node, address).await?;
        }
        // Where instances and hosts are is known only now.
        for machine in nodes.iter().map(Node::machine) {
            let what = format!("machine `{}`", machine.id);
            let apart = kubernetes.options.refuse_address(&what, machine.private_ip);
            apart.map_err(failed(node, "begin a cluster"))?;
        }
        let facts = facts(node).await?;
        let config = config::init(&cluster(node, nodes)?, &member(node, &facts)?, &new_token());
        let script = init().with_secret("CONFIG", &config);
        failpoint::reached("kubeadm.init.before");
        node.remote().run(&script).await.map_err(failed(node, "begin a cluster"))?;
        failpoint::reached("kubeadm.init.after");
        Ok(())
    }

    async fn knows(&self, leader: &Node, node_id: &str) -> Result<bool, Error> {
        let nodes = api(leader).await?.nodes().await;
        let nodes = nodes.map_err(failed(leader, "list the nodes"))?;
        Ok(nodes.iter().any(|n| n.name == node_id))
    }

    async fn join_token(
        &self,
        leader: &Node,
        role: Role,
        nodes: &[Node],
    ) -> Result<JoinToken, Error> {
        let key = match role {
            Role::ControlPlane => Some(hand_over_keys(leader).await?),
            _ => None,
        };
        let token = new_token();
        let credentials = credentials(leader).await?;
        let api = api(leader).await?;
        api.admit(&token, TOKEN_LIFE).await.map_err(failed(leader, "make a token to join"))?;
        Ok(JoinToken {
            remote: front::address(nodes, leader),
            token,
            pin: Some(pki::pin(&credentials.ca).map_err(failed(leader, "read its authority"))?),
            key,
        })
    }

    async fn join(&self, leader: &Node, node: &Node, join_token: &JoinToken) -> Result<(), Error> {
        let facts = facts(node).await?;
        // What bears its name is another machine that was lost, or what this one was before. As long as
        // it counts as ready, kubeadm lets nobody join under its name.
        let stale = api(leader).await?.delete_node(&node.machine().id.name.to_string()).await;
        stale.map_err(failed(leader, "strike out a lost node"))?;
        if is_control_plane(node.machine()) {
            etcd::strike_off(leader, node.machine()).await?;
        }
        let member = member(node, &facts)?.beside(&shared_kubelet(leader).await?);
        let script = join(&member, join_token);
        failpoint::reached("kubeadm.join.before");
        node.remote().run(&script).await.map_err(failed(node, "join the cluster"))?;
        failpoint::reached("kubeadm.join.after");
        Ok(())
    }

    async fn equip(&self, leader: &Node) -> Result<(), Error> {
        let api = api(leader).await?;
        if let Some(network) = &on(leader)?.network {
            api.apply(network).await.map_err(failed(leader, "apply the pod network"))?;
        }
        if let Some(address) = on(leader)?.options.cni.address() {
            apply_published(&api, leader, address).await?;
        }
        let script = dns();
        leader.remote().run(&script).await.map(drop).map_err(failed(leader, script.title.clone()))
    }

    async fn ready(&self, leader: &Node, nodes: &[Node]) -> Result<(), Error> {
        let api = api(leader).await?;
        // Without a pod network nodes never become ready, and that is what was asked for.
        if on(leader)?.options.cni != PodNetwork::None {
            pods_can_run(&api, leader, nodes).await?;
        }
        let storage = storage(leader)?;
        api.apply(&storage).await.map_err(failed(leader, "make the default storage class"))
    }

    async fn drain(&self, leader: &Node, leaving: &[Removal]) -> Result<Vec<String>, Error> {
        let api = api(leader).await?;
        let known = api.nodes().await.map_err(failed(leader, "list the nodes"))?;
        let each = leaving.iter().map(async |leaving| {
            let name = leaving.name.to_string();
            // Nobody is there to end the pods of a node that is gone; they go with it. And a run that was
            // cut short may have struck it off already.
            if leaving.node.is_none() || known.iter().all(|node| node.name != name) {
                return Ok(None);
            }
            match api.drain(&name, Some(GRACE), DRAIN, |_| {}).await {
                Ok(()) => Ok(None),
                Err(error @ ApiError::NotDrained { .. }) => Ok(Some(error.to_string())),
                Err(error) => Err(failed(leader, "move pods elsewhere")(error)),
            }
        });
        Ok(settle(each).await?.into_iter().flatten().collect())
    }

    async fn leave(&self, leader: &Node, leaving: &Removal) -> Result<(), Error> {
        failpoint::reached("kubeadm.leave.before");
        if let Some(node) = &leaving.node {
            let script = Script::new(
                "leave the cluster",
                "kubeadm undoes what it has done on the machine.",
                include_str!("../../../../templates/kubernetes/leave.sh"),
            );
            node.remote().run(&script).await.map_err(failed(node, script.title.clone()))?;
        }
        let name = leaving.name.to_string();
        let delete = api(leader).await?.delete_node(&name).await;
        delete.map_err(failed(leader, "strike out a node that leaves"))?;
        failpoint::reached("kubeadm.leave.after");
        Ok(())
    }

    async fn renew(&self, node: &Node) -> Result<(), Error> {
        // kubelets renew their own.
        if !is_control_plane(node.machine()) {
            return Ok(());
        }
        let script = Script::new(
            "renew its certificates",
            "Those that kubeadm makes for a control plane are good for a year.",
            concat!(
                include_str!("../../../../templates/kubernetes/static-pods.sh"),
                include_str!("../../../../templates/kubernetes/renew.sh")
            ),
        );
        node.remote().run(&script).await.map(drop).map_err(failed(node, script.title.clone()))
    }

    async fn access(
        &self,
        leader: &Node,
        nodes: &[Node],
        _tls: &TlsFiles,
    ) -> Result<Access, Error> {
        let credentials = credentials(leader).await?;
        let api = reach(front::of(nodes, leader), &credentials).await?;
        Ok(Access::Kubernetes { endpoint: api.endpoint(), credentials })
    }
}
