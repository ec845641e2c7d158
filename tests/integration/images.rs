//! Images that are put on machines, and those that cannot be.

use std::fs;

use serde_json::Value;

use crate::cli::{UP, World};

/// One image has two names, and another has none.
const IMAGES: (&str, &str) =
    ("DOJO_FAKE_IMAGES", "sha256:1=web:1+web:2,sha256:2=,sha256:3=app:latest");

fn remembered(world: &World) -> Vec<String> {
    let record = world.path().join("state/clusters/practice/cluster.json");
    let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let images = record["images"].as_array().cloned().unwrap_or_default();
    images.iter().map(|i| i["reference"].as_str().unwrap().to_owned()).collect()
}

/// Makes a cluster's record that of Kubernetes: machines of it take images over SSH, which the fake has.
fn as_kubernetes(world: &World) {
    for file in ["state/clusters/practice/cluster.json", "fake.json"] {
        let file = world.path().join(file);
        let text = fs::read_to_string(&file).unwrap();
        let other = text.replace("\"orchestrator\": \"swarm\"", "\"orchestrator\": \"kubernetes\"");
        assert_ne!(text, other);
        fs::write(&file, other).unwrap();
    }
}

fn load(images: &[&str]) -> Vec<String> {
    let args = ["--log-format", "plain", "image", "load", "--cluster", "practice"];
    args.iter().chain(images).map(ToString::to_string).collect()
}

#[test]
fn what_no_machine_would_find_is_refused_before_anything_is_loaded() {
    let world = World::new();
    world.dojo(&UP).ok();
    let refused = |images: &[&str], words: &[&str]| {
        let args = load(images);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let said = world.dojo_with(&[IMAGES], &args).failure();
        for word in words {
            assert!(said.contains(word), "{images:?}: {said}");
        }
        assert_eq!(remembered(&world), Vec::<String>::new(), "{images:?}");
    };
    refused(
        &["nowhere:1"],
        &["exit 1\n", "image `nowhere:1` is not in this computer's engine", "pull nowhere:1`"],
    );
    refused(&["sha256:2"], &["image `sha256:2` has no name with a tag", "tag sha256:2 NAME:TAG`"]);
    refused(&["web:1", "sha256:2", "nowhere"], &["`sha256:2`", "`nowhere`"]);
}

#[test]
fn machines_that_are_off_keep_nothing_from_the_others() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["stop", "practice/worker-1"]).ok();
    as_kubernetes(&world);
    let args = load(&["docker.io/library/web:1", "app", "sha256:1"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = world.dojo_with(&[IMAGES], &args);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    let loaded = "web:1 is on 2 machines\napp:latest is on 2 machines\nweb:2 is on 2 machines\n";
    assert_eq!(said.stdout, loaded);
    for word in [
        "1 of 3 machines failed\n  worker-1: the machine is stopped\n",
        "hint: `dojo start practice/worker-1` starts it, and gives it",
        "`sha256:1` is loaded as `web:1` and `web:2`",
        "Kubernetes pulls `app:latest` anew for every pod",
        "--image-pull-policy IfNotPresent",
    ] {
        assert!(said.stderr.contains(word), "`{word}` is not in: {}", said.stderr);
    }
    assert!(!said.stderr.contains("dojo down"), "{}", said.stderr);
    assert_eq!(remembered(&world), ["web:1", "app:latest", "web:2"]);

    // One that fails is told with its image, once for each.
    let fail = ("DOJO_FAKE_FAIL", "boot:worker-2");
    let said = world.dojo_with(&[IMAGES, fail], &args);
    for word in [
        "2 of 3 machines failed",
        "worker-2: image `web:1`: machine `practice/worker-2` did not answer",
        "worker-2: image `web:2`: machine `practice/worker-2` did not answer",
        "web:1 is on 1 machine\n",
    ] {
        let all = format!("{}{}", said.stdout, said.stderr);
        assert!(all.contains(word), "`{word}` is not in: {all}");
    }
}

#[test]
fn machines_that_are_not_there_are_named_and_keep_nothing_from_the_others() {
    let world = World::new();
    world.dojo(&UP).ok();
    as_kubernetes(&world);
    world.lose(&["worker-2"]);
    let args = load(&["web:1"]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = world.dojo_with(&[IMAGES], &args);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), "web:1 is on 2 machines\n"));
    let words = "1 of 3 machines failed\n  worker-2: it was not found; looked at the world in";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    assert_eq!(remembered(&world), ["web:1"]);
}

/// The machines that have not got the only image that was loaded; `None` where nothing is said of it.
fn lacking(world: &World) -> Option<Value> {
    let record = world.path().join("state/clusters/practice/cluster.json");
    let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let images = record["images"].as_array().unwrap();
    assert_eq!(images.len(), 1, "{images:?}");
    images[0].get("lacking").cloned()
}

#[test]
fn what_was_off_gets_an_image_that_was_loaded_anew_by_the_same_name() {
    const ONE: (&str, &str) = ("DOJO_FAKE_IMAGES", "sha256:1=web:1");
    const TWO: (&str, &str) = ("DOJO_FAKE_IMAGES", "sha256:2=web:1");
    let world = World::new();
    world.dojo(&UP).ok();
    as_kubernetes(&world);
    let change = |change: &dyn Fn(&mut Value)| {
        let file = world.path().join("state/clusters/practice/cluster.json");
        let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(&mut record);
        fs::write(&file, record.to_string()).unwrap();
    };
    // What the machines have is on them, whatever this computer has.
    change(&|record| record["spec"]["kubernetes"]["bundle"] = "/nonexistent".into());
    let load = ["image", "load", "--cluster", "practice", "web:1"];
    let start = ["--log-format", "plain", "start", "practice/worker-2"];
    let given = "worker-2: load image web:1: ok";

    world.dojo_with(&[ONE], &load).ok();
    assert_eq!(lacking(&world), None);
    world.dojo(&["stop", "practice/worker-2"]).ok();
    let said = world.dojo_with(&[TWO], &load);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), "web:1 is on 2 machines\n"));
    assert_eq!(lacking(&world), Some(serde_json::json!(["worker-2"])));

    // It has one of that name already, and still lacks this one until it was given.
    let said = world.dojo_with(&[TWO, ("DOJO_FAKE_FAIL", "load:worker-2")], &start);
    assert!(
        said.stderr.contains("worker-2: warning: it did not get image `web:1`"),
        "{}",
        said.stderr
    );
    assert_eq!(lacking(&world), Some(serde_json::json!(["worker-2"])));
    let said = world.dojo_with(&[TWO], &start);
    assert!(said.stderr.contains(given), "{}", said.stderr);
    assert_eq!(lacking(&world), None);
    let said = world.dojo_with(&[TWO], &start);
    assert!(!said.stderr.contains("load image"), "{}", said.stderr);

    // Machines that are no more are forgotten.
    change(&|record| record["images"][0]["lacking"] = serde_json::json!(["worker-2", "worker-7"]));
    world.dojo_with(&[TWO], &["start", "practice/worker-1"]).ok();
    assert_eq!(lacking(&world), Some(serde_json::json!(["worker-2"])));
    // What this computer has by now is another one; those that were not asked have not got it.
    world.dojo_with(&[ONE], &start).ok();
    assert_eq!(lacking(&world), Some(serde_json::json!(["manager-1", "worker-1"])));

    // One that fails lacks it, whatever it had.
    let fail = ("DOJO_FAKE_FAIL", "load:worker-1");
    assert_eq!(world.dojo_with(&[TWO, fail], &load).code, Some(1));
    assert_eq!(lacking(&world), Some(serde_json::json!(["worker-1"])));
}

#[test]
fn hints_fit_what_was_done() {
    let world = World::new();
    world.dojo(&UP).ok();
    for (fail, args, words) in [
        (
            "stop:worker-1",
            ["stop", "practice"],
            ["`dojo status practice`", "the same command again"],
        ),
        ("start:worker-2", ["start", "practice/worker-2"], ["`dojo status practice`", "again"]),
        ("boot:worker-1", ["start", "practice/worker-1"], ["`dojo restart practice/worker-1`", ""]),
        (
            "destroy:worker-1",
            ["down", "practice"],
            ["`dojo down practice` again", "kept: worker-1"],
        ),
    ] {
        let said = world.dojo_with(&[("DOJO_FAKE_FAIL", fail)], &[&["-q"][..], &args].concat());
        let said = said.failure();
        for word in words {
            assert!(said.contains(word), "{fail}: `{word}` is not in: {said}");
        }
        assert!(!said.contains("removes it all"), "{fail}: {said}");
    }
}
