//! Leaving a swarm: what a machine does goes elsewhere first, then its vote, then the machine.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error as ApiError;
use bollard::models::{
    LocalNodeState, Node as Member, NodeSpec, NodeSpecAvailabilityEnum, NodeSpecRoleEnum,
    NodeState, Reachability, Task, TaskState,
};
use bollard::query_parameters::{
    DeleteNodeOptions, LeaveSwarmOptions, ListTasksOptions, UpdateNodeOptions,
};

use crate::bootstrap::{Error, Removal};
use crate::failpoint;
use crate::model::MachineName;
use crate::provision::Node;
use crate::retry::{Attempt, Patience, retry};

use super::members::{SETTLING, api, failed, info, listed, machine_name, said, silent};

/// How long tasks may take to end on machines that leave; a service's own `stop_grace_period` is 10 s
/// unless it says otherwise.
const DRAINING: Duration = Duration::from_secs(60);
/// How long a change may take to reach the managers.
const TAKING_EFFECT: Duration = Duration::from_secs(30);

pub(super) async fn drain(leader: &Node, leaving: &[Removal]) -> Result<Vec<String>, Error> {
    let list = listed(leader).await?;
    let mut waiting = HashMap::new();
    for Removal { name, .. } in leaving {
        for member in of_name(&list, *name) {
            let id = member.id.clone().unwrap_or_default();
            let drained = NodeSpecAvailabilityEnum::DRAIN;
            change(leader, &id, "drain a node", |spec| {
                spec.availability.replace(drained) != Some(drained)
            })
            .await?;
            // What ran on a machine that is down has gone elsewhere, and nobody there can say so.
            if member.status.as_ref().and_then(|s| s.state) == Some(NodeState::READY) {
                waiting.insert(id, *name);
            }
        }
    }
    until_idle(leader, &waiting).await
}

/// A node with this label has no work for a moment only: until it is ready again.
const LABEL_ASIDE: &str = "io.clusterdojo.aside";

/// Gives a node that works no more work, and waits until what it does has gone elsewhere. Both are said in
/// one request, so that whatever happens to this computer, it is known who is to work again.
pub(super) async fn set_aside(
    leader: &Node,
    name: MachineName,
    id: String,
) -> Result<Vec<String>, Error> {
    let list = listed(leader).await?;
    let works = |member: &&Member| availability(member) == Some(NodeSpecAvailabilityEnum::ACTIVE);
    let is_ready =
        |member: &&Member| member.status.as_ref().and_then(|s| s.state) == Some(NodeState::READY);
    let (own, others): (Vec<&Member>, Vec<&Member>) =
        list.iter().filter(works).filter(is_ready).partition(|m| m.id.as_ref() == Some(&id));
    if own.is_empty() || others.is_empty() {
        return Ok(Vec::new());
    }
    change(leader, &id, "drain a node", |spec| {
        spec.availability = Some(NodeSpecAvailabilityEnum::DRAIN);
        let labels = spec.labels.get_or_insert_default();
        labels.insert(LABEL_ASIDE.to_owned(), "true".to_owned()).is_none()
    })
    .await?;
    until_idle(leader, &HashMap::from([(id, name)])).await
}

/// Has those nodes work again that were set aside. `ids` has each node's name and its id in the swarm.
pub(super) async fn give_work_again(
    leader: &Node,
    ids: &[(String, String)],
    list: &[Member],
) -> Result<(), Error> {
    let is_aside = |member: &Member| {
        let labels = member.spec.as_ref().and_then(|spec| spec.labels.as_ref());
        labels.is_some_and(|labels| labels.contains_key(LABEL_ASIDE))
    };
    for member in list.iter().filter(|member| is_aside(member)) {
        let id = member.id.as_deref().unwrap_or_default();
        if ids.iter().all(|(_, own)| own != id) {
            continue;
        }
        change(leader, id, "activate a node", |spec| {
            spec.availability = Some(NodeSpecAvailabilityEnum::ACTIVE);
            spec.labels.get_or_insert_default().remove(LABEL_ASIDE).is_some()
        })
        .await?;
    }
    Ok(())
}

fn availability(member: &Member) -> Option<NodeSpecAvailabilityEnum> {
    member.spec.as_ref().and_then(|spec| spec.availability)
}

/// Waits until nothing runs on these nodes, told by their ids. Returns what still does in the end.
async fn until_idle(
    leader: &Node,
    waiting: &HashMap<String, MachineName>,
) -> Result<Vec<String>, Error> {
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<String> = waiting.keys().cloned().collect();
    let api = api(leader)?;
    let attempt = || async {
        let filters = Some(HashMap::from([("node".to_owned(), ids.clone())]));
        match api.list_tasks(Some(ListTasksOptions { filters })).await {
            Ok(tasks) => {
                let mut active: Vec<Task> = tasks.into_iter().filter(is_active).collect();
                active.retain(|t| t.node_id.as_ref().is_some_and(|id| waiting.contains_key(id)));
                if active.is_empty() { Attempt::Ready(()) } else { Attempt::Later(Ok(active)) }
            }
            Err(error) => Attempt::Later(Err(error)),
        }
    };
    match retry(Patience::until(DRAINING), attempt).await {
        Ok(()) => Ok(Vec::new()),
        Err(Some(Err(error))) => Err(failed(leader, "list tasks")(error)),
        Err(left) => {
            let left = left.and_then(Result::ok).unwrap_or_default();
            let mut counts: Vec<(MachineName, usize)> = waiting
                .iter()
                .map(|(id, name)| {
                    (*name, left.iter().filter(|t| t.node_id.as_ref() == Some(id)).count())
                })
                .filter(|(_, count)| *count > 0)
                .collect();
            counts.sort();
            Ok(counts
                .iter()
                .map(|(name, n)| format!("{name} still runs {n} of its tasks"))
                .collect())
        }
    }
}

/// Whether something of the task is or will be on its node.
fn is_active(task: &Task) -> bool {
    matches!(
        task.status.as_ref().and_then(|s| s.state),
        Some(
            TaskState::ASSIGNED
                | TaskState::ACCEPTED
                | TaskState::PREPARING
                | TaskState::READY
                | TaskState::STARTING
                | TaskState::RUNNING
        )
    )
}

pub(super) async fn leave(leader: &Node, leaving: &Removal) -> Result<(), Error> {
    failpoint::reached("scale.leave.before");
    let list = listed(leader).await?;
    let known: Vec<&Member> = of_name(&list, leaving.name).collect();
    for member in known.iter().filter(|m| manages(m)) {
        keep_majority(&list, member, leaving.name)?;
        demote(leader, member.id.as_deref().unwrap_or_default()).await?;
    }
    if let Some(node) = &leaving.node {
        until_it_votes_no_more(node).await?;
        failpoint::reached("scale.leave.demoted");
        if info(node).await?.local_node_state != Some(LocalNodeState::INACTIVE) {
            // By force, because it may also be a member that the others know no more.
            api(node)?
                .leave_swarm(Some(LeaveSwarmOptions { force: true }))
                .await
                .map_err(failed(node, "leave the swarm"))?;
        }
    }
    failpoint::reached("scale.leave.left");
    for member in known {
        strike_off(leader, member.id.as_deref().unwrap_or_default()).await?;
    }
    failpoint::reached("scale.leave.after");
    Ok(())
}

/// Members that bear a machine's name. There may be several: a lost one, and the one that replaced it.
fn of_name(list: &[Member], name: MachineName) -> impl Iterator<Item = &Member> {
    let name = name.to_string();
    list.iter().filter(move |member| machine_name(member) == Some(&name))
}

/// Whether a member votes, or is to.
pub(super) fn manages(member: &Member) -> bool {
    member.manager_status.is_some()
        || member.spec.as_ref().and_then(|s| s.role) == Some(NodeSpecRoleEnum::MANAGER)
}

/// Refuses to let a manager go if those that stay could decide nothing any more.
fn keep_majority(list: &[Member], leaving: &Member, name: MachineName) -> Result<(), Error> {
    let others = || list.iter().filter(|m| m.id != leaving.id && manages(m));
    let answers = |m: &&Member| {
        m.manager_status.as_ref().and_then(|s| s.reachability) == Some(Reachability::REACHABLE)
    };
    let (voters, reachable) = (others().count(), others().filter(answers).count());
    if 2 * reachable > voters {
        Ok(())
    } else {
        Err(Error::Majority { machine: name, reachable, voters })
    }
}

/// Takes a manager's vote. Takes effect in a moment.
pub(super) async fn demote(leader: &Node, id: &str) -> Result<(), Error> {
    let worker = NodeSpecRoleEnum::WORKER;
    change(leader, id, "demote a manager", |spec| spec.role.replace(worker) != Some(worker)).await
}

/// Waits until a node has seen that it was demoted; one that still votes would take the majority with
/// it when it leaves.
async fn until_it_votes_no_more(node: &Node) -> Result<(), Error> {
    const OPERATION: &str = "give up the vote";
    let attempt = || async {
        match info(node).await {
            Ok(state) if state.control_available == Some(true) => {
                Attempt::Later(said(node, OPERATION, "it still votes"))
            }
            Ok(_) => Attempt::Ready(()),
            Err(error) => Attempt::Later(error),
        }
    };
    retry(Patience::until(SETTLING), attempt)
        .await
        .map_err(|last| last.unwrap_or_else(|| silent(node, OPERATION)))
}

/// Strikes a member off the list. Fine if it is off already.
pub(super) async fn strike_off(leader: &Node, id: &str) -> Result<(), Error> {
    let api = api(leader)?;
    let attempt = || async {
        match api.delete_node(id, Some(DeleteNodeOptions { force: true })).await {
            Err(error) if !is_absent(&error) => Attempt::Later(error),
            _ => Attempt::Ready(()),
        }
    };
    // A demotion takes a moment to reach the managers.
    taken(
        leader,
        "strike a node off the list",
        retry(Patience::until(TAKING_EFFECT), attempt).await,
    )
}

/// Changes what the swarm wants of a member, unless `change` says that it is so already. Another
/// change at the same moment, or a new leader, is no hindrance.
pub(super) async fn change(
    leader: &Node,
    id: &str,
    operation: &'static str,
    change: impl Fn(&mut NodeSpec) -> bool,
) -> Result<(), Error> {
    let change = &change;
    let api = api(leader)?;
    let attempt = || async move {
        let member = match api.inspect_node(id).await {
            Ok(member) => member,
            Err(error) if is_absent(&error) => return Attempt::Ready(()),
            Err(error) => return Attempt::Later(error),
        };
        let mut spec = member.spec.unwrap_or_default();
        if !change(&mut spec) {
            return Attempt::Ready(());
        }
        let version = member.version.and_then(|v| v.index).unwrap_or_default();
        let options = UpdateNodeOptions { version: i64::try_from(version).unwrap_or_default() };
        match api.update_node(id, spec, options).await {
            Ok(()) => Attempt::Ready(()),
            // It went meanwhile; or it is a manager that no longer votes, because the swarm was begun again
            // without it (`docker swarm init --force-new-cluster`).
            Err(error) if is_absent(&error) => Attempt::Ready(()),
            Err(error) => Attempt::Later(error),
        }
    };
    taken(leader, operation, retry(Patience::until(TAKING_EFFECT), attempt).await)
}

fn taken(
    leader: &Node,
    operation: &'static str,
    result: Result<(), Option<ApiError>>,
) -> Result<(), Error> {
    result.map_err(|last| match last {
        Some(error) => failed(leader, operation)(error),
        None => silent(leader, operation),
    })
}

fn is_absent(error: &ApiError) -> bool {
    matches!(error, ApiError::DockerResponseServerError { status_code: 404, .. })
}

#[cfg(test)]
mod tests {
    use bollard::models::{ManagerStatus, NodeDescription};

    use super::*;

    fn manager(name: &str, reachability: Reachability) -> Member {
        Member {
            id: Some(name.to_owned()),
            description: Some(NodeDescription {
                hostname: Some(name.to_owned()),
                ..NodeDescription::default()
            }),
            manager_status: Some(ManagerStatus {
                reachability: Some(reachability),
                ..ManagerStatus::default()
            }),
            ..Member::default()
        }
    }

    #[test]
    fn a_manager_goes_only_if_those_that_stay_can_decide() {
        use Reachability::{REACHABLE, UNREACHABLE};
        let allowed = |states: [Reachability; 3], leaving: usize| {
            let list: Vec<Member> =
                states.iter().zip(["m-1", "m-2", "m-3"]).map(|(r, n)| manager(n, *r)).collect();
            keep_majority(&list, &list[leaving], "manager-3".parse().unwrap()).is_ok()
        };
        assert!(allowed([REACHABLE, REACHABLE, REACHABLE], 2));
        // The dead one may go, and is the only one that may.
        assert!(allowed([REACHABLE, UNREACHABLE, REACHABLE], 1));
        assert!(!allowed([REACHABLE, UNREACHABLE, REACHABLE], 2));
        let last = [manager("m-1", REACHABLE)];
        assert!(keep_majority(&last, &last[0], "manager-1".parse().unwrap()).is_err());
    }
}
