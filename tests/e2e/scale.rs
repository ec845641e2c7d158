//! Machines come and go while the cluster works.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;

use clusterdojo::failpoint;

use crate::forward::Forward;
use crate::world::{World, engine, until};

/// The members of the swarm with their state, by its own manager.
fn nodes(world: &World) -> Vec<String> {
    let said =
        world.docker(&["node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.ManagerStatus}}"]);
    let mut nodes: Vec<String> = said.ok().lines().map(|l| l.trim().to_owned()).collect();
    nodes.sort();
    nodes
}

/// The names of the machines that exist.
fn machines(cluster: &str) -> Vec<String> {
    let label = format!("label=io.clusterdojo.cluster={cluster}");
    let said = engine(&["ps", "-a", "--format", "{{.Names}}", "--filter", &label]).ok();
    let prefix = format!("dojo-{cluster}-");
    let mut names: Vec<String> =
        said.lines().map(|l| l.trim_start_matches(&prefix).to_owned()).collect();
    names.sort();
    names
}

/// Makes an image on every machine that sleeps and minds no signal for a moment, as a server does that
/// ends its requests first.
fn make_image(world: &World, cluster: &str) {
    let script = "printf '#!/bin/sh\\ntrap \"sleep 2; exit\" TERM\\nwhile :; do sleep 0.1; done\\n' \
                  >/run/entry && chmod 755 /run/entry && tar -c -C / -h run/entry \
                  $(for b in /bin/sh /bin/sleep; do echo $b; ldd $b | grep -o '/[^ ]*'; done | sort -u) \
                  2>/dev/null | docker import --change 'ENTRYPOINT [\"/run/entry\"]' - sleeper";
    for machine in machines(cluster) {
        let machine = format!("{cluster}/{machine}");
        world.dojo(&["ssh", &machine, "--", script]).ok();
    }
}

/// Where a service's tasks run.
fn running(world: &World) -> Vec<String> {
    let tasks = world.docker(&[
        "service",
        "ps",
        "sleeper",
        "--filter",
        "desired-state=running",
        "--format",
        "{{.Node}} {{.CurrentState}}",
    ]);
    let tasks = tasks.ok();
    let mut nodes: Vec<String> = tasks
        .lines()
        .filter_map(|l| l.split_once(" Running").map(|(node, _)| node.to_owned()))
        .collect();
    nodes.sort();
    nodes
}

#[test]
fn a_swarm_shrinks_after_its_work_has_moved_and_grows_again() {
    let mut world = World::new();
    let name = world.name("scale");
    world.dojo(&["up", &name, "--managers", "3"]).ok();
    make_image(&world, &name);
    world
        .docker(&[
            "service",
            "create",
            "--detach",
            "--name",
            "sleeper",
            "--replicas",
            "5",
            "--no-resolve-image",
            "--endpoint-mode",
            "dnsrr",
            "sleeper",
        ])
        .ok();
    until("the service runs", 60, || running(&world).len() == 5);

    let args = ["--log-format", "plain", "scale", &name, "--managers", "1", "--workers", "1"];
    let said = world.dojo(&args);
    let story = said.stderr.clone();
    assert!(said.ok().contains("swarm of 2"), "{story}");
    let waited = story.split("move work elsewhere: ok (").nth(1).and_then(|s| s.split(' ').next());
    let waited: f64 = waited.unwrap().parse().unwrap();
    assert!(waited > 2.0 && !story.contains("goes all the same"), "work was waited for: {story}");
    assert_eq!(nodes(&world), ["manager-1 Ready Leader", "worker-1 Ready"]);
    assert_eq!(machines(&name), ["manager-1", "worker-1"]);
    until("all of the service runs on the rest", 60, || running(&world).len() == 5);
    // Nothing of what went is kept: a later machine of that name must not meet it.
    let cluster = world.home().join("clusters").join(&name);
    let pins = fs::read_to_string(cluster.join("ssh/known_hosts")).unwrap();
    assert!(pins.contains("-worker-1 ") && !pins.contains("-worker-2 "), "{pins}");
    assert!(cluster.join("pki/worker-1").exists() && !cluster.join("pki/worker-2").exists());

    let again = world.dojo(&["up", &name]).ok();
    assert!(again.contains("was ready already"), "{again}");
    world.dojo(&["status", &name]).ok();

    // More of one and fewer of the other at once.
    world.dojo(&["scale", &name, "--managers", "3", "--workers", "0"]).ok();
    assert_eq!(
        nodes(&world),
        ["manager-1 Ready Leader", "manager-2 Ready Reachable", "manager-3 Ready Reachable"]
    );
    assert_eq!(machines(&name), ["manager-1", "manager-2", "manager-3"]);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn machines_that_are_dead_go_without_being_asked() {
    let mut world = World::new();
    let name = world.name("dead");
    world.dojo(&["up", &name, "--managers", "3", "--workers", "3"]).ok();
    let machine = |m: &str| format!("dojo-{name}-{m}");
    // One is gone, one is off, one has lost what would let anybody in; and one of the managers is off.
    engine(&["rm", "-f", "-v", &machine("worker-3")]).ok();
    engine(&["stop", "-t", "2", &machine("worker-2")]).ok();
    engine(&["stop", "-t", "2", &machine("manager-2")]).ok();
    let sshd = "rm /usr/sbin/sshd && systemctl stop ssh docker.socket docker";
    engine(&["exec", &machine("worker-1"), "sh", "-c", sshd]).ok();
    let said =
        world.dojo(&["--log-format", "plain", "scale", &name, "--managers", "1", "--workers", "0"]);
    assert!(said.stderr.contains("worker-1: warning: it does not answer"), "{}", said.stderr);
    said.ok();
    assert_eq!(nodes(&world), ["manager-1 Ready Leader"]);
    assert_eq!(machines(&name), ["manager-1"]);
    world.dojo(&["status", &name]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn the_majority_is_kept_when_the_managers_that_stay_were_lost() {
    let mut world = World::new();
    let name = world.name("turn");
    world.dojo(&["up", &name, "--managers", "3", "--workers", "0"]).ok();
    world.docker(&["config", "create", "kept", "/etc/hostname"]).ok();
    engine(&["rm", "-f", "-v", &format!("dojo-{name}-manager-1")]).ok();
    world.dojo(&["scale", &name, "--managers", "1"]).ok();
    assert_eq!(nodes(&world), ["manager-1 Ready Leader"]);
    // It is still the same swarm.
    world.docker(&["config", "inspect", "kept"]).ok();
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

/// A free port leads to the machine's sshd, as one of its own would.
fn forwards(world: &World, machine: &str) {
    let forward = Forward::begin(world, machine, "22");
    assert_eq!(forward.to, format!("127.0.0.1:22 of {machine}"));
    let mut banner = [0; 4];
    TcpStream::connect(&forward.address).unwrap().read_exact(&mut banner).unwrap();
    assert_eq!(&banner, b"SSH-");
    forward.end();
}

#[test]
fn plain_docker_hosts_come_and_go() {
    let mut world = World::new();
    let name = world.name("hosts");
    world.dojo(&["up", &name, "--engines", "--machines", "1", "--no-use"]).ok();
    world.dojo(&["scale", &name, "--machines", "2"]).ok();
    assert_eq!(machines(&name), ["machine-1", "machine-2"]);
    forwards(&world, &format!("{name}/machine-2"));
    world.dojo(&["scale", &name, "--machines", "1"]).ok();
    assert_eq!(machines(&name), ["machine-1"]);
    world.dojo(&["scale", &name, "--machines", "0"]).fails(2, &["no machines"]);
    assert!(!world.docker_config().join("config.json").exists(), "nothing was selected");
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

#[test]
fn killed_at_every_step_of_scaling_down() {
    let mut world = World::new();
    let name = world.name("killscale");
    let up = ["up", name.as_str(), "--managers", "3", "--workers", "1"];
    let down = ["scale", name.as_str(), "--managers", "1", "--workers", "0"];
    // Whichever way is taken, the machines are gone for good and the swarm is whole.
    let ways: [&[&str]; 3] = [&down, &["up", name.as_str()], &up];
    world.dojo(&up).ok();
    for (point, way) in failpoint::SCALE.iter().zip(ways.into_iter().cycle()) {
        let output = world.command(&down).env("DOJO_FAILPOINT", point).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(9), "never came to {point}: {stderr}");
        let said = world.dojo(way);
        assert_eq!(said.code, Some(0), "after {point}: {}", said.stderr);
        if way == ways[2] {
            assert_eq!(machines(&name).len(), 4, "after {point}");
        } else if *point == "scale.record.before" {
            // Nothing had been agreed yet.
        } else {
            assert_eq!(machines(&name), ["manager-1"], "after {point}");
            assert_eq!(nodes(&world), ["manager-1 Ready Leader"], "after {point}");
        }
        world.dojo(&["status", &name]).ok();
        world.dojo(&up).ok();
        let ready = nodes(&world);
        assert_eq!(ready.len(), 4, "after {point}: {ready:?}");
        assert!(ready.iter().all(|n| n.contains(" Ready")), "after {point}: {ready:?}");
    }
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}
