//! Faults on purpose, on the machines of one swarm: each does what it says, is undone in every way, and leaves the
//! machine as it was.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api_server::bundle;
use crate::world::{World, engine, on, until};

/// What a machine says of all that faults change.
fn fingerprint(name: &str, machine: &str) -> String {
    on(name, machine, include_str!("../../templates/fault/fingerprint.sh"))
}

/// Fails the test unless the machine is as it was, with the lines that differ.
#[track_caller]
fn as_before(name: &str, machine: &str, before: &str, after: &str) {
    let differing = || {
        let now = fingerprint(name, machine);
        let lines = |of: &str, other: &str, sign: &str| {
            let other: Vec<_> = other.lines().map(str::to_owned).collect();
            let lines = of.lines().filter(|line| !other.iter().any(|o| o == line));
            lines.map(|line| format!("{sign} {line}\n")).collect::<String>()
        };
        lines(before, &now, "-") + &lines(&now, before, "+")
    };
    // What a machine has after it has started takes a moment to come.
    let end = Instant::now() + Duration::from_secs(20);
    let mut left = differing();
    while !left.is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(300));
        left = differing();
    }
    assert!(left.is_empty(), "{machine} after {after}:\n{left}");
}

/// The faults of a cluster at present.
fn present(world: &World, name: &str) -> Vec<String> {
    let text = world.dojo(&["break", "ls", name, "-o", "json"]).ok();
    let list: Vec<Value> = serde_json::from_str(&text).unwrap();
    list.iter().map(|b| format!("{} {}", b["machine"], b["fault"]).replace('"', "")).collect()
}

#[test]
fn faults_do_what_they_say_and_leave_nothing_behind() {
    let mut world = World::new();
    let name = world.name("fault");
    world.dojo(&["up", &name, "--managers", "1", "--workers", "1"]).ok();
    let worker = format!("{name}/worker-1");
    // An engine that starts in a swarm has rules that one has not which was there before the swarm.
    on(&name, "worker-1", "systemctl restart docker.service");
    is_in_the_swarm(&world, &worker);
    let before = fingerprint(&name, "worker-1");
    assert!(before.contains("unit docker.service loaded active running enabled"), "{before}");
    let manager = world.dojo(&["ip", &format!("{name}/manager-1")]).ok();
    let silent = format!("! ping -c1 -W1 {}", manager.trim());
    for (fault, effect) in [
        ("unit-stopped:docker", "! systemctl is-active docker.service docker.socket"),
        ("unit-stopped:containerd", "! systemctl is-active containerd.service"),
        ("frozen:dockerd", "timeout 1 docker version; test $? = 124"),
        ("unreachable", &*silent),
        (
            "disk-full",
            "tar -c -C /etc hostname | docker load 2>&1 | grep 'no space left on device'",
        ),
        ("cert-expired", expired()),
    ] {
        world.dojo(&["break", fault, &worker]).ok();
        on(&name, "worker-1", effect);
        world.dojo(&["ssh", &worker, "--", "true"]).ok();
        assert_eq!(present(&world, &name), [format!("{worker} {fault}")]);
        world.dojo(&["break", fault, &worker]).fails(1, &["already", "since"]);
        let said = world.dojo(&["unbreak", &name]).ok();
        assert_eq!(said, format!("{worker} is rid of fault {fault}\n"));
        as_before(&name, "worker-1", &before, fault);
        assert!(on(&name, "worker-1", effect_is_over(effect).as_str()).is_empty());
    }
    assert_eq!(world.dojo(&["unbreak", &name]).ok(), "nothing is broken\n");
    is_in_the_swarm(&world, &worker);

    what_cannot_be_made_changes_nothing(&world, &worker, &name, &before);
    the_timer_undoes_it_when_dojo_was_killed(&world, &worker, &name, &before);
    a_restart_undoes_it(&world, &worker, &name, &before);
    power_off_is_undone_by_a_start(&world, &worker, &name);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[track_caller]
fn is_in_the_swarm(world: &World, worker: &str) {
    let ask = "docker info --format '{{.Swarm.LocalNodeState}}'";
    until("the worker is in the swarm", 20, || {
        world.dojo(&["ssh", worker, "--", ask]).stdout.trim() == "active"
    });
}

/// Whether the engine's certificate has expired, as clients see it.
fn expired() -> &'static str {
    "openssl s_client -connect 127.0.0.1:2376 -CAfile /etc/docker/clusterdojo/ca.pem </dev/null 2>&1 | \
     grep 'Verify return code: 10'"
}

/// A script that says something only if the effect is still there.
fn effect_is_over(effect: &str) -> String {
    format!("if ( {effect} ) >/dev/null 2>&1; then echo 'it is still there'; fi")
}

fn what_cannot_be_made_changes_nothing(world: &World, worker: &str, name: &str, before: &str) {
    // Here the kernel has no sch_netem, elsewhere it may.
    if on(name, "worker-1", NETEM).trim() == "no" {
        world.dojo(&["break", "slow-network", worker]).fails(1, &["sch_netem"]);
    } else {
        world.dojo(&["break", "slow-network", worker]).ok();
        assert!(on(name, "worker-1", "tc qdisc show dev eth0").contains("delay 200ms"));
        world.dojo(&["unbreak", worker]).ok();
    }
    on(name, "worker-1", "systemctl stop docker.socket docker.service");
    world.dojo(&["break", "frozen:dockerd", worker]).fails(1, &["dockerd does not run there"]);
    on(name, "worker-1", "systemctl start docker.socket docker.service");
    // Something that goes wrong while it is made: what there is of it is undone.
    let place = "/etc/docker/clusterdojo";
    let read_only = format!("mount --bind {place} {place} && mount -o remount,ro,bind {place}");
    on(name, "worker-1", &read_only);
    world.dojo(&["break", "cert-expired", worker]).fails(1, &["break it: cert-expired"]);
    on(name, "worker-1", &format!("umount {place}"));
    as_before(name, "worker-1", before, "what could not be made");
}

const NETEM: &str =
    "unshare --net tc qdisc add dev lo root netem delay 1ms 2>/dev/null && echo yes || echo no";

fn the_timer_undoes_it_when_dojo_was_killed(world: &World, worker: &str, name: &str, before: &str) {
    let mut command = world.command(&["break", "unit-stopped:docker", worker, "--for", "12s"]);
    let mut dojo = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the engine stops", 12, || {
        let state = engine(&[
            "exec",
            &format!("dojo-{name}-worker-1"),
            "systemctl",
            "is-active",
            "docker.service",
        ]);
        state.code != Some(0)
    });
    dojo.kill().unwrap();
    dojo.wait().unwrap();
    until("the machine undoes it", 30, || {
        let traces = "ls /etc/clusterdojo/faults 2>/dev/null || true";
        on(name, "worker-1", traces).is_empty()
    });
    as_before(name, "worker-1", before, "the timer");
}

fn a_restart_undoes_it(world: &World, worker: &str, name: &str, before: &str) {
    world.dojo(&["break", "unit-stopped:docker", worker]).ok();
    // Somebody mends it by hand; then there is an engine whose certificate can expire.
    on(name, "worker-1", "systemctl start docker.service");
    for fault in ["cert-expired", "disk-full", "unreachable"] {
        world.dojo(&["break", fault, worker]).ok();
    }
    assert_eq!(present(world, name).len(), 4);
    engine(&["restart", &format!("dojo-{name}-worker-1")]).ok();
    until("the machine is up", 30, || {
        world.dojo(&["ssh", worker, "--", "docker version"]).code == Some(0)
    });
    until("it is whole", 20, || present(world, name).is_empty());
    as_before(name, "worker-1", before, "a restart");
}

fn power_off_is_undone_by_a_start(world: &World, worker: &str, name: &str) {
    world.dojo(&["break", "power-off", worker]).ok();
    assert_eq!(present(world, name), [format!("{worker} power-off")]);
    world.dojo(&["unbreak", name]).ok();
    assert_eq!(world.dojo(&["break", "ls", name]).ok(), "nothing is broken\n");
    until("the cluster is healthy", 30, || world.dojo(&["status", name]).code == Some(0));
}

#[test]
#[ignore = "it takes minutes; scripts/test --full runs it"]
fn faults_of_kubernetes_come_and_go() {
    let mut world = World::new();
    let name = world.name("kfault");
    let bundle = bundle().display().to_string();
    world.dojo(&["up", &name, "--kubernetes", "--workers", "1", "--bundle", &bundle]).ok();
    those_of_kubernetes(&world, &name);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

/// Of a node, and of a control plane.
fn those_of_kubernetes(world: &World, name: &str) {
    let (worker, leader) = (format!("{name}/worker-1"), format!("{name}/control-plane-1"));
    // What kube-proxy does for pods comes and goes with these.
    let print = |machine: &str| {
        let print = fingerprint(name, machine);
        let lines: Vec<_> =
            print.lines().filter(|l| !l.contains("KUBE-")).map(str::to_owned).collect();
        lines
    };
    let before = ["worker-1", "control-plane-1"].map(print);
    world
        .dojo(&["break", "unit-stopped:docker", &worker])
        .fails(2, &["no Docker engine", "frozen:kubelet"]);
    world.dojo(&["break", "frozen:etcd", &worker]).fails(2, &["on control planes"]);
    world.dojo(&["break", "disk-full", &leader]).fails(2, &["on workers"]);
    for fault in ["frozen:kubelet", "unit-stopped:kubelet"] {
        world.dojo(&["break", fault, &worker]).ok();
    }
    assert_eq!(on(name, "worker-1", "systemctl is-active kubelet || true").trim(), "inactive");
    world.dojo(&["unbreak", &worker]).ok();
    world.dojo(&["break", "disk-full", &worker]).ok();
    let pressure = "jsonpath={.status.conditions[?(@.type==\"DiskPressure\")].status}";
    let has_pressure = |said: &str| {
        world.kubectl(&["get", "node", "worker-1", "--request-timeout=5s", "-o", pressure]).stdout
            == said
    };
    until("kubelet says that its disk is full", 60, || has_pressure("True"));
    world.dojo(&["break", "cert-expired", &leader]).ok();
    let logs = || {
        let etcd = ["logs", "--namespace=kube-system", "etcd-control-plane-1", "--tail=1"];
        world.kubectl(&[&etcd[..], &["--request-timeout=5s"]].concat())
    };
    until("kubelet does not let the API server in", 90, || logs().stderr.contains("credentials"));
    let undone = world.dojo(&["unbreak", name]).ok();
    assert_eq!(undone.lines().count(), 2, "{undone}");
    until("kubelet lets the API server in", 90, || logs().code == Some(0));
    until("there is room again", 60, || has_pressure("False"));
    let after = ["worker-1", "control-plane-1"].map(print);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
}
