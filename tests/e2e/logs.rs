//! What is looked at when something goes wrong, also when half of it is dead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::world::{World, engine, files};

/// Every file of a bundle, by its name below the one directory in it.
fn unpacked(bundle: &Path, into: &Path) -> BTreeMap<String, String> {
    fs::create_dir_all(into).unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(bundle).arg("-C").arg(into).status().unwrap();
    assert!(tar.success());
    let roots: Vec<_> = fs::read_dir(into).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(roots.len(), 1, "it unpacks to one directory: {roots:?}");
    let text = |path: &Path| fs::read_to_string(path).unwrap();
    let name = |path: &Path| path.strip_prefix(&roots[0]).unwrap().display().to_string();
    files(&roots[0]).iter().filter(|p| p.is_file()).map(|p| (name(p), text(p))).collect()
}

/// Every line of every private key of a cluster, and the tokens that let machines into its swarm.
fn secrets(world: &World, cluster: &str) -> Vec<String> {
    let directory = world.home().join("clusters").join(cluster);
    let keys = files(&directory).into_iter().filter(|p| p.is_file());
    let keys = keys.map(|p| fs::read_to_string(p).unwrap_or_default());
    let keys = keys.filter(|text| text.contains("PRIVATE KEY"));
    let mut secrets: Vec<String> = keys
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| !line.starts_with("-----") && line.len() > 8)
        .collect();
    // One for SSH, of several lines; one for the authority, the client and each of the machines.
    assert!(secrets.len() >= 8, "{}", secrets.len());
    for role in ["manager", "worker"] {
        secrets.push(world.docker(&["swarm", "join-token", "-q", role]).ok().trim().to_owned());
    }
    secrets
}

#[test]
fn logs_are_told_and_bundled_without_secrets_and_without_waiting_for_the_dead() {
    let mut world = World::new();
    let name = world.name("logs");
    world.dojo(&["up", &name]).ok();
    let secrets = secrets(&world, &name);
    // What people do: a secret ends up where everybody looks.
    let careless = format!(
        "systemd-run --quiet --unit careless --description '{} {}' false; sleep 1",
        secrets[0],
        secrets.last().unwrap()
    );
    world.dojo(&["ssh", &format!("{name}/worker-1"), "--", &careless]).ok();
    engine(&["rm", "-f", "-v", &format!("dojo-{name}-worker-2")]).ok();
    // This one accepts connections and never says a word.
    world.dojo(&["scale", &name, "--workers", "3"]).ok();
    let stop = ["exec", &format!("dojo-{name}-worker-3"), "systemctl", "stop", "ssh.socket", "ssh"];
    engine(&stop).ok();
    engine(&["stop", "-t", "2", &format!("dojo-{name}-worker-2")]).ok();

    let begin = Instant::now();
    let said = world.dojo(&["logs", &name, "--unit", "docker", "--lines", "5"]);
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    assert!(said.stderr.contains("worker-3: warning: no logs"), "{}", said.stderr);
    assert!(said.stderr.contains("worker-2: warning: no logs: the machine is stopped"));
    let lines = said.ok();
    for machine in ["manager-1", "worker-1"] {
        let of = lines.lines().filter(|l| l.starts_with(machine) && l.contains("dockerd"));
        assert!((1..=5).contains(&of.count()), "{lines}");
    }
    let times: Vec<_> = lines.lines().filter_map(|l| l.split_whitespace().nth(1)).collect();
    assert!(times.is_sorted(), "{times:?}");
    let since = world.dojo(&["logs", &name, "--since", "no time at all", "-m", "worker-1"]);
    since.fails(1, &["no logs", "no time at all"]);
    world.dojo(&["logs", &name, "-m", "worker-9"]).fails(1, &["no machine `worker-9`"]);

    let file = world.path().join("out.tar.gz");
    let begin = Instant::now();
    world.dojo(&["logs", &name, "--bundle", file.to_str().unwrap()]).ok();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    let found = unpacked(&file, &world.path().join("unpacked"));
    for (name, word) in [
        ("cluster.json", "cluster_id"),
        ("clusterdojo.txt", "worker-2  stopped"),
        ("manager-1/journal.txt", "dockerd"),
        ("manager-1/containers.txt", "docker node ls"),
        ("worker-1/units.txt", "careless.service"),
        ("worker-1/network.txt", "inet "),
        ("worker-1/system.txt", "Debian"),
        ("worker-1/kernel.txt", "dmesg"),
        ("worker-2/no-answer.txt", "stopped"),
        ("worker-3/no-answer.txt", "its sshd is not running"),
    ] {
        let text = found.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", found.keys()));
        assert!(text.contains(word), "{name}: {text}");
    }
    assert!(found["worker-1/units.txt"].contains("(redacted) (redacted)"));
    assert!(found.keys().any(|n| n.starts_with("logs/") && n.ends_with("-up.jsonl")));
    for (name, text) in &found {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "a secret is in {name}");
        }
        assert!(!text.contains("PRIVATE KEY"), "{name}");
    }

    // It helps also when the record is broken.
    let record = world.home().join("clusters").join(&name).join("cluster.json");
    fs::write(&record, "{").unwrap();
    let mut bundle = world.command(&["logs", &name, "--bundle"]);
    assert!(bundle.current_dir(world.path()).status().unwrap().success());
    let prefix = format!("{name}-logs-");
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(&prefix);
    let named = files(world.path()).into_iter().find(is_it).unwrap();
    let found = unpacked(&named, &world.path().join("again"));
    assert!(found["clusterdojo.txt"].contains("the record cannot be read"));
    assert!(found["manager-1/journal.txt"].contains("dockerd"));
    world.dojo(&["down", &name, "--yes"]).ok();
    world.assert_gone(&name);
}
