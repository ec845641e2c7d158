//! Who follows what `--explain` prints, word by word, gets the cluster that `up` makes.

use std::fs;

use crate::api_server::{bundle, release};
use crate::world::{World, engine, on, until};

/// Has a shell run what `dojo up NAME ARGS --explain` prints, all of it and nothing else.
#[track_caller]
fn follow(world: &World, name: &str, args: &[&str]) {
    let mut explain = vec!["up", name];
    explain.extend(args);
    explain.push("--explain");
    let text = world.dojo(&explain).ok();
    let file = world.path().join("steps.sh");
    fs::write(&file, &text).unwrap();
    world.sh(&file).ok();
}

#[test]
fn a_swarm_made_as_explained_is_one_behind_mutual_tls() {
    let mut world = World::new();
    let name = world.name("byhand");
    follow(&world, &name, &["--workers", "1"]);

    let nodes = ["node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"];
    let mut nodes: Vec<_> = world.docker(&nodes).ok().lines().map(str::to_owned).collect();
    nodes.sort();
    assert_eq!(nodes, ["manager-1 Ready Leader", "worker-1 Ready "]);
    // Overlay networks keep clear of the machines, as those of `up` do.
    let pool = world.docker(&["info", "--format", "{{.Swarm.Cluster.DefaultAddrPool}}"]).ok();
    assert_eq!(pool.trim(), "[10.0.0.0/12]");

    let host = world.docker(&["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]).ok();
    let host = host.trim();
    world.docker(&["--host", host, "info"]).fails(1, &["HTTPS"]);
    let pki = world.path().join(format!("dojo-{name}/pki"));
    let file = |path: &str| pki.join(path).display().to_string();
    // What proves a machine is no client.
    let tls = |cert: &str| {
        let (ca, cert, key) =
            (file("ca.pem"), file(&format!("{cert}/cert.pem")), file(&format!("{cert}/key.pem")));
        world.docker(&[
            "--host",
            host,
            "--tlsverify",
            "--tlscacert",
            &ca,
            "--tlscert",
            &cert,
            "--tlskey",
            &key,
            "info",
        ])
    };
    tls("client").ok();
    tls("worker-1").fails(1, &["certificate"]);
}

/// Checks that a cluster of Kubernetes has these nodes, and that the last one reaches its services.
#[track_caller]
fn is_whole(world: &World, name: &str, nodes: &[&str]) {
    assert_eq!(world.ready_nodes(), nodes);
    let path =
        "jsonpath={range .items[*]}{.status.nodeInfo.kubeletVersion} {.spec.podCIDR}{\"\\n\"}{end}";
    let said = world.kubectl(&["get", "nodes", "-o", path]).ok();
    let of_each: Vec<_> = said.lines().filter_map(|line| line.split_once(' ')).collect();
    let release = format!("v{}", release(&bundle()).trim_start_matches('v'));
    assert!(of_each.iter().all(|(version, _)| *version == release), "{said}");
    let mut subnets: Vec<_> = of_each.iter().map(|(_, subnet)| *subnet).collect();
    subnets.sort_unstable();
    subnets.dedup();
    assert!(subnets.len() == nodes.len() && !subnets.contains(&""), "{said}");
    let answer = on(
        name,
        nodes[nodes.len() - 1],
        "curl --silent --insecure --max-time 10 https://10.96.0.1/readyz",
    );
    assert_eq!(answer.trim(), "ok");
    let classes = world.kubectl(&["get", "storageclass", "-o", "name"]).ok();
    assert_eq!(classes.trim(), "storageclass.storage.k8s.io/local-path");
}

#[test]
fn kubernetes_of_two_made_as_explained_is_whole() {
    let mut world = World::new();
    let name = world.name("kbyhand");
    let bundle = bundle().display().to_string();
    follow(&world, &name, &["--bundle", &bundle, "--workers", "1"]);
    is_whole(&world, &name, &["control-plane-1", "worker-1"]);
}

#[test]
fn kubernetes_of_three_control_planes_made_as_explained_outlives_one() {
    let mut world = World::new();
    let name = world.name("kbyhand3");
    let bundle = bundle().display().to_string();
    follow(&world, &name, &["--bundle", &bundle, "--control-planes", "3", "--workers", "1"]);
    let nodes = ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1"];
    is_whole(&world, &name, &nodes);
    // What kubectl was pointed at is none of them.
    engine(&["kill", &format!("dojo-{name}-control-plane-1")]).ok();
    until("the API answers without the first control plane", 60, || {
        world.kubectl(&["get", "--raw", "/readyz", "--request-timeout=5s"]).stdout == "ok"
    });
}
