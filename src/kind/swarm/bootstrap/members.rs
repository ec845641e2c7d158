//! What engines say of their swarm and its members.

use std::time::Duration;

use bollard::Docker;
use bollard::models::{Node as Member, SwarmInfo};
use bollard::query_parameters::ListNodesOptions;

use crate::bootstrap::Error;
use crate::driver::LABEL_MACHINE;
use crate::kind::engines::engine;
use crate::provision::Node;
use crate::retry::{Attempt, Patience, retry};

/// How long a stopped swarm may take to find a leader again, or a node to become ready.
pub(super) const SETTLING: Duration = Duration::from_secs(90);

const LIST: &str = "list the nodes of the swarm";

pub(super) fn api(node: &Node) -> Result<&Docker, Error> {
    Ok(engine(node)?.api())
}

pub(super) fn failed(
    node: &Node,
    operation: &'static str,
) -> impl FnOnce(bollard::errors::Error) -> Error + use<> {
    let machine = node.machine().id.clone();
    move |source| Error::Node { machine, operation: operation.into(), source: Box::new(source) }
}

pub(super) async fn info(node: &Node) -> Result<SwarmInfo, Error> {
    let info = api(node)?.info().await.map_err(failed(node, "ask for the swarm state"))?;
    Ok(info.swarm.unwrap_or_default())
}

pub(super) async fn members(leader: &Node) -> Result<Vec<Member>, Error> {
    api(leader)?.list_nodes(None::<ListNodesOptions>).await.map_err(failed(leader, LIST))
}

/// The members, also while the managers choose a new leader among themselves.
pub(super) async fn listed(leader: &Node) -> Result<Vec<Member>, Error> {
    from_leader(leader, LIST, || members(leader)).await
}

/// What only a leader answers, also while the managers choose a new one among themselves.
pub(super) async fn from_leader<T, F: Future<Output = Result<T, Error>>>(
    leader: &Node,
    operation: &'static str,
    ask: impl Fn() -> F,
) -> Result<T, Error> {
    let attempt = || async {
        match ask().await {
            Ok(answer) => Attempt::Ready(answer),
            Err(error) => Attempt::Later(error),
        }
    };
    let answer = retry(Patience::until(SETTLING), attempt).await;
    answer.map_err(|last| last.unwrap_or_else(|| silent(leader, operation)))
}

pub(super) fn said(node: &Node, operation: &'static str, why: &str) -> Error {
    let machine = node.machine().id.clone();
    Error::Node { machine, operation: operation.into(), source: why.into() }
}

pub(super) fn silent(node: &Node, operation: &'static str) -> Error {
    said(node, operation, "no answer")
}

/// The machine that a member is: hosts with names of their own are told by a label.
pub(super) fn machine_name(member: &Member) -> Option<&str> {
    let labels = member.spec.as_ref().and_then(|spec| spec.labels.as_ref());
    let label = labels.and_then(|labels| labels.get(LABEL_MACHINE)).map(String::as_str);
    label.or_else(|| member.description.as_ref()?.hostname.as_deref())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::{NodeDescription, NodeSpec};

    use super::*;

    #[test]
    fn a_label_outweighs_the_name_of_the_host() {
        let hostname = Some("worker-1".to_owned());
        let description = Some(NodeDescription { hostname, ..NodeDescription::default() });
        let mut member = Member { description, ..Member::default() };
        assert_eq!(machine_name(&member), Some("worker-1"));
        let labels = Some(HashMap::from([(LABEL_MACHINE.to_owned(), "manager-1".to_owned())]));
        member.spec = Some(NodeSpec { labels, ..NodeSpec::default() });
        assert_eq!(machine_name(&member), Some("manager-1"));
    }
}
