//! Tokens that let nodes join ("Authenticating with Bootstrap Tokens", kubernetes.io).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::model::Secret;

use super::{ApiError, ApiServer};

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
        self.apply(&manifest.to_string()).await
    }
}
