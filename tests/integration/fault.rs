//! `dojo break` and `unbreak`, on a driver that touches nothing but a file: what they say, and what they refuse.

use serde_json::Value;

use crate::cli::{RECORD, UP, World};

fn practice() -> World {
    let world = World::new();
    world.dojo(&UP).ok();
    world
}

#[test]
fn the_catalogue_needs_no_cluster() {
    let world = World::new();
    let text = world.dojo(&["break"]).ok();
    let known: Value = serde_json::from_str(&world.dojo(&["break", "-o", "json"]).ok()).unwrap();
    let names: Vec<_> =
        known.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "unit-stopped",
            "frozen",
            "power-off",
            "unreachable",
            "slow-network",
            "disk-full",
            "cert-expired"
        ]
    );
    for name in names {
        assert!(text.contains(&format!("\n{name}")) || text.starts_with(name), "{name}: {text}");
    }
    assert!(text.contains("frozen:dockerd  frozen:kubelet  frozen:etcd\n"), "{text}");
}

#[test]
fn what_was_broken_is_told_with_its_end_and_its_undo() {
    let world = practice();
    let said = world.dojo(&["break", "unit-stopped:docker", "practice/worker-1"]).ok();
    assert!(said.starts_with("practice/worker-1 has fault unit-stopped:docker until "), "{said}");
    assert!(said.contains("`dojo unbreak practice/worker-1` undoes it"), "{said}");
    let args = ["break", "frozen:dockerd", "worker-1", "--for", "10m", "-o", "json"];
    let said: Value = serde_json::from_str(&world.dojo(&args).ok()).unwrap();
    assert_eq!(said["machine"], "practice/worker-1");
    assert_eq!(said["fault"], "frozen:dockerd");
    assert_eq!(said["until"], "2100-01-01T00:30:00Z");
    // Before it is made, the undo is armed.
    let story = world.dojo(&["--log-format", "plain", "break", "unreachable", "worker-2"]).stderr;
    let at = |words: &str| story.find(words).unwrap_or_else(|| panic!("{words}: {story}"));
    assert!(at("arm the undo: ok") < at("break it: unreachable"), "{story}");
}

#[test]
fn what_is_off_is_a_fault_that_unbreak_undoes() {
    let world = practice();
    assert_eq!(world.dojo(&["break", "ls"]).ok(), "nothing is broken\n");
    assert_eq!(world.dojo(&["unbreak"]).ok(), "nothing is broken\n");
    let said = world.dojo(&["break", "power-off", "worker-2"]).ok();
    assert_eq!(
        said,
        "practice/worker-2 has fault power-off until `dojo unbreak practice/worker-2` or `dojo start \
         practice/worker-2`\n"
    );
    let list = world.dojo(&["break", "ls"]).ok();
    let rows: Vec<Vec<&str>> = list.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["MACHINE", "FAULT", "SINCE", "UNTIL"]);
    assert_eq!(rows[1..], [vec!["practice/worker-2", "power-off", "-", "-"]]);
    assert_eq!(world.dojo(&["break", "ls", "worker-1"]).ok(), "nothing is broken\n");
    insta::assert_snapshot!(world.dojo(&["break", "frozen:dockerd", "worker-2"]).failure(), @r"
    exit 1
    error: machine `practice/worker-2` is stopped, so nothing can be broken on it
    hint: `dojo start practice/worker-2` starts it
    ");
    assert_eq!(world.dojo(&["unbreak", "worker-1"]).ok(), "nothing is broken\n");
    assert_eq!(world.dojo(&["unbreak"]).ok(), "practice/worker-2 is rid of fault power-off\n");
    assert_eq!(world.dojo(&["break", "ls"]).ok(), "nothing is broken\n");
    // Somebody has stopped all of it, and nothing but a wish starts it.
    world.dojo(&["stop"]).ok();
    assert_eq!(world.dojo(&["unbreak"]).ok(), "nothing is broken\n");
    let states = world.read("fake.json");
    assert!(states["machines"].as_array().unwrap().iter().all(|m| m["state"] == "stopped"));
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    let world = practice();
    insta::assert_snapshot!(world.dojo(&["break", "unreachble", "worker-1"]).failure(), @r"
    exit 2
    error: there is no fault `unreachble`
    hint: perhaps `unreachable` is meant
    hint: `dojo break` lists them
    ");
    insta::assert_snapshot!(world.dojo(&["break", "frozen", "worker-1"]).failure(), @r"
    exit 2
    error: fault `frozen` can be done to several things: frozen:dockerd, frozen:kubelet, frozen:etcd
    hint: say `frozen:dockerd`, `frozen:kubelet` or `frozen:etcd`
    ");
    insta::assert_snapshot!(world.dojo(&["break", "frozen:kubelet", "worker-1"]).failure(), @r"
    exit 2
    error: fault `frozen:kubelet` makes no sense on machine `practice/worker-1`: it has no kubelet
    hint: `unit-stopped:docker`, `unit-stopped:containerd`, `frozen:dockerd`, `power-off`, `unreachable`, `slow-network`, `disk-full` or `cert-expired` would make sense there
    ");
    insta::assert_snapshot!(world.dojo(&["break", "power-off", "worker-9"]).failure(), @r"
    exit 1
    error: cluster `practice` has no machine `worker-9`
    hint: `dojo status practice` lists its machines
    ");
    for (args, words) in [
        (&["break", "unreachable"][..], "<MACHINE>"),
        (&["break", "frozen:dockerd", "worker-1", "--for", "2d"], "from 5s to 24h"),
        (&["break", "power-off", "worker-1", "--for", "2h"], "cannot start itself"),
        (&["break", "power-off", "nobody/worker-1"], "there is no cluster `nobody`"),
        (&["unbreak", "nobody"], "there is no cluster `nobody`"),
        (&["break", "ls", "nobody"], "there is no cluster `nobody`"),
    ] {
        let said = world.dojo(args);
        assert_ne!(said.code, Some(0), "{args:?}");
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
    }
    assert!(
        world.read("fake.json")["machines"]
            .as_array()
            .unwrap()
            .iter()
            .all(|m| m["state"] == "running")
    );
    world.read(RECORD);
}

#[test]
fn a_machine_that_does_not_answer_is_named_and_the_others_are_done() {
    let world = practice();
    world.dojo(&["break", "power-off", "worker-2"]).ok();
    let silent = [("DOJO_FAKE_FAIL", "boot:worker-1")];
    let said = world.dojo_with(&silent, &["break", "ls"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("practice/worker-2"), "{}", said.stdout);
    assert!(
        said.stderr.contains("worker-1: warning: nobody knows of its faults"),
        "{}",
        said.stderr
    );
    let said = world.dojo_with(&silent, &["unbreak"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("worker-1"), "{}", said.stderr);
    // worker-2 was started all the same.
    assert_eq!(world.dojo(&["break", "ls"]).ok(), "nothing is broken\n");
}
