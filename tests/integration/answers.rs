//! What commands that answer a question say of places that do not.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{UP, World};

/// An engine that takes connections and says nothing, for as long as the value is there.
pub(crate) struct SilentEngine {
    _listener: UnixListener,
    pub(crate) address: String,
}

impl SilentEngine {
    pub(crate) fn new(directory: &Path) -> Self {
        let path = directory.join("silent.sock");
        let address = format!("unix://{}", path.display());
        Self { _listener: UnixListener::bind(path).unwrap(), address }
    }
}

impl World {
    /// A record that says of a cluster that its machines come from docker, made after that of `practice`.
    pub(crate) fn record_of_docker(&self, name: &str) {
        let clusters = self.directory.path().join("state/clusters");
        let text = fs::read_to_string(clusters.join("practice/cluster.json")).unwrap();
        let text = text.replace("\"practice\"", &format!("\"{name}\""));
        let text = text.replace("\"fake\"", "\"docker\"");
        fs::create_dir(clusters.join(name)).unwrap();
        fs::write(clusters.join(name).join("cluster.json"), text).unwrap();
    }

    /// Makes the record of `practice` one of Kubernetes.
    pub(crate) fn record_of_kubernetes(&self) {
        let path = self.directory.path().join("state/clusters/practice/cluster.json");
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("manager", "control-plane").replace("swarm", "kubernetes");
        fs::write(&path, text).unwrap();
    }
}

#[test]
fn clusters_of_an_engine_that_is_dead_or_silent_are_listed_as_unknown() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.record_of_docker("other");
    world.record_of_docker("third");
    let silent = SilentEngine::new(world.directory.path());
    for (address, reason) in [
        (silent.address.as_str(), "the Docker engine"),
        ("unix:///nonexistent/docker.sock", "cannot reach the Docker engine at"),
        ("tcp://127.0.0.1:1", "cannot reach the Docker engine at"),
    ] {
        let begin = Instant::now();
        let said = world.dojo_with(&[("DOJO_DOCKER_HOST", address)], &["ls"]);
        assert!(begin.elapsed() < Duration::from_secs(5), "{address}: {:?}", begin.elapsed());
        assert_eq!(said.code, Some(3), "{address}: {}", said.stderr);
        let row = |name: &str| -> Vec<String> {
            let line = said.stdout.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().take(4).map(str::to_owned).collect()
        };
        assert_eq!(row("practice"), ["practice", "swarm", "running", "3/3"]);
        assert_eq!(row("other"), ["other", "swarm", "unknown", "?/3"]);
        assert_eq!(row("third")[2], "unknown");
        assert_eq!(said.stderr.matches(reason).count(), 1, "{address}: {}", said.stderr);
    }
    let said = world.dojo(&["ls", "-o", "json"]);
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    let rows: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&rows[0]["name"], &rows[0]["state"]), (&"other".into(), &"unknown".into()));
    assert_eq!(rows[0]["running"], Value::Null);
    assert!(rows[0]["error"].as_str().unwrap().contains("/nonexistent/docker.sock"), "{rows}");
    assert_eq!(rows[1].get("error"), None, "practice is known: {rows}");
}

#[test]
fn an_empty_list_is_no_answer_where_nobody_was_there_to_give_one() {
    let world = World::new();
    let said = world.dojo(&["ls", "-o", "json"]);
    assert_eq!((said.code, said.stdout.trim()), (Some(3), "[]"), "{}", said.stderr);
    assert!(said.stderr.contains("/nonexistent/docker.sock"), "{}", said.stderr);
    // Whoever has clusters elsewhere need not have Docker.
    world.dojo(&UP).ok();
    let said = world.dojo(&["ls"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    // Unless they ask for it.
    assert_eq!(world.dojo(&["ls", "--driver", "docker"]).code, Some(3));
}

#[test]
fn nothing_waits_for_an_engine_that_was_named_and_never_answers() {
    let world = World::new();
    let silent = SilentEngine::new(world.directory.path());
    // Those that only ask are as quick as all others that do.
    let commands: [(&[&str], u64); 5] = [
        (&["doctor"], 5),
        (&["sweep", "--dry-run"], 5),
        (&["sweep"], 60),
        (&["image", "build"], 60),
        (&["up", "other", "--dry-run"], 60),
    ];
    std::thread::scope(|scope| {
        for (args, seconds) in commands {
            let (world, engine) = (&world, [("DOJO_DOCKER_HOST", silent.address.as_str())]);
            scope.spawn(move || {
                let begin = Instant::now();
                let said = world.dojo_with(&engine, args).failure();
                let took = begin.elapsed();
                assert!(took < Duration::from_secs(seconds), "{args:?}: {took:?}");
                for word in ["exit 3\n", "the Docker engine at", "no answer within", "it may hang"]
                {
                    assert!(said.contains(word), "{args:?}: {said}");
                }
            });
        }
    });
}

#[test]
fn whoever_asks_a_silent_engine_is_told_within_five_seconds() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.record_of_docker("other");
    let silent = SilentEngine::new(world.directory.path());
    let begin = Instant::now();
    let said = world.dojo_with(&[("DOJO_DOCKER_HOST", &silent.address)], &["status", "other"]);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(said.code, Some(3), "{}", said.stderr);
    assert!(said.stderr.contains("the Docker engine"), "{}", said.stderr);
    // What the record tells needs no engine.
    for args in [["inspect", "other"], ["ip", "other/worker-1"], ["url", "other/worker-1"]] {
        world.dojo_with(&[("DOJO_DOCKER_HOST", &silent.address)], &args).ok();
    }
}

#[test]
fn a_machine_of_kubernetes_has_no_engine_and_what_there_is_instead_is_told() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.record_of_kubernetes();
    for verb in ["url", "env"] {
        for machine in ["worker-1", "control-plane-1"] {
            let name = format!("practice/{machine}");
            insta::allow_duplicates! {
                insta::assert_snapshot!(world.dojo(&[verb, &name]).failure().replace(machine, "M"), @r"
                exit 2
                error: machine `practice/M` has no Docker engine: it is part of a Kubernetes cluster
                hint: `dojo ssh practice/M` opens a shell on it
                hint: the API of `practice` is at https://192.0.2.1:6443; `dojo use practice` points kubectl at it
                ");
            }
        }
    }
    let known: Value = serde_json::from_str(&world.dojo(&["inspect"]).ok()).unwrap();
    let machine = |index: usize| &known["machines"][index];
    assert_eq!(machine(0)["api"], "https://192.0.2.1:6443");
    assert_eq!((&machine(0)["engine"], &machine(1)["api"]), (&Value::Null, &Value::Null));
    assert_eq!(world.dojo(&["ip", "worker-1"]).ok(), "192.0.2.1\n");
}

#[test]
fn forwarding_to_pods_of_a_swarm_is_refused_in_plain_words() {
    let world = World::new();
    world.dojo(&UP).ok();
    let said = world.dojo(&["forward", "svc/web", "8080:80"]).failure();
    assert!(said.contains("`practice` is a swarm;"), "{said}");
}

#[test]
fn machines_that_were_taken_away_are_not_called_ready() {
    let world = World::new();
    world.dojo(&UP).ok();
    let scale = ["--log-format", "plain", "scale", "practice", "--workers", "1"];
    let said = world.dojo(&scale);
    assert!(said.stderr.contains("worker-2: destroy: ok"), "{}", said.stderr);
    assert!(!said.stderr.contains("worker-2: ready"), "{}", said.stderr);
    assert!(said.stderr.contains("worker-1: ready"), "{}", said.stderr);
}
