//! `dojo snapshot`, on a driver that touches nothing but a file: what it says, what it refuses, and what becomes of one
//! that was cut short.

use serde_json::Value;

use crate::cli::{RECORD, UP, World};

fn practice() -> World {
    let world = World::new();
    world.dojo(&UP).ok();
    world
}

fn with_snapshot() -> World {
    let world = practice();
    world.dojo(&["snapshot", "save", "before"]).ok();
    world
}

impl World {
    /// What is listed, as JSON.
    fn snapshots(&self) -> Vec<Value> {
        serde_json::from_str(&self.dojo(&["snapshot", "ls", "-o", "json"]).ok()).unwrap()
    }

    /// The intents of the record.
    fn left(&self) -> Vec<String> {
        let record = self.read(RECORD);
        let pending = record["pending"].as_array().cloned().unwrap_or_default();
        pending.iter().map(|intent| intent["intent"].as_str().unwrap().to_owned()).collect()
    }

    /// Has a machine say something else of its snapshot.
    fn change_part(&self, machine: &str, change: impl Fn(&str) -> String) {
        self.change("fake.json", |world| {
            let part = &mut world["snapshots"][format!("practice/{machine}")]["before"];
            *part = change(part.as_str().unwrap()).into();
        });
    }
}

#[test]
fn a_snapshot_is_taken_listed_put_back_and_removed() {
    let world = practice();
    assert_eq!(world.dojo(&["snapshot", "ls"]).ok(), "there are no snapshots\n");
    let said = world.dojo(&["snapshot", "save", "practice/before"]).ok();
    assert!(said.starts_with("practice/before is kept on 3 machines, "), "{said}");
    assert!(said.ends_with("  dojo snapshot restore practice/before  put it back\n"), "{said}");
    let list = world.snapshots();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["name"], "before");
    assert_eq!(list[0]["runs"], "Docker 26.1.5");
    assert_eq!(list[0]["whole"], true);
    assert_eq!(list[0]["machines"], serde_json::json!(["manager-1", "worker-1", "worker-2"]));
    let table = world.dojo(&["snapshot", "ls", "practice"]).ok();
    let header: Vec<_> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["NAME", "TAKEN", "OF", "STATE"]);
    assert!(table.contains("Docker 26.1.5, 3 machines  whole\n"), "{table}");
    let said = world.dojo(&["snapshot", "restore", "before"]).ok();
    assert!(said.starts_with("practice is as it was at 2"), "{said}");
    assert_eq!(world.left(), [""; 0]);
    assert_eq!(world.dojo(&["snapshot", "rm", "before"]).ok(), "practice/before is removed\n");
    assert_eq!(world.dojo(&["snapshot", "ls"]).ok(), "there are no snapshots\n");
}

#[test]
fn everything_stops_before_anything_is_copied_or_replaced() {
    let world = practice();
    let in_order = |args: &[&str], steps: &[&str]| {
        let story = world.dojo(&[&["--log-format", "plain"], args].concat()).stderr;
        let last = |step: &str| story.rfind(step).unwrap_or_else(|| panic!("{step}: {story}"));
        let first = |step: &str| story.find(step).unwrap_or_else(|| panic!("{step}: {story}"));
        for pair in steps.windows(2) {
            let (before, after) = (format!(": {}: ok", pair[0]), format!(": {}", pair[1]));
            assert!(last(&before) < first(&after), "{pair:?}: {story}");
        }
    };
    in_order(
        &["snapshot", "save", "before"],
        &["stop", "copy its state", "keep the copy", "start"],
    );
    let lay = "lay the former state beside the present one";
    let swap = "put the former state in its place";
    in_order(&["snapshot", "restore", "before"], &["stop", lay, swap, "start"]);
}

#[test]
fn what_cannot_be_is_refused_with_what_helps() {
    let world = with_snapshot();
    insta::assert_snapshot!(world.dojo(&["-q", "snapshot", "save", "before"]).failure(), @r"
    exit 1
    error: cluster `practice` has a snapshot `before` already
    hint: choose another name, or `dojo snapshot rm practice/before` removes it
    ");
    insta::assert_snapshot!(world.dojo(&["-q", "snapshot", "restore", "after"]).failure(), @r"
    exit 1
    error: cluster `practice` has no snapshot `after`
    hint: `dojo snapshot ls practice` lists them
    ");
    insta::assert_snapshot!(world.dojo(&["snapshot", "save", "../etc"]).failure(), @r"
    exit 2
    error: `..` is not a cluster name: use 2 to 40 lower-case letters, digits and single hyphens, beginning with a letter and ending with a letter or digit
    ");
    insta::assert_snapshot!(world.dojo(&["snapshot", "save", "two words"]).failure(), @r"
    exit 2
    error: `two words` is not a name for a snapshot: use 1 to 40 letters, digits and hyphens, with no hyphen at either end
    ");
    insta::assert_snapshot!(world.dojo(&["snapshot", "rm", "nobody/before"]).failure(), @r"
    exit 1
    error: there is no cluster `nobody`
    hint: `dojo ls` lists the clusters, `dojo up nobody` makes one of that name
    ");
    world.dojo(&["stop", "practice/worker-2"]).ok();
    for args in [["save", "another"], ["restore", "before"], ["rm", "before"]] {
        let said = world.dojo(&[&["snapshot"], &args[..]].concat()).failure();
        let words = "machines of cluster `practice` are off: worker-2; a snapshot is of all of them\n\
                     hint: `dojo start practice` starts them\n";
        assert_eq!(said, format!("exit 1\nerror: {words}"), "{args:?}");
    }
    let said = world.dojo(&["snapshot", "ls"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stdout.contains("worker-2 does not answer"), "{}", said.stdout);
    assert!(said.stderr.contains("worker-2: warning: nobody knows of its"), "{}", said.stderr);
}

#[test]
fn only_what_is_whole_and_fits_is_put_back() {
    let world = with_snapshot();
    let restore = ["-q", "snapshot", "restore", "before"];
    world.change_part("worker-1", |part| part.replace("whole", "damaged"));
    insta::assert_snapshot!(world.dojo(&restore).failure(), @r"
    exit 1
    error: snapshot `before` of cluster `practice` is not whole: worker-1 has it damaged
    hint: nothing was changed; it cannot be put back any more, and `dojo snapshot rm practice/before` removes what is left of it
    ");
    world.change_part("worker-1", |part| part.replace("damaged", "whole"));
    world.change("fake.json", |world| world["runs"] = "Docker 27.0.1".into());
    insta::assert_snapshot!(world.dojo(&restore).failure(), @r"
    exit 1
    error: snapshot `before` is of Docker 26.1.5, and machine `practice/manager-1` has Docker 27.0.1
    hint: nothing was changed; a state is put back to the release that wrote it
    ");
    world.change("fake.json", |world| world["runs"] = "Docker 26.1.5".into());
    world.dojo(&["scale", "practice", "--workers", "3"]).ok();
    insta::assert_snapshot!(world.dojo(&restore).failure(), @r"
    exit 1
    error: cluster `practice` has other machines than when snapshot `before` was taken: worker-3 came
    hint: nothing was changed; where only their number differs, `dojo scale practice` takes away those that have come
    ");
    world.dojo(&["scale", "practice", "--workers", "2"]).ok();
    world.dojo(&restore).ok();
    // A machine of the same name that is another one has nothing of it.
    world.change("fake.json", |world| {
        world["snapshots"].as_object_mut().unwrap().remove("practice/worker-2");
    });
    let said = world.dojo(&restore);
    assert!(said.stderr.contains("worker-2 has nothing of it"), "{}", said.stderr);
}

#[test]
fn clusters_without_a_state_or_with_machines_of_others_have_none() {
    let world = World::new();
    world.dojo(&["-q", "up", "hosts", "--engines", "--driver", "fake"]).ok();
    insta::assert_snapshot!(world.dojo(&["-q", "snapshot", "save", "before"]).failure(), @r"
    exit 1
    error: cluster `hosts` cannot have snapshots: it is plain Docker hosts, and there is no state that they share
    ");
    let world = practice();
    world.change(RECORD, |record| {
        record["spec"]["machines"][1]["driver"] = "ssh".into();
        record["spec"]["ssh"] =
            serde_json::json!({ "hosts": [{ "address": "a" }, { "address": "b" }] });
    });
    for args in [&["save", "before"][..], &["restore", "before"], &["rm", "before"], &["ls"]] {
        let said = world.dojo(&[&["snapshot"], args].concat());
        let words = "it has machines of driver `ssh`, and snapshots are kept on those of driver `docker` only";
        assert!(said.stderr.contains(words), "{args:?}: {}", said.stderr);
        assert_eq!(said.code, Some(1), "{args:?}");
    }
}

/// The refusal where another command was cut short.
fn unfinished(verb: &str) -> String {
    format!(
        "exit 1\nerror: an interrupted `snapshot {verb}` of cluster `practice` has not come to its end\n\
         hint: `dojo up practice` does what is left to do\n"
    )
}

#[test]
fn one_that_was_cut_short_comes_to_nothing_and_everything_is_started() {
    for (point, left) in [
        ("save.record.after", ["save", "grow"].as_slice()),
        ("save.stop.after", &["save", "grow"]),
        ("save.copy.after", &["save", "grow"]),
        ("save.keep.after", &["save", "grow"]),
        ("save.start.after", &["save", "grow"]),
    ] {
        let world = practice();
        let killed = world.dojo_with(&[("DOJO_FAILPOINT", point)], &["snapshot", "save", "before"]);
        assert_ne!(killed.code, Some(0), "{point}");
        assert_eq!(world.left(), left, "{point}");
        let said = world.dojo(&["snapshot", "save", "before"]).failure();
        assert_eq!(said, unfinished("save"), "{point}");
        let said = world.dojo(&["up", "practice"]);
        let words = "finishing an interrupted `snapshot save` first";
        assert!(said.stderr.contains(words), "{point}: {}", said.stderr);
        said.ok();
        assert_eq!((world.left().len(), world.snapshots().len()), (0, 0), "{point}");
        world.dojo(&["snapshot", "save", "before"]).ok();
    }
}

#[test]
fn what_is_put_back_is_put_back_by_the_next_command() {
    for point in clusterdojo::failpoint::RESTORE.iter().skip(1) {
        let world = with_snapshot();
        let restore = ["snapshot", "restore", "before"];
        let killed = world.dojo_with(&[("DOJO_FAILPOINT", point)], &restore);
        assert_ne!(killed.code, Some(0), "{point}");
        let is_back = *point == "restore.note.after";
        let left: &[&str] = if is_back { &["grow"] } else { &["restore", "grow"] };
        assert_eq!(world.left(), left, "{point}");
        if !is_back {
            let said = world.dojo(&["start", "practice/worker-1"]).failure();
            assert_eq!(said, unfinished("restore"), "{point}");
            // Without it nothing could be put back to its end.
            let said = world.dojo(&["snapshot", "rm", "before"]).failure();
            assert_eq!(said, unfinished("restore"), "{point}");
        }
        let next: &[&str] = if point.contains("swap") { &["up", "practice"] } else { &restore };
        world.dojo(&["stop", "practice/worker-2"]).ok();
        if next[0] != "up" {
            world.dojo(&["snapshot", "restore", "before"]).failure();
            world.dojo(&["start", "practice"]).ok();
        }
        let said = world.dojo(next);
        assert_eq!(said.code, Some(0), "{point}: {}", said.stderr);
        assert_eq!(world.left(), [""; 0], "{point}");
        assert_eq!(world.snapshots()[0]["whole"], true, "{point}");
    }
}

#[test]
fn what_cannot_be_laid_out_is_given_up_by_all_machines() {
    let world = with_snapshot();
    let fails = [("DOJO_FAKE_FAIL", "lay:worker-1")];
    let args = ["--log-format", "plain", "snapshot", "restore", "before"];
    let said = world.dojo_with(&fails, &args);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    for machine in ["manager-1", "worker-1", "worker-2"] {
        for step in ["put the present state back", "start"] {
            let line = format!("{machine}: {step}: ok");
            assert!(said.stderr.contains(&line), "{line}: {}", said.stderr);
        }
    }
    assert!(!said.stderr.contains("in its place"), "{}", said.stderr);
    assert_eq!(world.left(), ["grow"]);
    world.dojo(&["snapshot", "restore", "before"]).ok();
    // And a copy that fails leaves nothing of it.
    let fails = [("DOJO_FAKE_FAIL", "copy:worker-1")];
    let said = world.dojo_with(&fails, &["snapshot", "save", "another"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert_eq!((world.left().len(), world.snapshots().len()), (0, 1));
}
