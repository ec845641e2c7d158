//! A swarm that this program makes.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{
    LocalNodeState, Node as Member, NodeState, SwarmInfo, SwarmInitRequest, SwarmJoinRequest,
};
use bollard::query_parameters::{EventsOptions, LeaveSwarmOptions};
use futures_util::StreamExt as _;

use super::addresses::{listen_address, remote_address};
use super::members::{SETTLING, api, failed, from_leader, info, listed, machine_name, members};
use super::{leaving, pool};
use crate::bootstrap::{Bootstrapper, Error, JoinToken, Membership, Removal, settle};
use crate::driver::{LABEL_MACHINE, Source};
use crate::failpoint;
use crate::model::{Access, Role, Secret, Service, TlsFiles};
use crate::pace::stretch;
use crate::provision::Node;
use crate::retry::{Attempt, Patience, retry};

/// Makes swarms of nodes.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::kind::swarm) struct SwarmMode;

/// Waits until the node says that it is an active member. The daemon itself waits 20 s for that and
/// then answers that it goes on in the background, which is no failure.
async fn until_active(node: &Node) -> Result<(), Error> {
    let attempt = || async {
        match info(node).await {
            Ok(SwarmInfo { local_node_state: Some(LocalNodeState::ACTIVE), .. }) => {
                Attempt::Ready(())
            }
            Ok(SwarmInfo { local_node_state: Some(LocalNodeState::ERROR), error, .. }) => {
                Attempt::GiveUp(not_active(node, error.unwrap_or_default()))
            }
            Ok(state) => Attempt::Later(not_active(
                node,
                format!("its state is {:?}", state.local_node_state.unwrap_or_default()),
            )),
            Err(error) => Attempt::Later(error),
        }
    };
    retry(Patience::until(SETTLING), attempt)
        .await
        .map_err(|last| last.unwrap_or_else(|| not_active(node, "no answer".to_owned())))
}

fn not_active(node: &Node, why: String) -> Error {
    Error::Node {
        machine: node.machine().id.clone(),
        operation: "become an active member".into(),
        source: Source::from(why),
    }
}

#[async_trait]
impl Bootstrapper for SwarmMode {
    fn noun(&self) -> &'static str {
        "swarm"
    }

    async fn member(&self, node: &Node) -> Result<Membership, Error> {
        // After a restart of the whole swarm the managers need a moment to elect a leader, and until
        // then none of them can decide.
        let attempt = || async {
            let state = match info(node).await {
                Ok(state) => state,
                Err(error) => return Attempt::GiveUp(Err(error)),
            };
            let node_id = state.node_id.filter(|id| !id.is_empty());
            match (state.local_node_state, node_id) {
                (Some(LocalNodeState::ACTIVE), Some(node_id)) => {
                    let votes = state.control_available == Some(true);
                    let reachable = votes && members(node).await.is_ok();
                    let member = Membership::Member { node_id, reachable, votes };
                    if votes == reachable {
                        Attempt::Ready(member)
                    } else {
                        Attempt::Later(Ok(member))
                    }
                }
                (Some(LocalNodeState::PENDING), Some(node_id)) => {
                    let votes = state.control_available == Some(true);
                    Attempt::Later(Ok(Membership::Member { node_id, reachable: false, votes }))
                }
                // It has a swarm whose key only the user has; joining afresh would throw that away.
                (Some(LocalNodeState::LOCKED), _) => {
                    let why = "its swarm is locked, and `docker swarm unlock` there opens it";
                    Attempt::GiveUp(Err(not_active(node, why.to_owned())))
                }
                // `error` is what a worker says that was struck off the list; it joins afresh.
                _ => Attempt::Ready(Membership::None),
            }
        };
        match retry(Patience::until(Duration::from_secs(30)), attempt).await {
            Ok(membership) => Ok(membership),
            Err(Some(last)) => last,
            Err(None) => Err(not_active(node, "no answer".to_owned())),
        }
    }

    async fn init(&self, node: &Node, nodes: &[Node]) -> Result<(), Error> {
        failpoint::reached("swarm.init.before");
        let pool = pool::of(nodes);
        let request = SwarmInitRequest {
            listen_addr: Some(listen_address()),
            // Without it the daemon refuses to guess on a machine with several addresses, and a guess
            // that changes later breaks the swarm.
            advertise_addr: Some(node.machine().private_ip.to_string()),
            default_addr_pool: Some(vec![pool.to_string()]),
            subnet_size: Some(pool::NETWORK_PREFIX.into()),
            ..SwarmInitRequest::default()
        };
        api(node)?.init_swarm(request).await.map_err(failed(node, "begin a swarm"))?;
        failpoint::reached("swarm.init.after");
        Ok(())
    }

    async fn knows(&self, leader: &Node, node_id: &str) -> Result<bool, Error> {
        Ok(listed(leader).await?.iter().any(|m| m.id.as_deref() == Some(node_id)))
    }

    async fn join_token(
        &self,
        leader: &Node,
        role: Role,
        _nodes: &[Node],
    ) -> Result<JoinToken, Error> {
        let operation = "ask for the join token";
        let api = api(leader)?;
        let ask = || async { api.inspect_swarm().await.map_err(failed(leader, operation)) };
        let swarm = from_leader(leader, operation, ask).await?;
        let tokens = swarm.join_tokens.unwrap_or_default();
        let token = if role == Role::Manager { tokens.manager } else { tokens.worker };
        Ok(JoinToken {
            remote: remote_address(leader),
            token: Secret::new(token.unwrap_or_default()),
            // The token holds it.
            pin: None,
            key: None,
        })
    }

    async fn join(&self, _leader: &Node, node: &Node, join_token: &JoinToken) -> Result<(), Error> {
        failpoint::reached("swarm.join.before");
        if info(node).await?.local_node_state != Some(LocalNodeState::INACTIVE) {
            // What it belongs to is not this swarm: the one before its manager was lost, or one that
            // has struck it off. The machine is ours, so it may leave.
            api(node)?
                .leave_swarm(Some(LeaveSwarmOptions { force: true }))
                .await
                .map_err(failed(node, "leave a former swarm"))?;
        }
        let request = SwarmJoinRequest {
            listen_addr: Some(listen_address()),
            advertise_addr: Some(node.machine().private_ip.to_string()),
            remote_addrs: Some(vec![join_token.remote.clone()]),
            join_token: Some(join_token.token.expose().to_owned()),
            ..SwarmJoinRequest::default()
        };
        match api(node)?.join_swarm(request).await {
            Err(error) if !error.to_string().contains("continue in the background") => {
                return Err(failed(node, "join the swarm")(error));
            }
            _ => until_active(node).await?,
        }
        failpoint::reached("swarm.join.after");
        Ok(())
    }

    async fn ready(&self, leader: &Node, nodes: &[Node]) -> Result<(), Error> {
        // Subscribed before the first look, so that nothing that happens in between is missed.
        let filters = HashMap::from([("type".to_owned(), vec!["node".to_owned()])]);
        let options = EventsOptions { filters: Some(filters), ..EventsOptions::default() };
        let mut events = api(leader)?.events(Some(options));
        let deadline = tokio::time::Instant::now() + stretch(SETTLING);
        let ids = settle(nodes.iter().map(async |node| {
            Ok((node.machine().id.name.to_string(), info(node).await?.node_id.unwrap_or_default()))
        }))
        .await?;
        loop {
            let waiting = match members(leader).await {
                Ok(list) => {
                    let waiting = not_ready(&ids, &list);
                    if waiting.is_empty() {
                        match put_in_order(leader, &ids, &list).await {
                            Ok(()) => return Ok(()),
                            // As below.
                            Err(error) => vec![crate::event::chain(&error)],
                        }
                    } else {
                        waiting
                    }
                }
                // While managers join there may be no leader for a moment.
                Err(error) => vec![crate::event::chain(&error)],
            };
            // An event says that something changed. The pause is for what changes without one.
            let pause = tokio::time::sleep(Duration::from_millis(250));
            tokio::select! {
                Some(Ok(_)) = events.next() => {}
                () = pause => {}
                () = tokio::time::sleep_until(deadline) => {
                    let nodes = waiting.join(", ");
                    return Err(Error::NotReady { nodes, seconds: stretch(SETTLING).as_secs() });
                }
            }
        }
    }

    async fn access(
        &self,
        leader: &Node,
        _nodes: &[Node],
        tls: &TlsFiles,
    ) -> Result<Access, Error> {
        let endpoint = leader.machine().endpoint(Service::Engine)?;
        Ok(Access::Engine { endpoint, tls: tls.clone() })
    }

    async fn set_aside(&self, leader: &Node, node: &Node) -> Result<Vec<String>, Error> {
        let id = info(node).await?.node_id.unwrap_or_default();
        leaving::set_aside(leader, node.machine().id.name, id).await
    }

    async fn drain(&self, leader: &Node, leaving: &[Removal]) -> Result<Vec<String>, Error> {
        leaving::drain(leader, leaving).await
    }

    async fn leave(&self, leader: &Node, leaving: &Removal) -> Result<(), Error> {
        leaving::leave(leader, leaving).await
    }
}

/// What is left to do once all nodes are ready. Nothing is done twice.
async fn put_in_order(
    leader: &Node,
    ids: &[(String, String)],
    list: &[Member],
) -> Result<(), Error> {
    name_after_machines(leader, ids, list).await?;
    leaving::give_work_again(leader, ids, list).await?;
    strike_out_the_lost(leader, ids, list).await
}

/// Which nodes are not ready, each with its state. `ids` has each node's name and its id in the swarm.
fn not_ready(ids: &[(String, String)], list: &[Member]) -> Vec<String> {
    let state = |id: &str| {
        let member = list.iter().find(|m| m.id.as_deref() == Some(id))?;
        member.status.as_ref()?.state
    };
    ids.iter()
        .filter_map(|(name, id)| match state(id) {
            Some(NodeState::READY) => None,
            Some(state) => Some(format!("{name} ({state})")),
            None => Some(format!("{name} (not a member)")),
        })
        .collect()
}

/// Has the swarm know each node by its machine's name, also where that is not the name of the host.
async fn name_after_machines(
    leader: &Node,
    ids: &[(String, String)],
    list: &[Member],
) -> Result<(), Error> {
    for (name, id) in ids {
        let member = list.iter().find(|m| m.id.as_deref() == Some(id));
        if member.is_some_and(|member| machine_name(member) != Some(name)) {
            leaving::change(leader, id, "label a node", |spec| {
                let labels = spec.labels.get_or_insert_default();
                labels.insert(LABEL_MACHINE.to_owned(), name.clone()).as_ref() != Some(name)
            })
            .await?;
        }
    }
    Ok(())
}

/// Strikes out members that bear the name of one of our nodes and are not it: machines that were lost
/// and have been replaced. The swarm itself takes long to notice, and counts a lost manager for the
/// majority for ever.
async fn strike_out_the_lost(
    leader: &Node,
    ids: &[(String, String)],
    list: &[Member],
) -> Result<(), Error> {
    for member in list {
        let is_ours = ids.iter().any(|(_, id)| member.id.as_deref() == Some(id));
        let replaced = ids.iter().any(|(own, _)| machine_name(member) == Some(own));
        if replaced && !is_ours {
            strike_out(leader, member).await?;
        }
    }
    Ok(())
}

async fn strike_out(leader: &Node, dead: &Member) -> Result<(), Error> {
    let id = dead.id.as_deref().unwrap_or_default();
    if leaving::manages(dead) {
        // A dead manager still counts for the majority until it is demoted.
        leaving::demote(leader, id).await?;
    }
    leaving::strike_off(leader, id).await
}
