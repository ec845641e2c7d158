//! A Kubernetes API server over mutual TLS, as seen from this computer.
//!
//! Nothing here reads a kubeconfig of the user's, an environment variable or a proxy's address: where
//! the server is, whom to trust and who we are is all told by the caller.

mod apply;
mod asked;
mod clock;
mod credentials;
mod details;
mod drain;
mod error;
mod forward;
mod nodes;
mod objects;
mod observing;
mod target;
mod token;
mod transport;
mod typed;
mod watching;
mod workloads;

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;

use crate::driver::Source;
use crate::model::KubeCredentials;
use crate::pace::{stretch, within};
use crate::retry::{Attempt, Patience, retry};
use crate::tls::is_final;

pub use asked::KubernetesExtras;
pub use details::{
    ContainerDetails, Labels, NodeDetails, NodeState, NodeTaint, Owner, PodDetails, PodProbe,
    WorkloadDetails,
};
pub use error::ApiError;
pub use nodes::NodeStatus;
pub use objects::{BudgetStatus, CronJobStatus, EventFact, JobStatus, KeysFact, ReplicaSetStatus};
pub use observing::{KubernetesView, Watching};
pub use target::PodPort;
pub use workloads::{ContainerState, PodContainer, PodStatus, Workload};

use transport::ANSWER;

/// Who owns the fields that are applied from here (server-side apply, Kubernetes documentation).
const FIELD_MANAGER: &str = "clusterdojo";
/// How long one question may take while a server starts.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often to ask while a server starts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// The server ends a watch after this many seconds and it begins anew; a connection that has silently
/// died is noticed 5 s later.
const WATCH: u32 = 10;
/// How long to wait before watching again after a watch has failed.
const WATCH_PAUSE: Duration = Duration::from_millis(250);

/// A Kubernetes API server, reached over mutual TLS. Cheap to clone.
#[derive(Clone)]
pub struct ApiServer {
    endpoint: SocketAddr,
    client: Client,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// The server at an address, which nobody has asked anything yet; see [`Self::ready`]. Must be
    /// called within the tokio runtime.
    ///
    /// # Errors
    /// [`ApiError::Credentials`] if they cannot be used.
    pub fn connect(endpoint: SocketAddr, credentials: &KubeCredentials) -> Result<Self, ApiError> {
        Ok(Self { endpoint, client: transport::client(endpoint, credentials)? })
    }

    /// Where it is.
    pub fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// Waits until the server says that it is ready, and proves both sides' certificates by it.
    ///
    /// # Errors
    /// [`ApiError::Certificate`] at once if either side's certificate is refused,
    /// [`ApiError::Timeout`] if the server was not ready in time.
    pub async fn ready(&self, deadline: Duration) -> Result<(), ApiError> {
        let attempt = || async {
            let error = match within(ATTEMPT, self.get("/readyz")).await {
                Ok(Ok(_)) => return Attempt::Ready(()),
                Ok(Err(error)) => error,
                Err(elapsed) => kube::Error::Service(elapsed.into()),
            };
            if is_refusal(&error) { Attempt::GiveUp(error) } else { Attempt::Later(error) }
        };
        let patience =
            Patience { deadline, first_pause: FIRST_PAUSE, longest_pause: LONGEST_PAUSE };
        retry(patience, attempt).await.map_err(|last| match last {
            Some(error) if is_refusal(&error) => self.failed("ask whether it is ready")(error),
            last => ApiError::Timeout {
                endpoint: self.endpoint,
                operation: "say that it is ready".to_owned(),
                waited: stretch(deadline),
                source: last.map(plain),
            },
        })
    }

    /// The version of Kubernetes that the server is of, as in `v1.37.2`.
    pub async fn version(&self) -> Result<String, ApiError> {
        let version = async {
            let text = self.get("/version").await?;
            let info: Info = serde_json::from_str(&text).map_err(kube::Error::SerdeError)?;
            Ok(info.git_version)
        };
        self.ask("ask for its version", version).await
    }

    async fn get(&self, path: &str) -> kube::Result<String> {
        let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        self.client.request_text(request).await
    }

    /// One question and its answer; `operation` says what for: "list the nodes".
    async fn ask<T>(
        &self,
        operation: impl Into<String>,
        question: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ApiError> {
        match within(ANSWER, question).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failed(operation)(error)),
            Err(_) => Err(ApiError::Timeout {
                endpoint: self.endpoint,
                operation: operation.into(),
                waited: stretch(ANSWER),
                source: None,
            }),
        }
    }

    fn failed(&self, operation: impl Into<String>) -> impl FnOnce(kube::Error) -> ApiError {
        let (endpoint, operation) = (self.endpoint, operation.into());
        move |error| {
            if is_refusal(&error) {
                ApiError::Certificate { endpoint, source: plain(error) }
            } else {
                ApiError::Request { endpoint, operation, source: plain(error) }
            }
        }
    }
}

/// Whether one side refused the other's certificate. A server whose authority is not the one of our
/// certificate lets the connection be made, and answers 401.
fn is_refusal(error: &kube::Error) -> bool {
    is_final(error) || code(error) == Some(401)
}

/// The HTTP status of an answer that was no success.
fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// The error without the wrapping that would print everything twice; of an answer, the server's words.
fn plain(error: kube::Error) -> Source {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.into(),
        kube::Error::Api(status) => status,
        kube::Error::Service(source) => source,
        kube::Error::HyperError(source) => source.into(),
        other => other.into(),
    }
}
