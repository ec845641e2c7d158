//! Emptying a node, as `kubectl drain --ignore-daemonsets --delete-emptydir-data --force` does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::runtime::watcher;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::driver::Source;
use crate::pace::{stretch, within};

use super::typed::Typed;
use super::watching::Watched;
use super::{ApiError, ApiServer, code, is_refusal, plain};

/// Marks the API server's picture of a pod that a kubelet runs from a file (static pod).
const MIRROR: &str = "kubernetes.io/config.mirror";
/// How long to wait before a pod is asked again to leave. kubectl waits 5 s.
const PAUSE: Duration = Duration::from_secs(1);

/// How one request to leave ended.
enum Outcome {
    /// The pod is on its way, or was gone.
    Leaving,
    /// Not now, and why.
    Later(String),
    /// Never.
    Refused(Source),
}

impl ApiServer {
    /// Empties a node: no pod is put there any more, and each one there is asked to leave, but for the
    /// static pods and those of a `DaemonSet`. Returns when they are gone. Disruption budgets are
    /// respected: who may not leave yet is asked again. The node stays cordoned, also after a failure.
    ///
    /// `grace` is the longest that a pod may take to end, whatever it says itself. `progress` is told
    /// of each step in a few words.
    ///
    /// # Errors
    /// [`ApiError::NotDrained`] names each pod that is still there, and what holds it.
    pub async fn drain(
        &self,
        node: &str,
        grace: Option<Duration>,
        deadline: Duration,
        mut progress: impl FnMut(String) + Send,
    ) -> Result<(), ApiError> {
        let end = Instant::now() + stretch(deadline);
        self.cordon(node).await?;
        let here = watcher::Config::default().fields(&format!("spec.nodeName={node}"));
        let mut pods = Watched::new(&Typed::<Pod>::all(&self.client), here);
        // What holds each pod that was asked to leave, by its unique id.
        let mut asked: BTreeMap<String, String> = BTreeMap::new();
        let mut requests: FuturesUnordered<BoxFuture<'_, (Pod, Outcome)>> = FuturesUnordered::new();
        let mut listed = false;
        let mut told = None;
        loop {
            tokio::select! {
                change = pods.changed() => {
                    change.map_err(|source| {
                        ApiError::Certificate { endpoint: self.endpoint, source }
                    })?;
                    listed = true;
                }
                Some((pod, outcome)) = requests.next() => match outcome {
                    Outcome::Leaving => {
                        asked.insert(id(&pod), "it is being ended".to_owned());
                    }
                    Outcome::Later(why) => {
                        if asked.insert(id(&pod), why.clone()).as_ref() != Some(&why) {
                            progress(format!("{} cannot leave yet: {why}", name(&pod)));
                        }
                        // It may be gone meanwhile, which the server then says.
                        requests.push(Box::pin(async move {
                            sleep(PAUSE).await;
                            self.evict(pod, grace).await
                        }));
                    }
                    Outcome::Refused(source) => {
                        let operation = format!("evict pod {} from node `{node}`", name(&pod));
                        let endpoint = self.endpoint;
                        return Err(ApiError::Request { endpoint, operation, source });
                    }
                },
                () = sleep_until(end) => {
                    let left = pods.objects().filter(must_leave);
                    let held = left.map(|pod| match asked.get(&id(pod)) {
                        Some(why) if !why.is_empty() => format!("{} ({why})", name(pod)),
                        _ => name(pod),
                    });
                    return Err(ApiError::NotDrained {
                        node: node.to_owned(),
                        waited: stretch(deadline),
                        pods: held.collect(),
                        source: pods.into_trouble(),
                    });
                }
            }
            if !listed {
                continue;
            }
            let leaving: Vec<_> = pods.objects().filter(must_leave).collect();
            if leaving.is_empty() {
                return Ok(());
            }
            if told.replace(leaving.len()) != Some(leaving.len()) {
                progress(match leaving.len() {
                    1 => "1 pod has to leave".to_owned(),
                    number => format!("{number} pods have to leave"),
                });
            }
            for pod in leaving {
                // Also one that was put here just before the node was cordoned.
                if let Entry::Vacant(new) = asked.entry(id(pod)) {
                    new.insert(String::new());
                    requests.push(Box::pin(self.evict(pod.clone(), grace)));
                }
            }
        }
    }

    async fn evict(&self, pod: Pod, grace: Option<Duration>) -> (Pod, Outcome) {
        if pod.metadata.deletion_timestamp.is_some() {
            return (pod, Outcome::Leaving);
        }
        let namespace = pod.namespace().unwrap_or_default();
        let api = Api::<Pod>::namespaced(self.client.clone(), &namespace);
        // Said in a request, it would also lengthen what a pod asks for.
        let own = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
        let most = grace.and_then(|grace| i64::try_from(grace.as_secs()).ok());
        let shorter = most.filter(|most| own.is_none_or(|own| own > *most));
        let request = json!({
            "metadata": { "name": pod.name_any(), "namespace": namespace },
            "deleteOptions": {
                "gracePeriodSeconds": shorter,
                // A StatefulSet soon has another pod of the same name.
                "preconditions": { "uid": pod.uid() },
            },
        });
        let pod_name = pod.name_any();
        let how = PostParams::default();
        let evict = api.create_subresource::<_, Value>("eviction", &pod_name, &how, &request);
        let outcome = match within(super::ANSWER, evict).await {
            Ok(Ok(_)) => Outcome::Leaving,
            Ok(Err(error)) => judge(error),
            Err(_) => Outcome::Later("the API server does not answer".to_owned()),
        };
        (pod, outcome)
    }
}

fn judge(error: kube::Error) -> Outcome {
    match (&error, code(&error)) {
        (_, Some(404)) => Outcome::Leaving,
        (kube::Error::Api(status), Some(429)) => {
            // The causes name the budget.
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let causes: Vec<_> = causes.map(|cause| cause.message.clone()).collect();
            Outcome::Later(if causes.is_empty() {
                status.message.clone()
            } else {
                causes.join(", ")
            })
        }
        // Its namespace is being deleted, and it with it.
        (kube::Error::Api(status), Some(403)) if status.message.contains("being terminated") => {
            Outcome::Later("its namespace is being deleted".to_owned())
        }
        // One that has just begun does not know yet who may do what; a refusal by anybody else has other words.
        (kube::Error::Api(status), Some(403)) if status.message.contains(": User \"") => {
            Outcome::Later(status.message.clone())
        }
        // 409: it changed, or another one has its name by now.
        (kube::Error::Api(status), Some(409 | 500..))
            if !status.message.contains("more than one PodDisruptionBudget") =>
        {
            Outcome::Later(status.message.clone())
        }
        (kube::Error::Api(_), _) => Outcome::Refused(plain(error)),
        _ if is_refusal(&error) => Outcome::Refused(plain(error)),
        _ => Outcome::Later(plain(error).to_string()),
    }
}

// By reference to a reference, as `filter` wants it.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn must_leave(pod: &&Pod) -> bool {
    let mirror = pod.annotations().contains_key(MIRROR);
    let of_daemon_set = pod
        .owner_references()
        .iter()
        .any(|owner| owner.controller == Some(true) && owner.kind == "DaemonSet");
    !mirror && !of_daemon_set
}

fn id(pod: &Pod) -> String {
    pod.uid().unwrap_or_default()
}

fn name(pod: &Pod) -> String {
    format!("`{}/{}`", pod.namespace().unwrap_or_default(), pod.name_any())
}
