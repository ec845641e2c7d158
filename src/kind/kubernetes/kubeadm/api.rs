//! The API of a control plane, and since when what it says of a node is true.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::failed;
use crate::bootstrap::Error;
use crate::model::{KubeCredentials, Service};
use crate::provision::Node;
use crate::remote::{ApiServer, Script};

/// How long an API server may take until it answers, after `kubeadm init` or a boot.
const API_START: Duration = Duration::from_secs(120);
/// How long nodes may take to become ready.
pub(super) const SETTLING: Duration = Duration::from_secs(180);

/// Since when a node's kubelet has been running. What the API knows of before that is hearsay.
pub(super) async fn since(node: &Node) -> Result<Timestamp, Error> {
    let script = Script::new(
        "ask since when kubelet runs",
        "For 40 s nobody notices that a kubelet has fallen silent.",
        include_str!("../../../../templates/kubernetes/since.sh"),
    );
    let output = node.remote().run(&script).await.map_err(failed(node, script.title.clone()))?;
    let seconds = output.trim().parse().unwrap_or_default();
    Ok(Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN))
}

/// The administrator's credentials, as kubeadm left them on a control plane.
pub(super) async fn credentials(leader: &Node) -> Result<KubeCredentials, Error> {
    const OPERATION: &str = "read the administrator's kubeconfig";
    let script = Script::new(
        "fetch the kubeconfig",
        "It holds the address of the API and the administrator's certificate.",
        "cat /etc/kubernetes/admin.conf\n",
    );
    let text = leader.remote().run(&script).await.map_err(failed(leader, OPERATION))?;
    KubeCredentials::from_kubeconfig(&text).map_err(failed(leader, OPERATION))
}

/// The API of a control plane itself, whatever stands before it.
pub(super) async fn api(leader: &Node) -> Result<ApiServer, Error> {
    let credentials = credentials(leader).await?;
    reach(leader, &credentials).await
}

pub(super) async fn reach(node: &Node, credentials: &KubeCredentials) -> Result<ApiServer, Error> {
    let endpoint = node.machine().endpoint(Service::Api).map_err(failed(node, "find the API"))?;
    let api = ApiServer::connect(endpoint, credentials);
    let api = api.map_err(failed(node, "connect to the API"))?;
    api.ready(API_START).await.map_err(failed(node, "reach the API"))?;
    Ok(api)
}
