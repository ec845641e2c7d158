//! What nobody remembers, and goes on costing money.

use std::fs;

use serde_json::{Value, json};

use super::emulator::{Emulator, tagged};
use crate::world::{World, until};

#[test]
fn what_no_cluster_here_owns_is_found_and_removed() {
    let mut world = World::new();
    let (known, lost) = (world.name("awsknown"), world.name("awslost"));
    let emulator = Emulator::start(&mut world);
    emulator.set(&json!({ "machines": false }));
    // Instances are made, and `up` does not come to know of them.
    emulator.fault(&json!({
        "action": "RunInstances", "error": "RequestExpired", "message": "expired", "after": true
    }));
    for name in [&known, &lost] {
        let up = ["up", name, "--driver", "ec2", "--workers", "0"];
        world
            .dojo(&[&up[..], &["--endpoint-url", emulator.endpoint()]].concat())
            .fails(1, &["expired"]);
    }
    emulator.no_faults();
    fs::remove_dir_all(world.home().join("clusters").join(&lost)).unwrap();
    let theirs = [
        ("ImageId", "ami-00000001a"),
        ("InstanceType", "t3.small"),
        ("MinCount", "1"),
        ("MaxCount", "1"),
    ];
    let (_, theirs) = emulator.call("RunInstances", &theirs).unwrap();
    let theirs = tagged(&theirs, "instanceId");
    let sweep = |how: &'static str| {
        let there = ["--driver", "ec2", "--endpoint-url", emulator.endpoint()];
        world.dojo(&[&["sweep", how], &there[..]].concat())
    };

    let said = sweep("--dry-run").ok();
    assert!(!said.contains(&known) && !said.contains(theirs), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with(&lost)).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(said.contains("of manager-1") && said.contains("security group"), "{said}");
    // Nobody can be asked.
    sweep("--quiet").fails(1, &["nothing was removed", "--yes"]);
    assert_eq!(emulator.things("instance").len(), 3);

    let said = sweep("--yes").ok();
    assert!(said.contains("all of it is gone"), "{said}");
    let left = |kind: &str| -> Vec<Value> {
        let mut found = emulator.things(kind);
        found.retain(|thing| thing["id"] != theirs);
        found.iter_mut().map(|thing| thing["tags"]["io.clusterdojo.cluster"].take()).collect()
    };
    assert_eq!((left("instance"), left("group")), (vec![json!(known)], vec![json!(known)]));
    assert!(sweep("--yes").ok().contains("no orphaned resources"));
    assert_eq!(emulator.things("instance").len(), 2);

    // A rebuilt record knows region and account, whatever the environment says afterwards.
    fs::remove_file(world.home().join("clusters").join(&known).join("cluster.json")).unwrap();
    let there = ["--driver", "ec2", "--endpoint-url", emulator.endpoint()];
    world.dojo(&[&["repair", &known][..], &there].concat()).ok();
    world.set("AWS_REGION", "ap-southeast-2");
    let said = world.dojo(&["down", &known]);
    assert!(said.stderr.contains("whatever AWS_REGION says"), "{}", said.stderr);
    said.ok();
    emulator.call("TerminateInstances", &[("InstanceId.1", theirs)]).unwrap();
    until("theirs is gone", 20, || emulator.things("instance").is_empty());
    emulator.assert_empty();
}
