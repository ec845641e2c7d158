//! Tokens that let nodes join ("Authenticating with Bootstrap Tokens", kubernetes.io).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::model::Secret;
use crate::pace::stretch;

use crate::retry::{Attempt, Patience, retry};

use super::typed::Typed;
use super::{ApiError, ApiServer};

/// How long the controller that signs may take.
const SIGNING: Duration = Duration::from_secs(60);

impl ApiServer {
    /// Lets whoever has the token join as a worker, for as long as it is good; afterwards the cluster
    /// forgets it by itself. `token` has an id, a dot, and a secret.
    pub async fn admit(&self, token: &Secret, good_for: Duration) -> Result<(), ApiError> {
        let (id, secret) = token.expose().split_once('.').unwrap_or_default();
        let good_for = SignedDuration::try_from(good_for).unwrap_or(SignedDuration::ZERO);
        let until = Timestamp::now().saturating_add(good_for).unwrap_or(Timestamp::MAX);
        let manifest = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": format!("bootstrap-token-{id}"), "namespace": "kube-system" },
            "type": "bootstrap.kubernetes.io/token",
            "stringData": {
                "description": "lets nodes of clusterdojo join",
                "token-id": id,
                "token-secret": secret,
                "expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "usage-bootstrap-authentication": "true",
                "usage-bootstrap-signing": "true",
                "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
            },
        });
        // JSON is YAML.
        self.apply(&manifest.to_string()).await?;
        self.signed(id).await
    }

    /// Waits until the cluster's public description is signed with a token. Whoever joins checks the
    /// signature, and a kubeadm that finds none looks again only seconds later.
    async fn signed(&self, id: &str) -> Result<(), ApiError> {
        const OPERATION: &str = "sign the description of the cluster";
        let api = Typed::<ConfigMap>::namespaced(&self.client, "kube-public");
        let signature = format!("jws-kubeconfig-{id}");
        let attempt = || async {
            let map = self.ask(OPERATION, api.find("cluster-info")).await;
            match map.map(|map| map.and_then(|map| map.data).unwrap_or_default()) {
                Ok(data) if data.contains_key(&signature) => Attempt::Ready(()),
                Ok(_) => Attempt::Later(None),
                Err(error) => Attempt::Later(Some(error)),
            }
        };
        let patience = Patience {
            deadline: SIGNING,
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_millis(200),
        };
        retry(patience, attempt).await.map_err(|last| {
            last.flatten().unwrap_or_else(|| ApiError::Timeout {
                endpoint: self.endpoint,
                operation: OPERATION.to_owned(),
                waited: stretch(SIGNING),
                source: None,
            })
        })
    }
}
