//! A swarm that a person makes: the same calls as commands of `docker`.

use async_trait::async_trait;

use super::addresses::{listen_address, remote_address};
use super::{SwarmMode, pool};
use crate::bootstrap::{Bootstrapper, Error, JoinToken, Membership, Removal};
use crate::model::{Access, Role, Secret, TlsFiles};
use crate::provision::Node;
use crate::remote::by_hand::Notes;

/// Notes how a person makes a swarm of machines that are new.
#[derive(Debug, Clone)]
pub(in crate::kind::swarm) struct ByHand(pub Notes);

#[async_trait]
impl Bootstrapper for ByHand {
    fn noun(&self) -> &'static str {
        SwarmMode.noun()
    }

    async fn member(&self, _node: &Node) -> Result<Membership, Error> {
        Ok(Membership::None)
    }

    async fn init(&self, node: &Node, nodes: &[Node]) -> Result<(), Error> {
        let (pool, listen) = (pool::of(nodes), listen_address());
        let machine = node.machine();
        self.0.commands(
            "begin the swarm",
            "The first manager makes the swarm, its certificate authority and its join tokens. The address that \
             others reach it at is named, because it must never change. Overlay networks get addresses of a range in \
             which no machine is, or nobody in them could reach the machines.",
            format!(
                "on {} docker swarm init --listen-addr {listen} --advertise-addr {} \\\n  \
                   --default-addr-pool {pool} --default-addr-pool-mask-length {}\n",
                machine.id.name,
                machine.private_ip,
                pool::NETWORK_PREFIX
            ),
        );
        Ok(())
    }

    async fn knows(&self, _leader: &Node, _node_id: &str) -> Result<bool, Error> {
        Ok(false)
    }

    async fn join_token(
        &self,
        leader: &Node,
        role: Role,
        _nodes: &[Node],
    ) -> Result<JoinToken, Error> {
        let name = leader.machine().id.name;
        self.0.commands(
            "ask for the join tokens",
            "A join token holds the fingerprint of the swarm's authority and a secret, so that each side knows the \
             other. Who has the one of managers may change everything.",
            format!("{role}_token=$(on {name} docker swarm join-token --quiet {role})\n"),
        );
        Ok(JoinToken {
            remote: remote_address(leader),
            token: Secret::new(format!("${role}_token")),
            pin: None,
            key: None,
        })
    }

    async fn join(&self, _leader: &Node, node: &Node, join_token: &JoinToken) -> Result<(), Error> {
        let (machine, listen) = (node.machine(), listen_address());
        self.0.commands(
            "join the swarm",
            "Managers join one at a time, because each one that joins changes who makes a majority.",
            format!(
                "on {} docker swarm join --listen-addr {listen} --advertise-addr {} \\\n  \
                   --token \"{}\" {}\n",
                machine.id.name,
                machine.private_ip,
                join_token.token.expose(),
                join_token.remote,
            ),
        );
        Ok(())
    }

    async fn ready(&self, leader: &Node, nodes: &[Node]) -> Result<(), Error> {
        let name = leader.machine().id.name;
        self.0.commands(
            "wait until all nodes are ready",
            "A node that has joined still has to report to the managers before it is given work.",
            format!(
                "until [ \"$(on {name} docker node ls --format '{{{{.Status}}}}' | grep -cx Ready)\" -eq {} ]; do\n    \
                     sleep 1\ndone\n\
                 on {name} docker node ls\n",
                nodes.len()
            ),
        );
        Ok(())
    }

    async fn access(&self, leader: &Node, nodes: &[Node], tls: &TlsFiles) -> Result<Access, Error> {
        SwarmMode.access(leader, nodes, tls).await
    }

    async fn drain(&self, _leader: &Node, _leaving: &[Removal]) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn leave(&self, _leader: &Node, _leaving: &Removal) -> Result<(), Error> {
        Ok(())
    }
}
