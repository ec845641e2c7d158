//! Three control planes behind a load balancer: whichever machine is lost, the cluster goes on, and `up`
//! mends it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::bundle;
use crate::world::{World, engine, on, until};

const CONTROL_PLANES: [&str; 3] = ["control-plane-1", "control-plane-2", "control-plane-3"];

fn has(cluster: &str, machine: &str, file: &str) -> bool {
    let container = format!("dojo-{cluster}-{machine}");
    engine(&["exec", &container, "test", "-e", file]).code == Some(0)
}

fn etcd(cluster: &str, machine: &str, request: &str) -> Value {
    let certificates = "--cacert ca.crt --cert healthcheck-client.crt --key healthcheck-client.key";
    let command = format!(
        "cd /etc/kubernetes/pki/etcd && curl -s -m 5 {certificates} https://127.0.0.1:2379/{request}"
    );
    let container = format!("dojo-{cluster}-{machine}");
    let said = engine(&["exec", &container, "sh", "-c", &command]);
    serde_json::from_str(&said.stdout).unwrap_or_default()
}

/// The members of etcd as one of them lists them, by name. One that never started has none.
fn members(cluster: &str, machine: &str) -> Vec<String> {
    let list = etcd(cluster, machine, "v3/cluster/member/list -d '{}'");
    let members = list["members"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> =
        members.iter().map(|m| m["name"].as_str().unwrap_or_default().to_owned()).collect();
    names.sort();
    names
}

/// Fails the test unless etcd has exactly one healthy member on each control plane.
#[track_caller]
fn assert_whole(world: &World, cluster: &str) {
    for machine in CONTROL_PLANES {
        assert_eq!(members(cluster, machine), CONTROL_PLANES, "as {machine} sees it");
        assert_eq!(etcd(cluster, machine, "health")["health"], "true", "{machine}");
    }
    let said = world.dojo(&["status", cluster]);
    assert_eq!(said.code, Some(0), "{}", said.stdout);
    assert_eq!(world.ready_nodes().len(), 4);
}

#[test]
fn a_cluster_outlives_each_of_three_control_planes() {
    let mut world = World::new();
    let name = world.name("ha");
    let bundle = bundle();
    let mut up = vec!["up", &name, "--kubernetes", "--control-planes", "3", "--workers", "1"];
    up.extend(["--bundle", bundle.to_str().unwrap()]);
    let container = |machine: &str| format!("dojo-{name}-{machine}");

    // The power goes here, and on the second control plane as well, when etcd counts it already.
    let mut child = world.command(&up).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the second control plane joins etcd", 600, || {
        assert_eq!(child.try_wait().unwrap(), None, "`up` ended too early");
        has(&name, "control-plane-2", "/etc/kubernetes/manifests/etcd.yaml")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    engine(&["restart", "-t", "0", &container("control-plane-2")]).ok();
    assert!(
        !has(&name, "control-plane-2", "/etc/kubernetes/clusterdojo-member"),
        "its join was over before it was cut short"
    );
    world.dojo(&up).ok();
    assert_whole(&world, &name);
    let server = world.kubectl(&["config", "view", "--minify", "-o", "jsonpath={..server}"]).ok();
    let published = engine(&["port", &container("load-balancer-1"), "6443/tcp"]).ok();
    assert_eq!(server, format!("https://{}", published.trim()));

    // One that is off is noticed by nobody who uses the cluster …
    engine(&["stop", &container("control-plane-1")]).ok();
    let begin = Instant::now();
    world.kubectl(&["create", "configmap", "kept", "--from-literal", "word=outlived"]).ok();
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    let is = |status: &str, machine: &str, state: &str| {
        let line = status.lines().find(|line| line.starts_with(machine));
        line.unwrap_or_else(|| panic!("{machine} is missing in {status}")).contains(state)
    };
    // The load balancer may still wait for the one that is off; that must not silence the others.
    until("the load balancer has left it out", 30, || {
        let status = world.dojo(&["status", &name]);
        assert_eq!(status.code, Some(1), "{}", status.stdout);
        assert!(is(&status.stdout, "control-plane-1", "stopped"));
        for machine in ["control-plane-2", "control-plane-3", "worker-1"] {
            assert!(is(&status.stdout, machine, " Ready"), "{}", status.stdout);
        }
        is(&status.stdout, "load-balancer-1", " Ready")
    });
    // … and takes part again by itself.
    engine(&["start", &container("control-plane-1")]).ok();
    until("etcd on the first control plane is back", 120, || {
        etcd(&name, "control-plane-1", "health")["health"] == "true"
    });

    // One that is lost for good is replaced; the one in whose place it stood no longer counts.
    let lost = on(&name, "control-plane-2", "cat /etc/machine-id");
    engine(&["rm", "-f", "-v", &container("control-plane-2")]).ok();
    world.dojo(&up).ok();
    assert_ne!(on(&name, "control-plane-2", "cat /etc/machine-id"), lost);
    assert_whole(&world, &name);
    let kept = world.kubectl(&["get", "configmap", "kept", "-o", "jsonpath={.data.word}"]).ok();
    assert_eq!(kept, "outlived");

    // Everybody knows the cluster by its load balancer, so it cannot do with less.
    let mut one = up.clone();
    one[4] = "1";
    for fewer in [one.as_slice(), &["scale", &name, "--control-planes", "1"]] {
        world.dojo(fewer).fails(1, &["the number of its control planes cannot be changed"]);
    }

    // Without a majority of its etcd nothing is decided, and no new one is begun.
    for machine in ["control-plane-1", "control-plane-3"] {
        engine(&["rm", "-f", "-v", &container(machine)]).ok();
    }
    for command in [["up", &name, "--dry-run"].as_slice(), &["up", &name], &["start", &name]] {
        let words = "of its 3 control-planes control-plane-1 and control-plane-3 are gone";
        world.dojo(command).fails(1, &[words, "--recreate"]);
    }
    world.dojo(&["down", &name, "--yes"]).ok();
    world.assert_gone(&name);
}
