//! Against a real API server and a real etcd.

mod control_plane;

use std::time::{Duration, Instant};

use clusterdojo::event::chain;
use clusterdojo::pki::{Authority, Validity};
use clusterdojo::remote::{ApiError, ApiServer};
use serde_json::{Value, json};

use control_plane::ControlPlane;
pub use control_plane::{bundle, image_in, previous_bundle, release, tool};

const SOON: Duration = Duration::from_secs(30);
/// Enough for what is told at once.
const MOMENT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_prove_themselves() {
    let plane = ControlPlane::shared().await;
    let version = plane.connect().version().await.unwrap();
    assert_eq!(version, format!("v{}", release(&bundle())));

    let other = Authority::create("system:masters", Validity::authority()).unwrap();
    let stranger = other.client("admin").unwrap();
    let mut trusting_another = plane.credentials(&plane.admin());
    trusting_another.ca = other.cert_pem().to_owned();
    for credentials in [plane.credentials(&stranger), trusting_another] {
        let server = ApiServer::connect(plane.endpoint, &credentials).unwrap();
        let begin = Instant::now();
        let error = server.ready(SOON).await.unwrap_err();
        assert!(matches!(error, ApiError::Certificate { .. }), "{}", chain(&error));
        let error = server.until_ready(&["node-1".to_owned()], SOON).await.unwrap_err();
        assert!(matches!(error, ApiError::Certificate { .. }), "{}", chain(&error));
        assert!(begin.elapsed() < SOON / 2, "it was tried again and again");
    }
}

/// A node as its kubelet would have made it, without a word on its state.
fn node(plane: &ControlPlane, name: &str) {
    let labels = json!({ "node-role.kubernetes.io/control-plane": "" });
    plane.put(&json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": labels },
    }));
}

fn report(plane: &ControlPlane, name: &str, ready: bool) {
    let (status, reason, message) = if ready {
        ("True", "KubeletReady", "kubelet is posting ready status")
    } else {
        ("False", "KubeletNotReady", "cni config uninitialized")
    };
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let status = json!({
        "addresses": [{ "type": "InternalIP", "address": "10.0.0.7" }],
        "nodeInfo": {
            "kubeletVersion": "v1.37.2", "architecture": "", "bootID": "", "kernelVersion": "",
            "containerRuntimeVersion": "", "kubeProxyVersion": "", "machineID": "",
            "operatingSystem": "", "osImage": "", "systemUUID": "",
        },
        "conditions": [{
            "type": "Ready", "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
    });
    plane.put_status(&format!("/api/v1/nodes/{name}"), &status);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_waited_for_in_their_kubelets_words() {
    let plane = ControlPlane::shared().await;
    let server = plane.connect();
    let names = ["node-1", "node-2", "node-3"].map(str::to_owned);
    node(&plane, "node-1");
    node(&plane, "node-2");
    report(&plane, "node-2", false);
    let error = server.until_ready(&names, MOMENT).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not ready after 2 s: `node-1` (its kubelet has not reported yet); \
         `node-2` (KubeletNotReady: cni config uninitialized); `node-3` (it has not joined)"
    );

    let waiting = {
        let (server, names) = (server.clone(), names.clone());
        tokio::spawn(async move { server.until_ready(&names, SOON).await.map(|()| Instant::now()) })
    };
    node(&plane, "node-3");
    for name in &names {
        assert!(!waiting.is_finished());
        report(&plane, name, true);
    }
    let told = Instant::now();
    let seen = waiting.await.unwrap().unwrap();
    assert!(seen.saturating_duration_since(told) < Duration::from_millis(500), "it was polled");

    // What was told before a machine was started again is worth nothing.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let restart = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap();
    report(&plane, "node-1", true);
    let error = server.until_ready_since(&names[..2], restart, MOMENT).await.unwrap_err();
    let why = "not ready after 2 s: `node-2` (its kubelet has not reported since)";
    assert_eq!(error.to_string(), why);

    server.delete_node("node-3").await.unwrap();
    server.delete_node("node-3").await.unwrap();
    let mut nodes = server.nodes().await.unwrap();
    nodes.retain(|node| node.name.starts_with("node-"));
    assert_eq!(nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["node-1", "node-2"]);
    let first = &nodes[0];
    assert_eq!(first.version, "v1.37.2");
    assert_eq!(first.internal_ip, Some([10, 0, 0, 7].into()));
    assert!(first.ready && first.control_plane && first.schedulable && !first.uid.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_outlives_the_api_server() {
    let mut plane = ControlPlane::start().await;
    let server = plane.connect();
    node(&plane, "node-1");
    report(&plane, "node-1", false);
    let version = |plane: &ControlPlane| {
        plane.kubectl(&["get", "node", "node-1", "-o", "jsonpath={.metadata.resourceVersion}"], "")
    };
    let before = version(&plane);
    let waiting = {
        let server = server.clone();
        tokio::spawn(async move { server.until_ready(&["node-1".to_owned()], SOON).await })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Something that the watch does not hear of, so that the cluster is further on than the watch.
    plane.kubectl(&["create", "namespace", "elsewhere"], "");
    plane.kill_api();
    tokio::time::sleep(Duration::from_millis(500)).await;
    plane.start_api();
    server.ready(SOON).await.unwrap();
    // The new server has forgotten what the watch had seen last.
    let path = format!("/api/v1/nodes?watch=1&timeoutSeconds=1&resourceVersion={before}");
    let expired = plane.kubectl(&["get", "--raw", &path], "");
    assert!(expired.contains(r#""code":410"#), "{expired}");
    assert!(!waiting.is_finished());
    report(&plane, "node-1", true);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_changed_in_what_was_asked_for() {
    let plane = ControlPlane::shared().await;
    let server = plane.connect();
    node(&plane, "changed");
    server.set_pod_cidr("changed", "10.244.1.0/24").await.unwrap();
    server.set_pod_cidr("changed", "10.244.1.0/24").await.unwrap();
    let error = server.set_pod_cidr("changed", "10.244.2.0/24").await.unwrap_err();
    let why = "node `changed` has the pod subnet 10.244.1.0/24 and cannot get 10.244.2.0/24";
    assert_eq!(error.to_string(), why);
    server.label_node("changed", "example.org/disk", "ssd").await.unwrap();
    let found = plane.kubectl(&["get", "node", "changed", "-o", "json"], "");
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["spec"]["podCIDRs"], json!(["10.244.1.0/24"]));
    assert_eq!(found["metadata"]["labels"]["example.org/disk"], "ssd");
    assert_eq!(found["metadata"]["labels"]["node-role.kubernetes.io/control-plane"], "");
    let error = server.label_node("none", "a", "b").await.unwrap_err();
    let why = chain(&error);
    assert!(why.contains("cannot label node `none`") && why.contains("not found"), "{why}");
    assert!(!why.contains("Status {"), "{why}");
}

/// A node, and a namespace of the same name for its pods.
fn inhabited(plane: &ControlPlane, name: &str) {
    node(plane, name);
    plane.kubectl(&["create", "namespace", name], "");
}

/// A pod with a label of its own on a node, as if it ran.
fn pod(plane: &ControlPlane, node: &str, name: &str, more: &Value) {
    let mut metadata = json!({ "name": name, "namespace": node, "labels": { "app": name } });
    for (key, value) in more.as_object().unwrap() {
        metadata[key] = value.clone();
    }
    plane.put(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 5,
            "containers": [{
                "name": "c", "image": "c",
                "ports": [{ "name": "http", "containerPort": 8080 }],
            }],
        },
    }));
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    let status = json!({ "phase": "Running", "conditions": ready });
    plane.put_status(&format!("/api/v1/namespaces/{node}/pods/{name}"), &status);
}

/// What a kubelet does with a pod that is to end.
fn end(plane: &ControlPlane, node: &str, name: &str) {
    plane.kubectl(
        &["delete", "pod", "-n", node, name, "--grace-period=0", "--force", "--wait=false"],
        "",
    );
}

fn is_ending(plane: &ControlPlane, node: &str, name: &str) -> bool {
    let path = "jsonpath={.metadata.deletionTimestamp}";
    !plane.kubectl(&["get", "pod", "-n", node, name, "-o", path], "").is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_respects_budgets_and_leaves_what_belongs_to_the_node() {
    let plane = ControlPlane::shared().await;
    let server = plane.connect();
    inhabited(&plane, "drained");
    let schedulable = async |server: &ApiServer| {
        let nodes = server.nodes().await.unwrap();
        nodes.iter().find(|node| node.name == "drained").unwrap().schedulable
    };
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "proxy", "uid": "1",
        "controller": true,
    }]);
    pod(&plane, "drained", "daemon", &json!({ "ownerReferences": owner }));
    pod(&plane, "drained", "web", &json!({}));
    pod(&plane, "drained", "db", &json!({}));
    plane.put(&json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": { "name": "keep-db", "namespace": "drained" },
        "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": "db" } } },
    }));
    let budget = "/apis/policy/v1/namespaces/drained/poddisruptionbudgets/keep-db";
    let allow = |number: u8| {
        let status = json!({
            "observedGeneration": 1, "disruptionsAllowed": number, "currentHealthy": 1,
            "desiredHealthy": 1 - number, "expectedPods": 1,
        });
        plane.put_status(budget, &status);
    };
    allow(0);
    // Each may take what it asks for, but no longer than the drain allows.
    let grace = |pod: &str| {
        let path = "jsonpath={.metadata.deletionGracePeriodSeconds}";
        plane.kubectl(&["get", "pod", "-n", "drained", pod, "-o", path], "")
    };
    let three = Duration::from_secs(3);
    let error = server.drain("drained", Some(three), three, |_| {}).await.unwrap_err();
    assert_eq!(grace("web"), "3");
    let said = error.to_string();
    assert!(said.starts_with("node `drained` still has pods after 3 s: "), "{said}");
    assert!(said.contains("`drained/web` (it is being ended)"), "{said}");
    assert!(said.contains("`drained/db` (The disruption budget keep-db needs 1"), "{said}");
    assert!(!said.contains("daemon"), "{said}");
    assert!(is_ending(&plane, "drained", "web") && !is_ending(&plane, "drained", "db"));
    assert!(!schedulable(&server).await);

    let drained = {
        let server = server.clone();
        tokio::spawn(async move {
            let mut said = Vec::new();
            let grace = Some(Duration::from_secs(7));
            let result = server.drain("drained", grace, SOON, |line| said.push(line)).await;
            (result, said)
        })
    };
    end(&plane, "drained", "web");
    tokio::time::sleep(Duration::from_millis(500)).await;
    allow(1);
    let begin = Instant::now();
    while !is_ending(&plane, "drained", "db") {
        assert!(begin.elapsed() < SOON, "it was not asked again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!drained.is_finished());
    assert_eq!(grace("db"), "5");
    end(&plane, "drained", "db");
    let (result, said) = drained.await.unwrap();
    result.unwrap();
    assert!(said.iter().any(|line| line.contains("keep-db")), "{said:?}");
    assert_eq!(plane.kubectl(&["get", "pods", "-n", "drained", "-o", "name"], ""), "pod/daemon\n");
    server.uncordon("drained").await.unwrap();
    assert!(schedulable(&server).await);
}

/// As in the wild: what is needed comes after what needs it.
const MANIFEST: &str = "
apiVersion: example.org/v1
kind: Flower
metadata: { name: rose, namespace: garden }
spec: { colour: red }
---
# Nothing but a comment.
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: { name: soil, namespace: garden }
  data: { depth: \"3\" }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: flowers.example.org }
spec:
  group: example.org
  names: { kind: Flower, listKind: FlowerList, plural: flowers, singular: flower }
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
---
apiVersion: v1
kind: Namespace
metadata: { name: garden }
";

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_applied_in_an_order_that_works() {
    let plane = ControlPlane::shared().await;
    let server = plane.connect();
    server.apply(MANIFEST).await.unwrap();
    let colour = |plane: &ControlPlane| {
        let flower = ["get", "flower", "rose", "-n", "garden", "-o", "jsonpath={.spec.colour}"];
        plane.kubectl(&flower, "")
    };
    assert_eq!(colour(&plane), "red");

    // Again, also over what somebody else has changed; what the manifest does not name stays.
    let patch = r#"{"spec":{"colour":"blue","height":"2"}}"#;
    let by_hand = ["patch", "flower", "rose", "-n", "garden", "--type=merge", "-p", patch];
    plane.kubectl(&by_hand, "");
    assert_eq!(colour(&plane), "blue");
    server.apply(MANIFEST).await.unwrap();
    assert_eq!(colour(&plane), "red");
    let fields = "jsonpath={.spec.height} {.metadata.managedFields[*].manager}";
    let rest = plane.kubectl(&["get", "flower", "rose", "-n", "garden", "-o", fields], "");
    assert!(rest.starts_with("2 ") && rest.contains("clusterdojo"), "{rest}");

    let begin = Instant::now();
    let typo = MANIFEST.replace("kind: CustomResourceDefinition", "kind: CustomDefinition");
    let error = server.apply(&typo).await.unwrap_err();
    let why = "the API server knows no such kind in `apiextensions.k8s.io/v1` as \
               CustomDefinition `flowers.example.org` is of";
    assert_eq!(error.to_string(), why);
    let wrong = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: [c]}}";
    let error = server.apply(wrong).await.unwrap_err();
    let why = chain(&error);
    assert!(why.contains("cannot apply ConfigMap `a`") && why.contains("data.b"), "{why}");
    let nowhere = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}";
    let error = server.apply(nowhere).await.unwrap_err();
    assert!(chain(&error).contains(r#"namespaces "b" not found"#), "{}", chain(&error));
    assert!(begin.elapsed() < SOON / 3, "it was tried again and again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_leads_to_a_port_of_a_pod() {
    let plane = ControlPlane::shared().await;
    let server = plane.connect();
    inhabited(&plane, "serving");
    pod(&plane, "serving", "web", &json!({}));
    plane.put(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "shop", "namespace": "serving" },
        "spec": {
            "selector": { "app": "web" },
            "ports": [
                { "name": "plain", "port": 80, "targetPort": "http" },
                { "name": "tls", "port": 443, "targetPort": 8443 },
            ],
        },
    }));
    plane.put(&json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "outside", "namespace": "serving" },
        "spec": { "ports": [{ "port": 80 }] },
    }));
    let selector = json!({ "matchLabels": { "app": "web" } });
    plane.put(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "serving" },
        "spec": { "selector": selector, "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "c", "image": "c" }] },
        }},
    }));
    for (target, port) in [
        ("svc/shop:80", 8080),
        ("service/shop:tls", 8443),
        ("deploy/web:http", 8080),
        ("pod/web:9000", 9000),
        ("web", 8080),
    ] {
        let found = server.resolve("serving", target).await.unwrap();
        assert_eq!((found.pod.as_str(), found.port), ("web", port), "{target}");
    }
    for (target, why) in [
        ("svc/shop", "the service has 2 ports; name one"),
        ("svc/shop:81", "the service has no port `81`"),
        ("svc/outside:80", "it selects no pods"),
        ("pod/web:smtp", "pod `web` has no port `smtp`"),
        ("deploy/none:80", "namespace `serving` has no deployment `none`"),
        ("job/a:80", "expected svc/NAME:PORT, deploy/NAME:PORT or pod/NAME:PORT"),
    ] {
        let error = server.resolve("serving", target).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot forward to `{target}`: {why}"));
    }
}
