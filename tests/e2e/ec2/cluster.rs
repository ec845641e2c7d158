//! Clusters of instances as a user sees them.

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clusterdojo::failpoint;
use serde_json::{Value, json};

use super::emulator::Emulator;
use super::swarm_nodes;
use crate::kill::killed_at;
use crate::world::{World, until};

const TAG: &str = "io.clusterdojo.cluster";

fn nodes(world: &World) -> Vec<String> {
    swarm_nodes(world, "{{.Hostname}} {{.Status}} {{.ManagerStatus}}")
}

/// The instance that a machine is.
fn instance(emulator: &Emulator, machine: &str) -> String {
    let is_it = |thing: &&Value| thing["tags"]["io.clusterdojo.machine"] == machine;
    let found = emulator.things("instance");
    found.iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The launches that AWS agreed to.
fn launches(emulator: &Emulator) -> Vec<Value> {
    let mut requests = emulator.requests("RunInstances");
    requests.retain(|request| request["status"] == 200);
    requests.into_iter().map(|mut request| request["form"].take()).collect()
}

/// What an instance was told at its launch.
fn user_data(form: &Value) -> String {
    let data = BASE64.decode(form["UserData"].as_str().unwrap()).unwrap();
    String::from_utf8(data).unwrap()
}

/// The parameters of a kind of an action, wherever it was called.
fn values(emulator: &Emulator, action: &str, ending: &str) -> BTreeSet<String> {
    let forms = emulator.requests(action);
    let forms = forms.iter().filter_map(|request| request["form"].as_object());
    let values = forms.flat_map(|form| form.iter().filter(|(name, _)| name.ends_with(ending)));
    values.map(|(_, value)| value.as_str().unwrap().to_owned()).collect()
}

/// What came with the user data is no longer what a machine proves itself by.
fn assert_host_keys_are_their_own(world: &World, name: &str, emulator: &Emulator) {
    let known_hosts = world.home().join("clusters").join(name).join("ssh/known_hosts");
    let known_hosts = fs::read_to_string(known_hosts).unwrap();
    assert_eq!(known_hosts.lines().count(), 3, "{known_hosts}");
    let told: Vec<String> = launches(emulator).iter().map(user_data).collect();
    for thing in emulator.things("instance") {
        let own = thing["tags"]["io.clusterdojo.host-key"].as_str().unwrap();
        assert!(known_hosts.contains(own), "{own}: {known_hosts}");
        assert!(told.iter().all(|data| !data.contains(own)), "{own}");
    }
}

#[test]
fn a_swarm_of_instances_from_up_to_proof_of_empty() {
    let mut world = World::new();
    let name = world.name("aws");
    let emulator = Emulator::start(&mut world);
    emulator.set(&json!({ "lag": 1, "pending": 1, "shutting_down": 2 }));
    emulator.fault(&json!({
        "action": "Describe.*", "error": "RequestLimitExceeded", "status": 503, "every": 5
    }));
    let mut up = vec!["up", &name, "--driver", "ec2", "--workers", "2"];
    up.extend(["--endpoint-url", emulator.endpoint()]);
    world.dojo(&up).ok();
    let ready = ["manager-1 Ready Leader", "worker-1 Ready", "worker-2 Ready"];
    assert_eq!(nodes(&world), ready);

    // What was asked of AWS.
    let forms = launches(&emulator);
    assert_eq!(forms.len(), 3);
    for form in &forms {
        for (parameter, value) in [
            ("MetadataOptions.HttpTokens", "required"),
            ("MetadataOptions.HttpPutResponseHopLimit", "1"),
            ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
            ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
            ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
            ("InstanceInitiatedShutdownBehavior", "terminate"),
            ("InstanceType", "t3.medium"),
        ] {
            assert_eq!(form[parameter], value, "{parameter}");
        }
        assert!(form.get("KeyName").is_none());
    }
    assert_eq!(values(&emulator, "RunInstances", "ClientToken").len(), 3);
    for (kind, count) in [("instance", 3), ("volume", 3), ("interface", 3), ("group", 1)] {
        let things = emulator.things(kind);
        assert_eq!(things.len(), count, "{things:?}");
        assert!(things.iter().all(|thing| thing["tags"][TAG] == name.as_str()), "{things:?}");
    }
    let callers = values(&emulator, "AuthorizeSecurityGroupIngress", "CidrIp");
    assert_eq!(callers.iter().collect::<Vec<_>>(), ["127.0.0.1/32"]);

    assert_host_keys_are_their_own(&world, &name, &emulator);

    // Again: nothing is done.
    let again = world.dojo(&up).ok();
    assert!(again.contains("was ready already"), "{again}");
    assert_eq!(launches(&emulator).len(), 3);
    let status = world.dojo(&["status", &name]).ok();
    assert!(status.contains("machines end themselves in 7 h"), "{status}");
    let listed = world.dojo(&["ls"]).ok();
    for told in ["COST", "running, 7 h", "left", "$0.00"] {
        assert!(listed.contains(told), "{listed}");
    }

    // Its time is not up yet: the machines know, and whoever reads their tags.
    let said = world.dojo(&["extend", &name, "2h"]).ok();
    assert!(said.contains("machines end themselves in 9 h"), "{said}");
    let machine = format!("{name}/worker-1");
    let timer = ["systemctl", "show", "--value", "-p", "NextElapseUSecRealtime"];
    let timer = [&["ssh", &machine, "--"], &timer[..], &["clusterdojo-ttl.timer"]].concat();
    let told = world.dojo(&timer).ok();
    let tags = emulator.things("instance");
    let is_told = |thing: &Value| {
        let end = thing["tags"]["io.clusterdojo.expires"].as_str().unwrap();
        // 2026-11-23T05:38:16Z, and Mon 2026-11-23 05:38:16 UTC
        told.contains(&end.replace('T', " ").replace('Z', " UTC")[..16])
    };
    assert!(tags.iter().any(is_told), "{told}: {tags:?}");
    world.dojo(&["extend", &name, "none"]).fails(2, &["not for ever"]);

    // Off and on again it has other public addresses, which nobody has to know.
    let addresses = || {
        let (_, said) = emulator.call("DescribeInstances", &[]).unwrap();
        let found = said.split("<ipAddress>").skip(1);
        found.map(|rest| rest.split('<').next().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let before = addresses();
    world.dojo(&["stop", &name]).ok();
    world.dojo(&["start", &name]).ok();
    assert!(addresses().is_disjoint(&before), "{before:?}");
    until("the swarm is back", 60, || nodes(&world) == ready);

    // The same with a single one, which can be reached at once.
    let machine = format!("{name}/worker-1");
    world.dojo(&["stop", &machine]).ok();
    let said = world.dojo(&["start", &machine]);
    assert!(said.stderr.contains("worker-1 has another address"), "{}", said.stderr);
    said.ok();
    assert_eq!(world.dojo(&["ssh", &machine, "--", "hostname"]).ok(), "worker-1\n");

    // One is taken away by hand, and AWS wants another one back. Each is told, and made up for.
    emulator.end(&instance(&emulator, "worker-1"), "Client.UserInitiatedShutdown", "by hand");
    let code = "Server.SpotInstanceTermination";
    emulator.end(&instance(&emulator, "worker-2"), code, "Spot instance termination");
    until("they are gone", 20, || emulator.things("instance").len() == 1);
    let said = world.dojo(&["status", &name]);
    assert_ne!(said.code, Some(0), "{}", said.stdout);
    for fate in [
        "! worker-1: somebody terminated the instance, 20",
        "! worker-2: AWS took the spot instance back, 20",
    ] {
        assert!(said.stdout.contains(fate), "{}", said.stdout);
    }
    world.dojo(&up).ok();
    assert_eq!(nodes(&world), ready);
    assert_eq!(emulator.things("instance").len(), 3);
    world.dojo(&["down", &name]).ok();
    emulator.assert_empty();
    world.assert_gone(&name);
}

#[test]
fn killed_after_aws_agreed_there_is_still_one_instance() {
    let mut world = World::new();
    let name = world.name("awskill");
    let emulator = Emulator::start(&mut world);
    emulator.set(&json!({ "lag": 2 }));
    let mut up = vec!["up", &name, "--driver", "ec2", "--workers", "0"];
    up.extend(["--endpoint-url", emulator.endpoint()]);

    for point in failpoint::EC2 {
        assert!(killed_at(&world, point, &up), "{point}");
    }
    world.dojo(&up).ok();
    assert_eq!(emulator.things("instance").len(), 1, "{:?}", emulator.things("instance"));
    assert_eq!(nodes(&world), ["manager-1 Ready Leader"]);

    // With nothing remembered, not even whose it is, it is found by its tags.
    fs::remove_dir_all(world.home()).unwrap();
    let there = ["--driver", "ec2", "--endpoint-url", emulator.endpoint()];
    let listed = world.dojo(&[&["ls"], &there[..]].concat()).ok();
    assert!(listed.contains(&name) && listed.contains("of another home"), "{listed}");
    world.dojo(&[&["down", &name, "--yes", "--other-homes"], &there[..]].concat()).ok();
    emulator.assert_empty();
    world.assert_gone(&name);
}

#[test]
fn what_aws_refuses_is_told_and_costs_nothing_that_is_there() {
    let mut world = World::new();
    let name = world.name("awsno");
    let emulator = Emulator::start(&mut world);
    let up = ["up", &name, "--driver", "ec2", "--workers", "1"];
    let mut up = up.to_vec();
    up.extend(["--endpoint-url", emulator.endpoint()]);

    // There is room for one of the two.
    emulator.fault(&json!({
        "action": "RunInstances", "value": "worker-1", "error": "InsufficientInstanceCapacity",
        "message": "We currently do not have sufficient t3.medium capacity.", "status": 500
    }));
    world.dojo(&up).fails(1, &["1 of 2 machines failed", "worker-1", "sufficient t3.medium"]);
    let first = instance(&emulator, "manager-1");
    emulator.no_faults();

    // Credentials that do not live as long as it takes.
    emulator.fault(&json!({
        "action": "RunInstances", "error": "RequestExpired", "message": "Request has expired."
    }));
    world.dojo(&up).fails(1, &["worker-1", "Request has expired"]);
    emulator.no_faults();
    world.dojo(&up).ok();
    assert_eq!(nodes(&world), ["manager-1 Ready Leader", "worker-1 Ready"]);
    assert_eq!(instance(&emulator, "manager-1"), first);
    assert_eq!(emulator.things("instance").len(), 2);

    // Those of another account remove nothing.
    world.set("AWS_ACCESS_KEY_ID", "AKIA999999999999TEST");
    world.dojo(&["down", &name]).fails(1, &["123456789012", "999999999999"]);
    world.set("AWS_ACCESS_KEY_ID", "AKIA123456789012TEST");
    assert_eq!(emulator.things("instance").len(), 2);

    // What could not be removed is not forgotten.
    emulator.fault(&json!({
        "action": "DeleteSecurityGroup", "error": "UnauthorizedOperation",
        "message": "You are not authorized to perform this operation.", "status": 403
    }));
    world.dojo(&["down", &name]).fails(1, &["security group", "not authorized"]);
    let listed = world.dojo(&["ls"]).ok();
    assert!(listed.contains("half removed"), "{listed}");
    emulator.no_faults();
    world.dojo(&["down", &name]).ok();
    emulator.assert_empty();
    world.assert_gone(&name);
}
