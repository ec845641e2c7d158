//! kubeadm's own limits of time, where everything takes longer than usual.
//!
//! Source: "kubeadm Configuration (v1beta4)", kubernetes.io.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::pace::{factor, stretch};

/// How long kubeadm usually waits, in seconds.
const TIMEOUTS: [(&str, u64); 7] = [
    ("controlPlaneComponentHealthCheck", 240),
    ("kubeletHealthCheck", 240),
    ("kubernetesAPICall", 60),
    ("etcdAPICall", 120),
    ("tlsBootstrap", 300),
    ("discovery", 300),
    ("upgradeManifests", 300),
];

/// Adds them to the configuration of `kubeadm init` or `kubeadm join`.
pub(super) fn add(configuration: &mut Value) {
    if factor() > 1.0 {
        let each = TIMEOUTS
            .iter()
            .map(|(name, usual)| ((*name).to_owned(), json!(seconds(Duration::from_secs(*usual)))));
        configuration["timeouts"] = Value::Object(each.collect::<Map<_, _>>());
    }
}

/// A time that usually is so long, as Go reads it.
pub(super) fn seconds(usual: Duration) -> String {
    format!("{}s", stretch(usual).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::tests::paced;

    #[test]
    fn kubeadm_waits_longer_where_everything_takes_longer() {
        let filled = || {
            let mut configuration = json!({ "kind": "JoinConfiguration" });
            add(&mut configuration);
            configuration
        };
        assert!(filled().get("timeouts").is_none(), "at the usual pace");
        let _pace = paced(10.0);
        assert_eq!(filled()["timeouts"]["controlPlaneComponentHealthCheck"], "2400s");
        assert_eq!(filled()["timeouts"]["kubernetesAPICall"], "600s");
    }
}
