//! What kubeadm and the API have to do with another release, one node at a time ("Upgrading kubeadm
//! clusters", kubernetes.io).

use crate::bootstrap::Error;
use crate::event::Progress;
use crate::failpoint;
use crate::kind::Running;
use crate::model::KubernetesVersion;
use crate::provision::Node;
use crate::remote::Script;
use crate::retry::{Attempt, Patience, retry};

use super::api::{SETTLING, api, since};
use super::failure::failed;
use super::steps::{facts, member};

/// Asks the API what the cluster runs.
pub(in crate::kind::kubernetes) async fn running(leader: &Node) -> Result<Running, Error> {
    const OPERATION: &str = "ask for the cluster's release";
    let server = api(leader).await?;
    let version = server.version().await.map_err(failed(leader, OPERATION))?;
    let version = version.parse::<KubernetesVersion>().map_err(failed(leader, OPERATION))?;
    let nodes = server.nodes().await.map_err(failed(leader, "list the nodes"))?;
    Ok(Running { api: version, nodes })
}

/// Has kubeadm bring a node to a release, which is that of kubeadm itself: on the control plane that is the
/// `first` of them the cluster as a whole as well. Doing it again changes nothing.
pub(in crate::kind::kubernetes) async fn upgrade(
    node: &Node,
    release: KubernetesVersion,
    first: bool,
    progress: &Progress,
) -> Result<(), Error> {
    let facts = facts(node).await?;
    let of_node = member(node, &facts)?;
    let script = Script::new(
        if first { "kubeadm upgrade apply" } else { "kubeadm upgrade node" },
        "On the first control plane kubeadm replaces the static pods one after another, renews their \
         certificates and stores the configuration of the new release; on the others it takes that up.",
        include_str!("../../../../templates/kubernetes/upgrade.sh"),
    )
    .with("VERB", if first { "apply" } else { "node" })
    .with("RELEASE", release.tag())
    .with("IGNORE", of_node.ignored().join(","));
    failpoint::reached("upgrade.kubeadm.before");
    let run =
        async { node.remote().run(&script).await.map_err(failed(node, script.title.clone())) };
    progress.step(&*script.title, run).await?;
    failpoint::reached("upgrade.kubeadm.after");
    Ok(())
}

/// Starts the kubelet that was installed, and waits until it has told the API of itself.
pub(in crate::kind::kubernetes) async fn restart(
    leader: &Node,
    node: &Node,
    release: KubernetesVersion,
) -> Result<(), Error> {
    let script = Script::new(
        "start the new kubelet",
        "Pods go on running while kubelet is away.",
        include_str!("../../../../templates/kubernetes/upgrade-kubelet.sh"),
    );
    node.remote().run(&script).await.map_err(failed(node, script.title.clone()))?;
    let since = since(node).await?;
    let name = node.machine().id.name.to_string();
    let api = api(leader).await?;
    // The former kubelet may have told that it is ready within the same second.
    let attempt = || async {
        let version = match api.nodes().await {
            Ok(nodes) => nodes.into_iter().find(|n| n.name == name).map(|n| n.version),
            Err(error) => return Attempt::Later(error.to_string()),
        };
        match version {
            Some(version) if version == release.tag() => Attempt::Ready(()),
            Some(version) => Attempt::Later(format!("its kubelet is still {version}")),
            None => Attempt::Later("it is not a node of the cluster".to_owned()),
        }
    };
    retry(Patience::until(SETTLING), attempt).await.map_err(|last| {
        let nodes = format!("`{name}` ({})", last.unwrap_or_default());
        Error::NotReady { nodes, seconds: SETTLING.as_secs() }
    })?;
    let ready = api.until_ready_since(std::slice::from_ref(&name), since, SETTLING).await;
    ready.map_err(failed(node, "wait until it is ready"))
}

/// Lets pods be put on a node again.
pub(in crate::kind::kubernetes) async fn uncordon(leader: &Node, node: &Node) -> Result<(), Error> {
    let uncordon = api(leader).await?;
    let uncordon = uncordon.uncordon(&node.machine().id.name.to_string()).await;
    uncordon.map_err(failed(node, "let pods be put on it"))
}
