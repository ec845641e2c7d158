//! What a cluster knew is lost with its managers, and nobody gets an empty one in its place unasked.

use serde_json::Value;

use crate::cli::{RECORD, Said, UP, World};

impl World {
    fn plain(&self, args: &[&str]) -> Said {
        self.dojo(&[&["--log-format", "plain"][..], args].concat())
    }
}

/// Fails the test unless all of these commands are refused in words like these, and change nothing.
#[track_caller]
fn refused(world: &World, commands: &[&[&str]], words: &[&str]) {
    for command in commands {
        let before = world.read("fake.json");
        let said = world.plain(command);
        assert_eq!(said.code, Some(1), "{command:?}: {}\n{}", said.stdout, said.stderr);
        assert_eq!(said.stdout, "");
        for word in words {
            assert!(said.stderr.contains(word), "{command:?}: `{word}` is not in: {}", said.stderr);
        }
        assert_eq!(world.read("fake.json"), before, "{command:?}");
    }
}

const ALL: [&[&str]; 5] = [
    &["up", "practice"],
    &["up", "practice", "--dry-run"],
    &["up", "practice", "--workers", "5"],
    &["start", "practice"],
    &["scale", "practice", "--workers", "3"],
];

#[test]
fn a_lost_swarm_is_made_anew_only_if_that_is_asked_for() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.lose(&["manager-1"]);
    refused(&world, &ALL, &["manager-1 is gone", "still there: worker-1, worker-2", "--recreate"]);
    insta::assert_snapshot!(world.dojo(&["-q", "up", "practice"]).failure(), @r"
    exit 1
    error: cluster `practice` has lost its services, networks, secrets and configs: manager-1 is gone; still there: worker-1, worker-2
    hint: `dojo up practice --recreate` makes it anew, empty, and removes what is still there
    ");
    let before = world.read("fake.json");
    let plan = world.dojo(&["up", "practice", "--recreate", "--dry-run"]).ok();
    assert_eq!(plan, "create  manager-1\ncreate  worker-1\ncreate  worker-2\n");
    assert_eq!(world.read("fake.json"), before);
    let old = world.read(RECORD)["cluster_id"].clone();
    let said = world.dojo(&["up", "practice", "--recreate"]).ok();
    assert!(said.contains("practice is ready: swarm of 3"), "{said}");
    assert_ne!(world.read(RECORD)["cluster_id"], old);

    // What is whole is left as it is.
    let before = world.read("fake.json");
    let said = world.dojo(&["up", "practice", "--recreate"]).ok();
    assert!(said.contains("was ready already"), "{said}");
    assert_eq!(world.read("fake.json"), before);
}

#[test]
fn nothing_left_is_lost_as_well() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["stop", "practice"]).ok();
    world.lose(&["manager-1", "worker-1", "worker-2"]);
    refused(&world, &ALL, &["manager-1 is gone", "nothing of it is left", "--recreate"]);
    // A record of an earlier version does not say that there was a cluster, but that all was well.
    world.change(RECORD, |record| drop(record.as_object_mut().unwrap().remove("begun")));
    world.change(RECORD, |record| {
        record["schema"] = 2.into();
        record["phase"] = "ready".into();
    });
    refused(&world, &ALL, &["manager-1 is gone"]);
    world.dojo(&["up", "practice", "--recreate", "--workers", "1"]).ok();
    assert_eq!(world.read("fake.json")["machines"].as_array().unwrap().len(), 2);
}

#[test]
fn a_swarm_that_never_came_to_be_whole_can_be_lost() {
    let world = World::new();
    let said = world.dojo_with(&[("DOJO_FAKE_FAIL", "join:worker-1")], &UP);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    world.lose(&["manager-1"]);
    refused(&world, &ALL, &["manager-1 is gone"]);
    world.dojo(&["down", "practice"]).ok();

    // One that was not even begun cannot.
    let said = world.dojo_with(&[("DOJO_FAKE_FAIL", "boot:manager-1")], &UP);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    world.lose(&["manager-1"]);
    world.dojo(&["up", "practice"]).ok();
}

#[test]
fn a_lost_majority_is_told_before_anything_is_made() {
    let world = World::new();
    world.dojo(&[&UP[..], &["--managers", "3"]].concat()).ok();
    world.lose(&["manager-2"]);
    let said = world.plain(&["up", "practice"]);
    assert!(
        said.stderr.contains("manager-2: warning: it is gone, and is made anew"),
        "{}",
        said.stderr
    );
    said.ok();
    world.lose(&["manager-1", "manager-2"]);
    let silent = [("DOJO_FAKE_FAIL", "engine:manager-3")];
    for command in
        [["up", "practice"].as_slice(), &["up", "practice", "--dry-run"], &["start", "practice"]]
    {
        let before = world.read("fake.json");
        let said = world.dojo_with(&silent, command).failure();
        for word in [
            "of its 3 managers manager-1 and manager-2 are gone",
            "still there: manager-3",
            "dojo ssh practice/manager-3 -- docker swarm init --force-new-cluster",
            "--recreate",
        ] {
            assert!(said.contains(word), "{command:?}: {said}");
        }
        assert_eq!(world.read("fake.json"), before, "{command:?}");
    }
    // Also if something else went wrong in between. Stopping tells what is not there, and stops the rest.
    let said = world.dojo_with(&silent, &["stop", "practice"]).failure();
    assert!(said.contains("manager-1: it was not found"), "{said}");
    let said = world.dojo_with(&silent, &["-q", "up", "practice"]).failure();
    assert!(said.contains("`dojo start practice/manager-3` starts"), "{said}");
}

#[test]
fn machines_that_are_in_no_swarm_any_more_begin_none() {
    let world = World::new();
    world.dojo(&UP).ok();
    // As after `docker swarm leave --force`.
    world.change("fake.json", |state| state["members"] = Value::Array(Vec::new()));
    refused(
        &world,
        &[&["up", "practice"], &["start", "practice"]],
        &["manager-1 is in a swarm no more"],
    );
    let said = world.dojo(&["up", "practice", "--recreate"]).ok();
    assert!(said.contains("practice is ready"), "{said}");
}

#[test]
fn lost_workers_and_hosts_are_made_anew_and_that_is_said() {
    let world = World::new();
    let anew = "warning: it is gone, and is made anew, empty";
    world.dojo(&UP).ok();
    world.lose(&["worker-1"]);
    for more in [["--dry-run"].as_slice(), &[]] {
        let said = world.plain(&[&["up", "practice"][..], more].concat());
        assert!(said.stderr.contains(&format!("worker-1: {anew}")), "{}", said.stderr);
        assert!(!said.stderr.contains(&format!("worker-2: {anew}")), "{}", said.stderr);
        said.ok();
    }
    world.dojo(&["up", "hosts", "--driver", "fake", "--engines"]).ok();
    world.lose(&["machine-1", "machine-2", "machine-3"]);
    for more in [["--dry-run"].as_slice(), &[]] {
        let said = world.plain(&[&["up", "hosts"][..], more].concat());
        assert!(said.stderr.contains(&format!("machine-1: {anew}")), "{}", said.stderr);
        said.ok();
    }
}

#[test]
fn engines_that_are_to_be_restarted_stand_in_the_plan() {
    let world = World::new();
    world.dojo(&UP).ok();
    for flags in [["--engine-opt", "debug=true"], ["--engine-label", "disk=ssd"]] {
        let plan = [&["up", "practice", "--workers", "3", "--dry-run"][..], &flags].concat();
        let plan = world.dojo(&plan).ok();
        let restart = "restart manager-1\nrestart worker-1\nrestart worker-2\n";
        assert_eq!(plan, format!("{restart}create  worker-3\n"));
    }
    world.dojo(&["up", "practice", "--engine-opt", "debug=true"]).ok();
    let plan = world.dojo(&["up", "practice", "--engine-opt", "debug=true", "--dry-run"]).ok();
    assert!(!plan.contains("restart"), "{plan}");
}
