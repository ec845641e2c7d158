//! What can go wrong with an API server.

use std::net::SocketAddr;
use std::time::Duration;

use crate::driver::Source;

/// Why an API server could not be reached or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A kubeconfig, a certificate or a key cannot be used.
    #[error("cannot use {what} of the kubeconfig")]
    Credentials {
        /// "the client's certificate".
        what: &'static str,
        /// Why; never the text itself.
        #[source]
        source: Source,
    },
    /// The server refused our certificate, or its own is not the cluster's.
    #[error("the API server at {endpoint} failed the mutual TLS check")]
    Certificate {
        /// Where the server is.
        endpoint: SocketAddr,
        /// What the TLS library or the server said.
        #[source]
        source: Source,
    },
    /// The server did not answer in time.
    #[error("the API server at {endpoint} did not {operation} within {} s", waited.as_secs())]
    Timeout {
        /// Where the server is.
        endpoint: SocketAddr,
        /// What it was asked: "list the nodes".
        operation: String,
        /// How long.
        waited: Duration,
        /// What the last attempt said.
        #[source]
        source: Option<Source>,
    },
    /// The server did not do what it was asked, or could not be asked.
    #[error("cannot {operation} through the API server at {endpoint}")]
    Request {
        /// Where the server is.
        endpoint: SocketAddr,
        /// What was being done, and to what: "cordon node `worker-1`".
        operation: String,
        /// What the server or the library said.
        #[source]
        source: Source,
    },
    /// Some nodes were not ready in time.
    #[error("not ready after {} s: {}", waited.as_secs(), nodes.join("; "))]
    NotReady {
        /// How long.
        waited: Duration,
        /// Each with the reason in its kubelet's words: "`worker-1` (`KubeletNotReady`: …)".
        nodes: Vec<String>,
        /// Why the nodes could not be looked at, if they could not.
        #[source]
        source: Option<Source>,
    },
    /// Some pods did not leave a node in time.
    #[error("node `{node}` still has pods after {} s: {}", waited.as_secs(), pods.join("; "))]
    NotDrained {
        /// The node.
        node: String,
        /// How long.
        waited: Duration,
        /// Each with what holds it: "`default/web-0` (the disruption budget web needs …)".
        pods: Vec<String>,
        /// Why the pods could not be looked at, if they could not.
        #[source]
        source: Option<Source>,
    },
    /// A node has another range of pod addresses, and that can never be changed.
    #[error("node `{node}` has the pod subnet {found} and cannot get {wanted}")]
    PodSubnet {
        /// The node.
        node: String,
        /// What it has.
        found: String,
        /// What it was to get.
        wanted: String,
    },
    /// A manifest is not one.
    #[error("cannot read the manifest")]
    Manifest(#[source] Source),
    /// The server has no such kind of object.
    #[error("the API server knows no such kind in `{api_version}` as {object} is of")]
    UnknownKind {
        /// As in "apps/v1".
        api_version: String,
        /// The object: "Deployment `default/web`".
        object: String,
    },
    /// There is no pod to forward to.
    #[error("cannot forward to `{target}`: {why}")]
    Target {
        /// As it was asked for.
        target: String,
        /// Why not.
        why: String,
    },
}
