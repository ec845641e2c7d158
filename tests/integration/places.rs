//! Where a cluster is: noted once, and held to whatever the environment says later.

use std::fs;

use serde_json::Value;

use super::cli::{RECORD, Said, UP, World};

impl World {
    fn record(&self) -> Value {
        self.read(RECORD)
    }

    fn keys_are_kept(&self) -> bool {
        let cluster = self.at("state/clusters/practice");
        ["cluster.json", "ssh/id_ed25519", "pki/ca-key.pem"]
            .iter()
            .all(|f| cluster.join(f).exists())
    }

    fn machines(&self) -> usize {
        self.read("fake.json")["machines"].as_array().unwrap().len()
    }
}

#[track_caller]
fn fails(said: Said, words: &[&str]) {
    let text = said.failure();
    assert!(text.starts_with("exit 1\n"), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

#[test]
fn the_first_record_says_where_and_it_is_shown() {
    let world = World::new();
    assert_eq!(world.dojo_with(&[("DOJO_FAKE_FAIL", "boot:worker-1")], &UP).code, Some(1));
    let record = world.record();
    let file = world.at("fake.json");
    assert_eq!(record["places"]["fake"]["options"]["file"], file.to_str().unwrap());
    assert_eq!(record["contexts"]["docker"], world.at("docker").to_str().unwrap());
    assert_eq!(record["contexts"]["kubectl"][0], world.at(".kube/config").to_str().unwrap());

    let shown = |args: &[&str]| -> Value { serde_json::from_str(&world.dojo(args).ok()).unwrap() };
    let inspected = shown(&["inspect", "practice"]);
    let listed = shown(&["ls", "-o", "json"]);
    assert_eq!(inspected["places"]["fake"]["name"], "the world in `/world/fake.json`");
    assert_eq!(inspected["contexts"]["docker"], "/world/docker");
    assert_eq!(listed[0]["places"]["fake"]["options"]["file"], "/world/fake.json");
}

#[test]
fn the_environment_leads_no_verb_elsewhere() {
    let world = World::new();
    world.dojo(&UP).ok();
    let other = world.at("other.json").display().to_string();
    let (docker, kube) = (world.at("elsewhere"), world.at("kube"));
    let elsewhere = [
        ("DOJO_FAKE_STATE", other.as_str()),
        ("DOCKER_CONFIG", docker.to_str().unwrap()),
        ("KUBECONFIG", kube.to_str().unwrap()),
    ];
    let dojo = |args: &[&str]| drop(world.dojo_with(&elsewhere, args).ok());
    dojo(&["-q", "stop", "practice"]);
    assert!(world.dojo(&["ls"]).stdout.contains("stopped"));
    dojo(&["-q", "start", "practice"]);
    dojo(&["-q", "scale", "practice", "--workers", "3"]);
    dojo(&["-q", "certs", "renew", "practice"]);
    let said = world.dojo_with(&elsewhere, &["up", "practice"]);
    let told = "context `dojo-practice` is in `/world/docker`, whatever DOCKER_CONFIG says now";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    assert_eq!(world.machines(), 4);
    let contexts = || fs::read_dir(world.at("docker/contexts/meta")).map_or(0, Iterator::count);
    assert_eq!(contexts(), 1);
    dojo(&["-q", "down", "practice"]);
    assert_eq!((world.machines(), contexts()), (0, 0));
    assert!(!docker.exists() && !kube.exists() && !world.at("other.json").exists());
}

#[test]
fn an_empty_listing_is_no_success() {
    let world = World::new();
    world.dojo(&UP).ok();
    // Another world answers at the same place.
    let whole = fs::read(world.at("fake.json")).unwrap();
    fs::remove_file(world.at("fake.json")).unwrap();
    let lost = [
        "cluster `practice` has machines that were not found: manager-1, worker-1, worker-2",
        "looked at the world in `/world/fake.json`, which is not the one any more",
        "--forget",
    ];
    for verb in ["stop", "start", "down", "up"] {
        let said = world.dojo(&["-q", verb, "practice"]);
        if verb == "start" || verb == "up" {
            fails(said, &["is not the one any more", "practice"]);
        } else {
            fails(said, &lost);
        }
        assert!(world.keys_are_kept(), "{verb}");
    }
    fails(world.dojo(&["-q", "scale", "practice", "--workers", "1"]), &["not the one any more"]);
    fails(world.dojo(&["-q", "certs", "renew", "practice"]), &lost);
    let load = ["-q", "image", "load", "--cluster", "practice", "web:1"];
    fails(world.dojo_with(&[("DOJO_FAKE_IMAGES", "sha256:1=web:1")], &load), &lost);
    assert_eq!(world.record()["images"], Value::Null);
    fails(world.dojo(&["-q", "stop", "practice/worker-1"]), &["not found: worker-1; looked at"]);
    fails(world.dojo(&["-q", "start", "practice/worker-1"]), &["not found: worker-1; looked at"]);
    assert!(world.keys_are_kept());

    let status = world.dojo(&["status", "practice"]);
    assert_eq!(status.code, Some(1), "{}", status.stderr);
    for words in ["not found", "! worker-1: looked at the world in"] {
        assert!(status.stdout.contains(words), "{words} is missing in: {}", status.stdout);
    }
    let logs = world.dojo(&["logs", "practice"]);
    assert_eq!(logs.code, Some(1));
    assert!(logs.stderr.contains("it was not found; looked at the world in"), "{}", logs.stderr);

    // It was only away.
    fs::write(world.at("fake.json"), whole).unwrap();
    world.dojo(&["-q", "stop", "practice"]).ok();
    fs::remove_file(world.at("fake.json")).unwrap();
    world.dojo(&["-q", "down", "practice", "--forget"]).ok();
    assert!(!world.at("state/clusters/practice").exists());
}

#[test]
fn machines_that_carry_another_id_are_named_and_left_alone() {
    let world = World::new();
    world.dojo(&UP).ok();
    let id = world.record()["cluster_id"].as_str().unwrap().to_owned();
    world.change(RECORD, |record| {
        let other = if id.starts_with('0') { "1" } else { "0" };
        record["cluster_id"] = format!("{other}{}", &id[1..]).into();
    });
    for verb in ["stop", "down", "start", "up"] {
        fails(
            world.dojo(&["-q", verb, "practice"]),
            &["not found: manager-1, worker-1, worker-2", "another cluster id", &id],
        );
        assert!(world.keys_are_kept(), "{verb}");
    }
    assert_eq!(world.machines(), 3);
}

#[test]
fn what_is_gone_for_sure_hinders_nothing() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.lose(&["worker-1"]);
    // The others are done, and the one that is not there is no success.
    fails(
        world.dojo(&["-q", "stop", "practice"]),
        &["1 of 3 machines failed", "worker-1: it was not found; looked at the world in"],
    );
    assert!(world.dojo(&["ls"]).stdout.contains("0/3"));
    world.dojo(&["-q", "up", "practice"]).ok();
    world.lose(&["worker-1"]);
    world.dojo(&["-q", "down", "practice"]).ok();

    // The world is the same one, so that it has none says all.
    world.dojo(&UP).ok();
    world.lose(&["manager-1", "worker-1", "worker-2"]);
    fails(world.dojo(&["-q", "stop", "practice"]), &["not found: manager-1"]);
    world.dojo(&["-q", "down", "practice"]).ok();
    assert!(!world.at("state/clusters/practice").exists());
}

#[test]
fn keys_of_a_record_that_is_lost_or_damaged_are_kept_where_nothing_is_found() {
    let world = World::new();
    let record = world.at("state/clusters/practice/cluster.json");
    let down = ["-q", "down", "practice", "--yes", "--driver", "fake"];
    for damage in ["{", ""] {
        world.dojo(&UP).ok();
        fs::remove_file(world.at("fake.json")).unwrap();
        if damage.is_empty() {
            fs::remove_file(&record).unwrap();
        } else {
            fs::write(&record, damage).unwrap();
        }
        let why = if damage.is_empty() { "without its record" } else { "is damaged" };
        fails(world.dojo(&down), &[why, "none of its machines was found", "--forget"]);
        assert!(world.at("state/clusters/practice/ssh/id_ed25519").exists());
        world.dojo(&[&down[..], &["--forget"]].concat()).ok();
        assert!(!world.at("state/clusters/practice").exists());
    }
}

/// The same world as another user, or one with another `DOJO_HOME`, sees it.
fn of_another(world: &World, args: &[&str]) -> Said {
    let home = world.at("home-of-another").display().to_string();
    world.dojo_with(&[("DOJO_HOME", &home)], args)
}

#[test]
fn what_another_home_has_made_takes_more_than_a_yes() {
    let world = World::new();
    world.dojo(&UP).ok();
    let another = |args: &[&str]| of_another(&world, &[args, &["--driver", "fake"]].concat());
    let theirs = ["a cluster `practice` exists that another home has made: machine `manager-1`"];
    fails(another(&["-q", "down", "practice", "--yes"]), &[theirs[0], "--other-homes"]);
    fails(another(&["-q", "down", "practice"]), &theirs);
    fails(another(&["-q", "up", "practice"]), &theirs);
    fails(another(&["-q", "repair", "practice"]), &theirs);
    another(&["-q", "down", "--all", "--yes"]).ok();
    let swept = another(&["sweep", "--yes"]);
    assert!(swept.stderr.contains("3 more of other homes"), "{}", swept.stderr);
    swept.ok();
    assert!(another(&["ls"]).stdout.contains("of another home"));
    assert_eq!(world.machines(), 3);
    assert_eq!(
        world.dojo(&["ls"]).stdout.lines().nth(1).map(|l| l.contains("running")),
        Some(true)
    );

    // Keys that are left of an earlier cluster of that name open nothing.
    let keys = world.at("home-of-another/clusters/practice");
    for key in ["ssh/id_ed25519", "pki/ca-key.pem"] {
        fs::create_dir_all(keys.join(key).parent().unwrap()).unwrap();
        fs::write(keys.join(key), "").unwrap();
    }
    fails(another(&["-q", "repair", "practice"]), &theirs);
    another(&["-q", "down", "practice", "--yes", "--other-homes"]).ok();
    assert_eq!(world.machines(), 0);
}

#[test]
fn machines_from_before_there_were_homes_are_anybodys() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.change("fake.json", |there| {
        for machine in there["machines"].as_array_mut().unwrap() {
            assert!(machine.as_object_mut().unwrap().remove("home").is_some());
        }
    });
    let down = ["-q", "down", "practice", "--driver", "fake"];
    fails(of_another(&world, &down), &["not the record of it", "--yes"]);
    of_another(&world, &[&down[..], &["--yes"]].concat()).ok();
    assert_eq!(world.machines(), 0);
}

#[test]
fn keys_take_over_whatever_home_made_the_machines() {
    let world = World::new();
    world.dojo(&UP).ok();
    // The home was copied, and its id was not.
    fs::remove_file(world.at("state/id")).unwrap();
    fs::remove_file(world.at("state/clusters/practice/cluster.json")).unwrap();
    world.dojo(&["repair", "practice", "--driver", "fake"]).ok();
    world.dojo(&UP).ok();
    world.dojo(&["-q", "down", "practice"]).ok();
    assert_eq!(world.machines(), 0);
}

#[test]
fn nothing_is_gone_that_another_place_does_not_list() {
    let world = World::new();
    world.dojo(&["-q", "up", "second", "--driver", "fake", "--workers", "0"]).ok();
    // Cut short before the record named a machine.
    let killed = world.dojo_with(&[("DOJO_FAILPOINT", "machine.create.after")], &UP);
    assert_ne!(killed.code, Some(0));
    assert_eq!(world.record()["machines"], Value::Array(Vec::new()));
    let whole = fs::read_to_string(world.at("fake.json")).unwrap();
    world.change("fake.json", |there| {
        there["id"] = "another".into();
        there["machines"] = Value::Array(Vec::new());
    });
    fails(
        world.dojo(&["-q", "down", "practice"]),
        &["no machine of cluster `practice`", "--forget"],
    );
    fails(world.dojo(&["-q", "stop", "practice"]), &["no machine of cluster `practice`"]);
    assert!(world.keys_are_kept());
    fs::write(world.at("fake.json"), whole).unwrap();
    world.dojo(&["-q", "down", "practice"]).ok();
    assert_eq!(world.machines(), 1);
}

#[test]
fn a_place_that_has_the_machines_is_theirs_whatever_it_is_called_by_now() {
    let world = World::new();
    world.dojo(&UP).ok();
    let before = world.read("fake.json")["id"].as_str().unwrap().to_owned();
    world
        .change("fake.json", |there| there["id"] = before.chars().rev().collect::<String>().into());
    for args in [["stop", "practice"], ["start", "practice"], ["up", "practice"]] {
        world.dojo(&[&["-q"][..], &args].concat()).ok();
    }
    world.dojo(&["-q", "scale", "practice", "--workers", "1"]).ok();
    assert_eq!(world.machines(), 2);
    assert_ne!(world.record()["places"]["fake"]["id"].as_str(), Some(before.as_str()));
}

#[test]
fn what_scale_was_refused_is_not_done_later() {
    let world = World::new();
    world.dojo(&UP).ok();
    let whole = fs::read(world.at("fake.json")).unwrap();
    fs::remove_file(world.at("fake.json")).unwrap();
    let scale = ["-q", "scale", "practice", "--workers", "0"];
    fails(world.dojo(&scale), &["machines that were not found"]);
    fs::write(world.at("fake.json"), whole).unwrap();
    world.dojo(&["-q", "start", "practice"]).ok();
    assert_eq!(world.machines(), 3);
}

#[test]
fn a_context_of_another_home_stays_where_down_finds_nothing() {
    let world = World::new();
    world.dojo(&UP).ok();
    let contexts = || fs::read_dir(world.at("docker/contexts/meta")).map_or(0, Iterator::count);
    let (home, elsewhere) = (world.at("home-of-another"), world.at("elsewhere.json"));
    let environment =
        [("DOJO_HOME", home.to_str().unwrap()), ("DOJO_FAKE_STATE", elsewhere.to_str().unwrap())];
    let down = ["down", "practice", "--driver", "fake"];
    assert_eq!(world.dojo_with(&environment, &down).ok(), "there is no cluster practice\n");
    assert_eq!(contexts(), 1);
    assert!(fs::read_to_string(world.at("docker/config.json")).unwrap().contains("dojo-practice"));
    // Without a record, the keys tell whose it is.
    fs::remove_file(world.at("state/clusters/practice/cluster.json")).unwrap();
    world.dojo(&["-q", "down", "practice", "--yes", "--driver", "fake"]).ok();
    assert_eq!((contexts(), world.machines()), (0, 0));
}

#[test]
fn the_context_of_plain_hosts_stays_with_the_first_one() {
    let world = World::new();
    world.dojo(&["-q", "up", "practice", "--driver", "fake", "--engines", "--machines", "2"]).ok();
    let endpoint = || {
        let meta = fs::read_dir(world.at("docker/contexts/meta")).unwrap().next().unwrap();
        let text = fs::read(meta.unwrap().path().join("meta.json")).unwrap();
        let meta: Value = serde_json::from_slice(&text).unwrap();
        meta["Endpoints"]["docker"]["Host"].as_str().unwrap().to_owned()
    };
    let before = endpoint();
    world.dojo(&["-q", "stop", "practice/machine-1"]).ok();
    world.dojo(&["-q", "certs", "renew", "practice"]).ok();
    assert_eq!(endpoint(), before);
}

#[test]
fn restart_leaves_nothing_off_that_could_be_on() {
    let world = World::new();
    world.dojo(&UP).ok();
    let state = |name: &str| {
        let machines = world.read("fake.json")["machines"].as_array().unwrap().clone();
        let machine = machines.into_iter().find(|m| m["id"]["name"] == name);
        machine.map(|m| m["state"].as_str().unwrap().to_owned())
    };
    let stuck = [("DOJO_FAKE_FAIL", "stop:worker-1")];
    fails(world.dojo_with(&stuck, &["-q", "restart", "practice"]), &["worker-1"]);
    assert_eq!(state("manager-1").unwrap(), "running");
    assert_eq!(state("worker-2").unwrap(), "running");
    // One that is not there could not be started again.
    world.lose(&["worker-2"]);
    fails(world.dojo(&["-q", "restart", "practice"]), &["not found: worker-2"]);
    assert_eq!(state("manager-1").unwrap(), "running");
}

#[test]
fn one_cluster_that_fails_keeps_no_other_from_its_turn() {
    let world = World::new();
    world.dojo(&UP).ok();
    world.dojo(&["-q", "up", "second", "--driver", "fake", "--workers", "0"]).ok();
    let stuck = [("DOJO_FAKE_FAIL", "stop:worker-1")];
    let said = world.dojo_with(&stuck, &["stop", "practice", "second"]);
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), "second is stopped\n"));
    assert!(said.stderr.contains("1 of 2 clusters failed"), "{}", said.stderr);
}
