//! What is asked is asked of a cluster as it is when its turn has come.

use std::fs;
use std::io::BufRead as _;
use std::process::{Command, Stdio};

use crate::cli::{Said, UP, World};

const RECORD: &str = "state/clusters/practice/cluster.json";

impl World {
    /// What is remembered, and what there is.
    fn state(&self) -> [Vec<u8>; 2] {
        [RECORD, "fake.json"].map(|file| fs::read(self.path().join(file)).unwrap())
    }

    fn put(&self, state: &[Vec<u8>; 2]) {
        for (file, text) in [RECORD, "fake.json"].iter().zip(state) {
            fs::write(self.path().join(file), text).unwrap();
        }
    }

    /// Runs a command that has to wait until another one, which holds the lock, has done something.
    fn after(&self, args: &[&str], other: impl FnOnce()) -> Said {
        let root = self.path();
        let lock = fs::File::open(root.join("state/clusters/practice/lock")).unwrap();
        lock.lock().unwrap();
        let mut waiting = Command::new(env!("CARGO_BIN_EXE_dojo"))
            .args(["--log-format", "plain"])
            .args(args)
            .env("HOME", root)
            .env("DOJO_HOME", root.join("state"))
            .env("DOCKER_CONFIG", root.join("docker"))
            .env("DOJO_FAKE_STATE", root.join("fake.json"))
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(waiting.stderr.take().unwrap()).lines();
        let mut stderr = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            stderr.push_str(&format!("{line}\n"));
            if line.contains("waiting for another command") {
                break;
            }
        }
        other();
        drop(lock);
        lines.for_each(|line| stderr.push_str(&format!("{}\n", line.unwrap())));
        let output = waiting.wait_with_output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Said { code: output.status.code(), stdout, stderr }
    }

    fn machine_names(&self) -> Vec<String> {
        let text = fs::read(self.path().join("fake.json")).unwrap();
        let world: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let machines = world["machines"].as_array().unwrap();
        machines.iter().map(|m| m["id"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn workers_that_were_taken_away_meanwhile_are_not_made_again() {
    let world = World::new();
    world.dojo(&UP).ok();
    let before = world.state();
    world.dojo(&["scale", "practice", "--workers", "0"]).ok();
    let after = world.state();
    for command in [
        ["up", "practice"].as_slice(),
        &["up", "practice", "--no-use"],
        &["start", "practice"],
        &["restart", "practice"],
        &["scale", "practice", "--managers", "1"],
    ] {
        world.put(&before);
        let said = world.after(command, || world.put(&after));
        assert_eq!(said.code, Some(0), "{command:?}: {}", said.stderr);
        assert_eq!(world.machine_names(), ["manager-1"], "{command:?}");
    }
    // What is asked for itself is had all the same.
    world.put(&before);
    let said = world.after(&["up", "practice", "--managers", "3"], || world.put(&after));
    said.ok();
    assert_eq!(world.machine_names(), ["manager-1", "manager-2", "manager-3"]);
    world.put(&before);
    world.after(&["up", "practice", "--workers", "1"], || world.put(&after)).ok();
    assert_eq!(world.machine_names(), ["manager-1", "worker-1"]);
}

#[test]
fn a_cluster_that_was_removed_meanwhile_does_not_come_back_by_itself() {
    let remove = |world: &World| {
        fs::remove_file(world.path().join(RECORD)).unwrap();
        fs::write(world.path().join("fake.json"), "{\"machines\":[],\"members\":[]}").unwrap();
    };
    for command in [
        ["start", "practice"].as_slice(),
        &["stop", "practice"],
        &["scale", "practice", "--workers", "1"],
        &["extend", "practice", "1h"],
        &["certs", "renew", "practice"],
    ] {
        let world = World::new();
        world.dojo(&UP).ok();
        let said = world.after(command, || remove(&world));
        assert_eq!(said.code, Some(1), "{command:?}: {}", said.stderr);
        assert!(
            said.stderr.contains("there is no cluster `practice`"),
            "{command:?}: {}",
            said.stderr
        );
        assert_eq!(world.machine_names(), Vec::<String>::new(), "{command:?}");
    }
}
