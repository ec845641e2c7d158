//! The first Ctrl-C ends whatever has begun nothing.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::answers::SilentEngine;
use crate::cli::{Said, UP, World};

/// Starts `dojo`, presses Ctrl-C once it is well under way, and waits for its end for a second.
fn interrupted(world: &World, engine: &SilentEngine, args: &[&str]) -> Said {
    let mut command = world.command(args);
    command.env("DOJO_DOCKER_HOST", &engine.address);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "{args:?} has ended by itself");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > Duration::from_secs(1) {
            child.kill().unwrap();
            panic!("{args:?} goes on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn ctrl_c_ends_what_waits_for_a_silent_engine() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.record_of_docker("other");
    let engine = SilentEngine::new(world.directory.path());
    for args in [
        ["ls"].as_slice(),
        &["status", "other"],
        &["logs", "other"],
        &["doctor"],
        &["up", "other"],
        &["up", "fresh"],
        &["up", "fresh", "--dry-run"],
        &["scale", "other", "--workers", "1"],
        &["stop", "other"],
        &["start", "other/worker-1"],
        &["down", "other"],
        &["down", "--all", "--yes", "--driver", "docker"],
        &["sweep", "--yes"],
        &["repair", "fresh"],
        &["certs", "renew", "other"],
        &["image", "build"],
        &["image", "load", "busybox", "--cluster", "other"],
    ] {
        let said = interrupted(&world, &engine, args);
        assert_eq!(said.code, Some(130), "{args:?}: {}", said.stderr);
        assert!(
            said.stderr.ends_with("error: interrupted; nothing was changed\n"),
            "{args:?}: {}",
            said.stderr
        );
    }
    let clusters = world.directory.path().join("state/clusters");
    assert!(!clusters.join("fresh").exists(), "nothing was begun");
    let record = fs::read_to_string(clusters.join("other/cluster.json")).unwrap();
    assert!(record.contains("\"cluster_id\"") && !record.contains("\"pending\""), "{record}");
}

#[test]
fn ctrl_c_ends_what_reads_from_somebody_who_says_nothing() {
    let world = World::new();
    let engine = SilentEngine::new(world.directory.path());
    let mut child = world
        .command(&["up", "-f", "-"])
        .env("DOJO_DOCKER_HOST", &engine.address)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(1), "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
