//! `dojo import docker-machine`: everything up to the first contact with a host.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{Said, World};

impl World {
    /// A machine of docker-machine's, in its default place.
    fn machine(&self, name: &str, driver: &str, of_driver: &Value) {
        let directory = self.at(".docker/machine/machines").join(name);
        fs::create_dir_all(&directory).unwrap();
        let config = json!({
            "ConfigVersion": 3, "Driver": of_driver, "DriverName": driver, "HostOptions": {}, "Name": name
        });
        fs::write(directory.join("config.json"), config.to_string()).unwrap();
    }

    /// One with a key of its own.
    fn generic(&self, name: &str, address: &str, port: u16) {
        let key = self.at(".docker/machine/machines").join(name).join("id_rsa");
        let of_driver = json!({
            "IPAddress": address, "MachineName": name, "SSHUser": "pi", "SSHPort": port, "SSHKeyPath": key,
            "StorePath": self.at(".docker/machine"), "EnginePort": 2376, "SSHKey": "/home/me/.ssh/id_rsa"
        });
        self.machine(name, "generic", &of_driver);
        fs::write(key, "a key").unwrap();
    }

    fn import(&self, args: &[&str]) -> Said {
        self.dojo(&[&["import", "docker-machine"], args].concat())
    }

    fn store(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.at(".docker/machine"), &mut found);
        found
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        let clusters = self.at("state/clusters");
        let left: Vec<_> = fs::read_dir(clusters).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(!self.at("docker").exists(), "there is a context");
    }
}

fn collect(directory: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
}

#[track_caller]
fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, Some(code), "{}{}", said.stdout, said.stderr);
    for word in words {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
}

#[test]
fn a_dry_run_prints_the_command_that_does_it() {
    let world = World::new();
    world.generic("box", "192.0.2.7", 2222);
    let said = world.import(&["box", "--dry-run", "--host-key", "ssh-ed25519 AAAAC3Nz"]).ok();
    insta::assert_snapshot!(said, @"dojo up box --engines --machines 1 --driver ssh --host pi@192.0.2.7:2222 --host-key 'ssh-ed25519 AAAAC3Nz' --identity /world/.docker/machine/machines/box/id_rsa --rollback");
    // Hosts with keys of their own take a file.
    world.generic("box-2", "192.0.2.8", 22);
    let said = world.import(&["box", "box-2", "--dry-run"]).ok();
    assert!(said.starts_with("# dojo up -f docker-machine.yaml, with this in"), "{said}");
    let spec = said.replace("/world", world.path().to_str().unwrap());
    let file = world.file("docker-machine.yaml", &spec);
    let plan = world.dojo(&["up", "-f", &file, "--dry-run", "-o", "json"]).ok();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["orchestrator"], "engines");
    assert_eq!(plan["ssh"]["hosts"][1]["address"], "192.0.2.8");
    world.assert_nothing_is_left();
}

#[test]
fn instances_of_ec2_are_told_with_what_goes_on_costing_money() {
    let world = World::new();
    let of_driver = json!({
        "IPAddress": "203.0.113.7", "MachineName": "aws", "SSHUser": "ubuntu", "SSHPort": 22, "SSHKeyPath": "",
        "InstanceId": "i-0abc", "Region": "eu-central-1", "InstanceType": "t2.micro",
        "AccessKey": "AKIAEXAMPLE", "SecretKey": "not-to-be-told"
    });
    world.machine("aws", "amazonec2", &of_driver);
    refused(&world.import(&["aws", "--yes"]), 1, &["the SSH key of `aws` is not there"]);
    world.machine("aws", "amazonec2", &of_driver);
    fs::write(world.at(".docker/machine/machines/aws/id_rsa"), "").unwrap();
    let said = world.import(&["aws", "--dry-run"]);
    for words in ["i-0abc", "t2.micro", "eu-central-1", "costs money", "docker-machine rm aws"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(said.stdout.contains("--host ubuntu@203.0.113.7:22 "), "{}", said.stdout);
    let all = said.stdout.clone() + &said.stderr;
    assert!(!all.contains("AKIAEXAMPLE") && !all.contains("not-to-be-told"), "{all}");
    said.ok();
}

#[test]
fn what_cannot_be_taken_is_told_and_nothing_is_left() {
    let world = World::new();
    world.generic("box", "192.0.2.7", 22);
    world.machine("virtual", "virtualbox", &json!({ "IPAddress": "192.168.99.100" }));
    world.machine("begun", "generic", &json!({ "IPAddress": "" }));
    world.machine("broken", "generic", &json!({}));
    fs::write(world.at(".docker/machine/machines/broken/config.json"), "{\"Driver\": {").unwrap();
    let before = world.store();
    for name in ["nobody", "../machines/box"] {
        let known = "there are begun, box, broken, virtual";
        refused(&world.import(&[name, "--yes"]), 2, &[name, known, "MACHINE_STORAGE_PATH"]);
    }
    refused(&world.import(&["virtual", "--yes"]), 2, &["driver `virtualbox`", "`amazonec2`"]);
    refused(&world.import(&["begun", "--yes"]), 1, &["no address of `begun`"]);
    refused(&world.import(&["broken", "--yes"]), 1, &["broken/config.json` is damaged", "line 1"]);
    let keys = ["box", "--host-key", "a", "--host-key", "b"];
    refused(&world.import(&keys), 2, &["2 host keys are given for 1 machines"]);
    refused(&world.import(&["box", "--host-key", "a", "--yes"]), 2, &["host key of `192.0.2.7`"]);
    // Nobody can be asked here.
    let said = world.import(&["box"]);
    refused(&said, 1, &["nothing was taken", "--yes"]);
    assert!(said.stdout.contains("box/machine-1"), "{}", said.stdout);
    fs::remove_file(world.at(".docker/machine/machines/box/id_rsa")).unwrap();
    refused(
        &world.import(&["box", "--yes"]),
        1,
        &["the SSH key of `box` is not there", "--identity"],
    );
    fs::write(world.at(".docker/machine/machines/box/id_rsa"), "a key").unwrap();
    let elsewhere = [("MACHINE_STORAGE_PATH", "/nonexistent")];
    let said = world.dojo_with(&elsewhere, &["import", "docker-machine", "box", "--yes"]);
    refused(&said, 2, &["in `/nonexistent/machines`, and no others"]);
    world.assert_nothing_is_left();
    assert_eq!(world.store(), before);
}

#[test]
fn a_host_that_does_not_answer_leaves_nothing_behind() {
    let world = World::new();
    world.generic("box", "127.0.0.1", 1);
    let before = world.store();
    let said = world.import(&["box", "--yes", "--host-key", "ssh-ed25519 AAAAC3Nz"]);
    refused(&said, 3, &["127.0.0.1"]);
    world.assert_nothing_is_left();
    assert_eq!(world.store(), before);
}

#[test]
fn a_cluster_of_that_name_is_left_alone() {
    let world = World::new();
    world.generic("practice", "192.0.2.7", 22);
    world.dojo(&crate::cli::UP).ok();
    refused(&world.import(&["practice", "--yes"]), 2, &["a cluster `practice` already", "--name"]);
    let said = world.import(&["practice", "--name", "other", "--dry-run"]).ok();
    assert!(said.starts_with("dojo up other "), "{said}");
    world.machine("A.b", "generic", &json!({ "IPAddress": "192.0.2.7" }));
    refused(&world.import(&["A.b", "--dry-run"]), 2, &["`A.b` is not a cluster name", "--name"]);
}
