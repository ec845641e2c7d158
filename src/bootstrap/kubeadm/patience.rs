//! kubeadm's own limits of time, where everything takes longer than usual. Elsewhere they are left out, because
//! their names changed with v1beta4.
//!
//! Source: "kubeadm Configuration (v1beta3)" and "(v1beta4)", kubernetes.io.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::pace::{factor, stretch};

/// How long kubeadm usually waits for an API server with its node, and for a cluster to be found.
const HEALTH: Duration = Duration::from_secs(4 * 60);
const DISCOVERY: Duration = Duration::from_secs(5 * 60);
/// All of v1beta4's, in seconds.
const TIMEOUTS: [(&str, u64); 7] = [
    ("controlPlaneComponentHealthCheck", 240),
    ("kubeletHealthCheck", 240),
    ("kubernetesAPICall", 60),
    ("etcdAPICall", 120),
    ("tlsBootstrap", 300),
    ("discovery", 300),
    ("upgradeManifests", 300),
];

/// Adds them to the configurations of `kubeadm init`.
pub(super) fn of_init(init: &mut Value, cluster: &mut Value) {
    if factor() <= 1.0 {
        return;
    }
    if has_timeouts(init) {
        init["timeouts"] = timeouts();
    } else {
        cluster["apiServer"]["timeoutForControlPlane"] = json!(seconds(HEALTH));
    }
}

/// Adds them to the configuration of `kubeadm join`.
pub(super) fn of_join(join: &mut Value) {
    if factor() <= 1.0 {
        return;
    }
    if has_timeouts(join) {
        join["timeouts"] = timeouts();
    } else {
        join["discovery"]["timeout"] = json!(seconds(DISCOVERY));
    }
}

/// How long a token is good for that usually is for a while, as Go reads it.
pub(super) fn seconds(usual: Duration) -> String {
    format!("{}s", stretch(usual).as_secs())
}

fn has_timeouts(document: &Value) -> bool {
    let old = ["kubeadm.k8s.io/v1beta2", "kubeadm.k8s.io/v1beta3"];
    !old.iter().any(|api| document["apiVersion"] == *api)
}

fn timeouts() -> Value {
    let each = TIMEOUTS
        .iter()
        .map(|(name, usual)| ((*name).to_owned(), json!(seconds(Duration::from_secs(*usual)))));
    Value::Object(each.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::tests::paced;

    fn filled(version: &str) -> [Value; 3] {
        let api = format!("kubeadm.k8s.io/{version}");
        let mut init = json!({ "apiVersion": api });
        let mut cluster = json!({ "apiVersion": api, "apiServer": { "certSANs": ["name"] } });
        let mut join = json!({ "apiVersion": api, "discovery": { "bootstrapToken": {} } });
        of_init(&mut init, &mut cluster);
        of_join(&mut join);
        [init, cluster, join]
    }

    #[test]
    fn kubeadm_waits_longer_where_everything_takes_longer() {
        for version in ["v1beta2", "v1beta3", "v1beta4"] {
            let text = format!("{:?}", filled(version)).to_lowercase();
            assert!(!text.contains("timeout"), "{version} at the usual pace: {text}");
        }
        let _pace = paced(10.0);
        for version in ["v1beta2", "v1beta3"] {
            let [init, cluster, join] = filled(version);
            assert_eq!(cluster["apiServer"]["timeoutForControlPlane"], "2400s");
            assert_eq!(cluster["apiServer"]["certSANs"][0], "name");
            assert_eq!(join["discovery"]["timeout"], "3000s");
            assert!(init.get("timeouts").is_none(), "a field that it does not know: {init}");
        }
        let [init, cluster, join] = filled("v1beta4");
        assert!(cluster["apiServer"].get("timeoutForControlPlane").is_none(), "{cluster}");
        for document in [init, join] {
            assert_eq!(document["timeouts"]["controlPlaneComponentHealthCheck"], "2400s");
            assert_eq!(document["timeouts"]["kubernetesAPICall"], "600s");
            assert!(document.get("discovery").is_none_or(|d| d.get("timeout").is_none()));
        }
    }
}
