//! What instances cost is told before they are made, and agreed to.

use serde_json::{Value, json};

use super::emulator::Emulator;
use crate::world::World;

#[test]
fn nothing_is_made_that_costs_more_than_was_agreed_to() {
    let mut world = World::new();
    let name = world.name("awscost");
    let emulator = Emulator::start(&mut world);
    emulator.set(&json!({ "machines": false }));
    let with = |more: &[&'static str]| -> Vec<String> {
        let up = ["up", &name, "--driver", "ec2", "--workers", "2"];
        let endpoint = ["--endpoint-url", emulator.endpoint()];
        up.iter().chain(&endpoint).chain(more).map(|word| (*word).to_owned()).collect()
    };
    let up = |more: &[&'static str]| {
        let words = with(more);
        world.dojo(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };

    // Three of 0.048 $ with 16 GiB of 0.0952 $ a month, and an address of 0.005 $.
    let hourly = "3 × t3.medium in eu-central-1: about $0.17 an hour";
    let said = up(&["--dry-run"]);
    assert!(said.stderr.contains(hourly), "{}", said.stderr);
    assert!(said.stderr.contains("$1.32 until they end themselves in 8h"), "{}", said.stderr);
    let said = up(&["--dry-run", "--ttl", "none"]);
    assert!(said.stderr.contains("for as long as they are there"), "{}", said.stderr);

    up(&["--max-hourly", "0.10"]).fails(1, &["about $0.17 an hour", "the limit is $0.10", "--yes"]);
    // Nobody knows the price of this one, which matters to whoever names a limit.
    let unknown = ["--instance-type", "t3.large"];
    let said = up(&[&unknown[..], &["--max-hourly", "5"]].concat());
    said.fails(1, &["AWS lists no price of t3.large", "nobody knows how much"]);
    let said = up(&[&unknown[..], &["--dry-run"]].concat());
    assert!(said.stderr.contains("is not known"), "{}", said.stderr);
    emulator.assert_empty();
}

#[test]
fn what_an_instance_costs_is_written_on_it() {
    let mut world = World::new();
    let name = world.name("awsprice");
    let emulator = Emulator::start(&mut world);
    // It is made, and nobody answers there.
    emulator.set(&json!({ "machines": false }));
    emulator.fault(&json!({
        "action": "RunInstances", "error": "RequestExpired", "message": "expired", "after": true
    }));
    let mut up = vec!["up", &name, "--driver", "ec2", "--workers", "0", "--max-hourly", "0.10"];
    up.extend(["--endpoint-url", emulator.endpoint()]);
    world.dojo(&up).fails(1, &["expired"]);
    let listed = world.dojo(&["ls", "-o", "json"]).ok();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let row = listed.as_array().unwrap().iter().find(|row| row["name"] == name.as_str());
    let cost = row.and_then(|row| row["cost"].as_f64());
    assert!(cost.is_some_and(|cost| cost < 0.01), "{listed}");
    let things = emulator.things("instance");
    assert_eq!(things[0]["tags"]["io.clusterdojo.hourly"], "0.055087", "{things:?}");
    // One more is one more to agree to.
    let scale = ["scale", &name, "--workers", "1", "--max-hourly", "0.01"];
    world.dojo(&scale).fails(1, &["about $0.055 an hour", "the limit is $0.010", "--yes"]);
    assert_eq!(emulator.things("instance").len(), 1);
    world.dojo(&["down", &name]).ok();
    emulator.assert_empty();
    world.assert_gone(&name);
}
