//! What was agreed on is done by any later command, whatever became of the first one.

use serde_json::Value;

use crate::cli::{UP, World};

const RECORD: &str = "state/clusters/practice/cluster.json";

impl World {
    fn there(&self) -> Vec<String> {
        let there = self.read("fake.json");
        let machines = there["machines"].as_array().unwrap();
        let mut names: Vec<_> =
            machines.iter().map(|m| m["id"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// What is still to be done.
    fn pending(&self) -> Vec<String> {
        let pending = &self.read(RECORD)["pending"];
        let intents = pending.as_array().into_iter().flatten();
        intents.map(|intent| intent["intent"].as_str().unwrap().to_owned()).collect()
    }

    fn killed_at(&self, point: &str, args: &[&str]) {
        let killed = self.dojo_with(&[("DOJO_FAILPOINT", point)], args);
        assert_ne!(killed.code, Some(0), "{point}: {}", killed.stderr);
    }
}

const MORE_AND_FEWER: [&str; 6] = ["scale", "practice", "--workers", "1", "--managers", "3"];

#[test]
fn all_that_a_killed_scale_was_to_do_is_done_by_the_next_command() {
    let wanted = ["manager-1", "manager-2", "manager-3", "worker-1"];
    for (next, word) in [
        (["up", "practice"].as_slice(), "finishing an interrupted `scale` first"),
        (&["start", "practice"], "finishing an interrupted `scale` first"),
        (&MORE_AND_FEWER, "finishing an interrupted `scale` first"),
    ] {
        for point in ["scale.record.after", "scale.destroy.before", "scale.destroy.after"] {
            let world = World::new();
            world.dojo(&UP).ok();
            world.killed_at(point, &MORE_AND_FEWER);
            assert_eq!(world.pending(), ["shrink", "grow"], "{point}");
            let preview = world.dojo(&["up", "practice", "--dry-run"]);
            let told = "an interrupted `scale` is finished first";
            assert!(preview.stderr.contains(told), "{point}: {}", preview.stderr);
            let said = world.dojo(next);
            assert!(said.stderr.contains(word), "{next:?} after {point}: {}", said.stderr);
            said.ok();
            assert_eq!(world.there(), wanted, "{next:?} after {point}");
            assert!(world.pending().is_empty(), "{next:?} after {point}");
        }
    }
}

#[test]
fn what_is_asked_later_takes_the_place_of_what_has_not_been_begun() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.killed_at("scale.record.after", &MORE_AND_FEWER);
    world.dojo(&["up", "practice", "--managers", "1", "--workers", "3"]).ok();
    assert_eq!(world.there(), ["manager-1", "worker-1", "worker-2", "worker-3"]);
    assert!(world.pending().is_empty());
}

#[test]
fn a_new_cluster_in_place_of_a_lost_one_is_made_also_by_a_later_command() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["stop", "practice"]).ok();
    world.change("fake.json", |there| {
        there["machines"].as_array_mut().unwrap().retain(|m| m["id"]["name"] != "manager-1");
    });
    for point in ["down.context.after", "down.machine.after", "down.cleanup.after"] {
        world.killed_at(point, &["up", "practice", "--recreate"]);
        assert_eq!(world.pending(), ["remove", "grow"], "{point}");
    }
    world.dojo(&["up", "practice"]).ok();
    assert_eq!(world.there(), ["manager-1", "worker-1", "worker-2"]);
    assert_eq!(world.read(RECORD)["pending"], Value::Null);
}
