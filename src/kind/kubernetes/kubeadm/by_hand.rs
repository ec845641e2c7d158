//! A cluster that a person makes by kubeadm: the same scripts, and `kubectl` where the API is asked here.

use async_trait::async_trait;

use super::failure::failed;
use super::steps::{cluster, dns, facts, init, join, member, storage, upload};
use super::{Kubeadm, config, front, network};
use crate::bootstrap::{Bootstrapper, Error, JoinToken, Membership, Removal};
use crate::kind::kubernetes::on;
use crate::model::{
    Access, KubeCredentials, KubernetesOptions, KubernetesVersion, PodNetwork, Role, Secret,
    Service, TlsFiles,
};
use crate::provision::Node;
use crate::remote::by_hand::{Notes, variable};

/// Notes how a person makes a cluster of machines that are new.
#[derive(Debug, Clone)]
pub struct ByHand(pub Notes);

/// A secret that a variable of the shell holds.
fn secret(name: &str) -> Secret {
    Secret::new(variable(name, ""))
}

/// The configuration of kubeadm, with the exact release, which a person learns from kubeadm.
fn exact(config: &Secret, version: KubernetesVersion) -> Secret {
    let line = |version: &str| format!("kubernetesVersion: {version}\n");
    let text = config.expose().trim_end();
    Secret::new(match version.patch {
        Some(_) => text.to_owned(),
        None => text.replace(&line(&version.tag()), &line(&variable("version", ""))),
    })
}

/// Notes with a node which addresses its pods have: people and programs look there for it.
fn tell_subnet(node: &Node, options: &KubernetesOptions) -> String {
    let name = node.machine().id.name;
    let subnet = network::share(options.pod_subnet, name);
    format!(
        "kubectl patch node {name} --patch '{{\"spec\":{{\"podCIDR\":\"{subnet}\",\"podCIDRs\":[\"{subnet}\"]}}}}'\n"
    )
}

impl ByHand {
    fn apply(&self, title: &str, why: &str, leader: &Node, manifest: &str) {
        let name = leader.machine().id.name;
        let end = "END_OF_MANIFEST";
        self.0.commands(
            title,
            why,
            format!(
                "on {name} kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<'{end}'\n{}\n{end}\n",
                manifest.trim_end()
            ),
        );
    }
}

#[async_trait]
impl Bootstrapper for ByHand {
    fn noun(&self) -> &'static str {
        Kubeadm.noun()
    }

    async fn connect(&self, nodes: &[Node]) -> Result<(), Error> {
        Kubeadm.connect(nodes).await
    }

    async fn member(&self, _node: &Node) -> Result<Membership, Error> {
        Ok(Membership::None)
    }

    async fn init(&self, node: &Node, nodes: &[Node]) -> Result<(), Error> {
        self.0.commands(
            "make a token",
            "It lets nodes in that are to join. The cluster forgets it after a quarter of an hour.",
            format!("token=$(on {} kubeadm token generate)\n", node.machine().id.name),
        );
        let facts = facts(node).await?;
        let member = member(node, &facts)?;
        let config = config::init(&cluster(node, nodes)?, &member, &secret("token"));
        let script = init().with_secret("CONFIG", &exact(&config, member.version));
        node.remote().run(&script).await.map(drop).map_err(failed(node, "begin a cluster"))
    }

    async fn knows(&self, _leader: &Node, _node_id: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn join_token(
        &self,
        leader: &Node,
        role: Role,
        nodes: &[Node],
    ) -> Result<JoinToken, Error> {
        let name = leader.machine().id.name;
        if role == Role::ControlPlane {
            let why = "Only the joining machine is told what opens them.";
            let key = format!("key=$(on {name} kubeadm certs certificate-key)\n");
            self.0.commands("hand over the cluster's keys", why, key);
            let facts = facts(leader).await?;
            let member = member(leader, &facts)?;
            let config = config::upload(&member, &secret("key"));
            let script = upload().with_secret("CONFIG", &exact(&config, member.version));
            leader.remote().run(&script).await.map_err(failed(leader, "hand over its keys"))?;
        }
        self.0.commands(
            "learn the hash of the cluster's authority",
            "A node that joins proves by it that it talks to the right cluster.",
            format!(
                "pin=sha256:$(on {name} cat /etc/kubernetes/pki/ca.crt | openssl x509 -pubkey -noout |\n    \
                     openssl pkey -pubin -outform der | openssl dgst -sha256 -r | cut -d ' ' -f 1)\n"
            ),
        );
        Ok(JoinToken {
            remote: front::address(nodes, leader),
            token: secret("token"),
            pin: Some(variable("pin", "")),
            key: (role == Role::ControlPlane).then(|| secret("key")),
        })
    }

    async fn join(&self, leader: &Node, node: &Node, join_token: &JoinToken) -> Result<(), Error> {
        let (its, shared) = (facts(node).await?, facts(leader).await?);
        let nodes = [leader.clone()];
        let shared = config::kubelet(&cluster(leader, &nodes)?, &member(leader, &shared)?);
        let member = member(node, &its)?.beside(&shared);
        let script = join(&member, join_token);
        node.remote().run(&script).await.map(drop).map_err(failed(node, "join the cluster"))
    }

    async fn equip(&self, leader: &Node) -> Result<(), Error> {
        const TITLE: &str = "apply the pod network";
        let kubernetes = on(leader)?;
        if let Some(manifest) = &kubernetes.network {
            self.apply(TITLE, "It runs in pods of its own.", leader, manifest);
        }
        if let Some(address) = kubernetes.options.cni.address() {
            let subnet = kubernetes.options.pod_subnet.to_string();
            let fit = match kubernetes.options.cni {
                PodNetwork::Flannel => {
                    format!(" |\n    sed 's|{}|{subnet}|'", network::FLANNELS_PODS)
                }
                _ => String::new(),
            };
            self.0.commands(
                TITLE,
                "As its project publishes it. Other networks than the bridge run in pods of their own.",
                format!(
                    "curl -fsSL {address}{fit} |\n    \
                         on {} kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f -\n",
                    leader.machine().id.name
                ),
            );
        }
        let script = dns();
        leader.remote().run(&script).await.map(drop).map_err(failed(leader, script.title.clone()))
    }

    async fn ready(&self, leader: &Node, nodes: &[Node]) -> Result<(), Error> {
        let name = leader.machine().id.name;
        if on(leader)?.options.cni != PodNetwork::None {
            let many = nodes.len();
            let options = &on(leader)?.options;
            let subnets: String = match options.cni {
                PodNetwork::Bridge => nodes.iter().map(|node| tell_subnet(node, options)).collect(),
                _ => String::new(),
            };
            self.0.commands(
                "wait until all nodes are ready",
                "A node that has joined still has to begin its pod network.",
                format!(
                    "kubectl() {{ on {name} kubectl --kubeconfig /etc/kubernetes/admin.conf \"$@\"; }}\n\
                     until [ \"$(kubectl get nodes --no-headers | wc -l)\" -eq {many} ]; do sleep 1; done\n\
                     kubectl wait --for=condition=Ready nodes --all --timeout=180s\n\
                     {subnets}\
                     kubectl --namespace kube-system wait --for=condition=Available deployment/coredns --timeout=180s\n\
                     unset -f kubectl\n"
                ),
            );
        }
        self.apply(
            "make the default storage class",
            "Pods that claim a volume get a directory of their node.",
            leader,
            &storage(leader)?,
        );
        Ok(())
    }

    async fn access(
        &self,
        leader: &Node,
        nodes: &[Node],
        _tls: &TlsFiles,
    ) -> Result<Access, Error> {
        let front = front::of(nodes, leader).machine();
        let unknown = || variable("unknown", "");
        Ok(Access::Kubernetes {
            endpoint: front.endpoint(Service::Api)?,
            credentials: KubeCredentials {
                ca: unknown(),
                cert: unknown(),
                key: Secret::new(unknown()),
            },
        })
    }

    async fn drain(&self, _leader: &Node, _leaving: &[Removal]) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn leave(&self, _leader: &Node, _leaving: &Removal) -> Result<(), Error> {
        Ok(())
    }
}
