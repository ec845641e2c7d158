//! The managers and control planes of a cluster, which keep what it knows.

use crate::bootstrap::{self, Bootstrapper, Membership};
use crate::model::{ClusterName, MachineName};
use crate::provision::Node;

use super::error::Error;

/// Whether a machine of that name keeps what its cluster knows.
pub(super) fn leads(name: MachineName) -> bool {
    name.role.leads()
}

/// The first leader of which `wanted` is true, given whether it votes and whether it is reachable.
pub(super) async fn first_that(
    kind: &dyn Bootstrapper,
    nodes: &[Node],
    wanted: impl Fn(bool, bool) -> bool,
) -> Result<Option<Node>, bootstrap::Error> {
    for node in nodes.iter().filter(|n| leads(n.machine().id.name)) {
        if let Membership::Member { votes, reachable, .. } = kind.member(node).await?
            && wanted(votes, reachable)
        {
            return Ok(Some(node.clone()));
        }
    }
    Ok(None)
}

/// The reachable leader of the cluster once the others have gone.
pub(super) async fn remaining_leader(
    kind: &dyn Bootstrapper,
    cluster: &ClusterName,
    nodes: &[Node],
) -> Result<Node, Error> {
    let leader = first_that(kind, nodes, |_, reachable| reachable).await?;
    leader.ok_or_else(|| Error::NoLeader(cluster.clone()))
}
