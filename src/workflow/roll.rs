//! Engines that are to have other settings or certificates are restarted, one after the other: each gives its
//! work away before, and takes some again once it is back.

use crate::bootstrap::{self, Bootstrapper};
use crate::event::{Progress, chain};
use crate::kind::engines::engine;
use crate::model::ClusterName;
use crate::provision::{Held, Node, Provisioner};
use crate::remote::Mortal;

use super::error::{Error, MachineError, Work, names};
use super::leaders::first_that;
use super::machines::{Origin, become_node};
use super::services::Services;
use super::settle::all_well;

/// Restarts the engines of those nodes that hold something back.
pub(super) async fn roll(
    services: &Services,
    cluster: &ClusterName,
    kind: Option<&dyn Bootstrapper>,
    provisioner: &Provisioner,
    nodes: &mut [Node],
    progress: &Progress,
) -> Result<(), Error> {
    let held: Vec<usize> = (0..nodes.len()).filter(|i| nodes[*i].held().any()).collect();
    if held.is_empty() {
        return Ok(());
    }
    let restarted: Vec<_> = held.iter().map(|i| nodes[*i].machine().id.name).collect();
    let any = |which: fn(Held) -> bool| nodes.iter().any(|node| which(node.held()));
    let what = match (any(|held| held.settings), any(|held| held.certificates)) {
        (true, true) => "settings and certificates",
        (false, true) => "certificates",
        (_, false) => "settings",
    };
    progress.warn(format!(
        "engines are restarted for their new {what}, one after the other: {}",
        names(&restarted)
    ));
    for index in held {
        if services.interrupt.raised() {
            return Err(Error::Interrupted);
        }
        let machine = nodes[index].machine().clone();
        let name = machine.id.name;
        let progress = progress.machine(name);
        let restart =
            Box::pin(become_node(services, provisioner, Origin::Restart(machine), &progress));
        let cause = gently(kind, nodes, index, Renew::Nothing, restart, &progress).await?;
        let causes = cause.into_iter().map(|cause| (name, cause)).collect();
        all_well(services, cluster, Work::Make, nodes.len(), causes).await?;
        progress.ready();
    }
    Ok(())
}

/// What a node gets anew beside the settings of its engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renew {
    /// Nothing.
    Nothing,
    /// The certificates that the cluster keeps on it.
    Certificates,
}

/// Does to one node what may restart its engine, so that nothing is lost by it: its work goes elsewhere
/// before, and it is as it was in the end, also if that failed. Returns why it did.
pub(super) async fn gently(
    kind: Option<&dyn Bootstrapper>,
    nodes: &mut [Node],
    index: usize,
    renew: Renew,
    restart: impl Future<Output = Result<Node, MachineError>>,
    progress: &Progress,
) -> Result<Option<MachineError>, Error> {
    // Nothing that Kubernetes runs ends with what is restarted here.
    if engine(&nodes[index]).is_ok()
        && let Some(kind) = kind
        && let Some(leader) = first_that(kind, nodes, |_, reachable| reachable).await?
    {
        let aside = kind.set_aside(&leader, &nodes[index]);
        for what in progress.step("move work elsewhere", aside).await? {
            progress.warn(format!("{what} and is restarted all the same"));
        }
    }
    let mortal = mortal(&nodes[index], progress).await;
    let cause = match restart.await {
        Ok(node) => {
            nodes[index] = node;
            None
        }
        // An engine that refused its new settings has been restarted as well.
        Err(cause) => Some(cause),
    };
    let back = match kind {
        Some(kind) => {
            let back = back(kind, nodes, index, renew);
            progress.step("come back into the cluster", back).await
        }
        None => Ok(()),
    };
    revive(&nodes[index], &mortal, progress).await;
    if cause.is_none() {
        back?;
    }
    Ok(cause)
}

/// Waits until a node is a ready member again and, if it votes, sees a leader; it takes work again if it did
/// before.
async fn back(
    kind: &dyn Bootstrapper,
    nodes: &[Node],
    index: usize,
    renew: Renew,
) -> Result<(), bootstrap::Error> {
    let node = &nodes[index];
    if renew == Renew::Certificates {
        kind.renew(node).await?;
    }
    kind.member(node).await?;
    match first_that(kind, nodes, |_, reachable| reachable).await? {
        Some(leader) => kind.ready(&leader, std::slice::from_ref(node)).await,
        None => Ok(()),
    }
}

/// The containers that end with the engine and do not come back by themselves; the user is told of them.
async fn mortal(node: &Node, progress: &Progress) -> Vec<Mortal> {
    let Ok(engine) = engine(node) else { return Vec::new() };
    let found = match engine.mortal_containers().await {
        Ok(found) => found,
        Err(error) => {
            let why = chain(&*error);
            progress.warn(format!("which containers have to be started again is not known: {why}"));
            return Vec::new();
        }
    };
    let (going, staying): (Vec<Mortal>, Vec<Mortal>) = found.into_iter().partition(|c| c.goes);
    if !going.is_empty() {
        let names = named(&going);
        progress.warn(format!("containers that were run with --rm end with the engine: {names}"));
    }
    if !staying.is_empty() {
        let names = named(&staying);
        progress.warn(format!(
            "containers without a restart policy end with the engine, and are started again: {names}"
        ));
    }
    staying
}

fn named(containers: &[Mortal]) -> String {
    containers.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
}

async fn revive(node: &Node, containers: &[Mortal], progress: &Progress) {
    let Ok(engine) = engine(node) else { return };
    for container in containers {
        if let Err(error) = engine.start_container(&container.id).await {
            let why = chain(&*error);
            progress.warn(format!("container `{}` was not started again: {why}", container.name));
        }
    }
}
