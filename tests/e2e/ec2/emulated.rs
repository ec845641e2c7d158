//! What tests rely on when they say that something works on EC2.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::emulator::{Emulator, becomes, remains, state, tagged};
use crate::world::{World, until};

/// Debian 13 for amd64, as `DescribeImages` lists it.
const IMAGE: &str = "ami-00000001a";

fn key(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&path);
    assert!(command.status().unwrap().success());
    path
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn launch<'a>(with: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual =
        [("ImageId", IMAGE), ("InstanceType", "t3.small"), ("MinCount", "1"), ("MaxCount", "1")];
    [&usual, with].concat()
}

fn run(emulator: &Emulator, with: &[(&str, &str)]) -> String {
    let (status, said) = emulator.call("RunInstances", &launch(with)).unwrap();
    assert_eq!(status, 200, "{said}");
    said
}

/// What `RunInstances` says when it fails.
fn refused(emulator: &Emulator, with: &[(&str, &str)]) -> String {
    let (status, said) = emulator.call("RunInstances", &launch(with)).unwrap();
    assert!(status >= 400, "{said}");
    tagged(&said, "Code").to_owned()
}

#[test]
fn an_instance_is_a_machine_that_obeys_its_user_data() {
    let mut world = World::new();
    let emulator = Emulator::start(&mut world);
    let (host, user) = (key(world.path(), "host"), key(world.path(), "user"));
    let public = read(&host.with_extension("pub"));
    let config = json!({
        "ssh_authorized_keys": [read(&user.with_extension("pub"))],
        "ssh_keys": { "ed25519_private": read(&host), "ed25519_public": public },
        "write_files": [{ "path": "/etc/of/mine", "content": "written", "permissions": "0600" }],
        "runcmd": ["cat /etc/of/mine >/run/ran"],
    });
    let data = base64(&format!("#cloud-config\n{config}"));
    let said =
        run(&emulator, &[("UserData", &data), ("InstanceInitiatedShutdownBehavior", "terminate")]);
    let instance = tagged(&said, "instanceId");
    assert_eq!(state(&emulator, instance), "pending");
    becomes(&emulator, instance, "running");

    let ssh = |command: &str| {
        let (_, said) = emulator.call("DescribeInstances", &[]).unwrap();
        let known_hosts = world.path().join("known_hosts");
        let address = tagged(&said, "ipAddress").to_owned();
        std::fs::write(&known_hosts, format!("{address} {public}")).unwrap();
        let output = Command::new("ssh")
            .args(["-F", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=3"])
            .args(["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-i"])
            .arg(&user)
            .args(["-o", &format!("UserKnownHostsFile={}", known_hosts.display())])
            .args([&format!("admin@{address}"), command])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success(), said, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    until("it answers", 30, || ssh("true").0);
    let facts = "cloud-init status --wait >/dev/null; id -un; sudo id -u; sudo cat /etc/of/mine /run/ran; \
                 systemctl is-system-running";
    assert_eq!(ssh(facts).1, "admin\n0\nwrittenwrittenrunning");
    let address = tagged(&said, "privateIpAddress");
    assert!(ssh("hostname -I").1.split(' ').any(|own| own == address));

    // Its address inside stays when it is off and on again, the one outside is another one.
    let outside = tagged(&said, "ipAddress").to_owned();
    emulator.call("StopInstances", &[("InstanceId.1", instance)]).unwrap();
    becomes(&emulator, instance, "stopped");
    emulator.call("StartInstances", &[("InstanceId.1", instance)]).unwrap();
    becomes(&emulator, instance, "running");
    let (_, said) = emulator.call("DescribeInstances", &[]).unwrap();
    assert_eq!(tagged(&said, "privateIpAddress"), address);
    assert_ne!(tagged(&said, "ipAddress"), outside);
    until("it answers again", 30, || ssh("true").0);

    // What it does to itself shows outside.
    let before = emulator.things("volume").len() + emulator.things("interface").len();
    assert_eq!(before, 2);
    let _ = ssh("sudo poweroff");
    becomes(&emulator, instance, "terminated");
    let (_, said) = emulator.call("DescribeInstances", &[]).unwrap();
    assert!(said.contains("Client.InstanceInitiatedShutdown"), "{said}");
    emulator.assert_empty();
}

#[test]
fn nothing_outlives_an_emulator_that_was_killed() {
    let mut world = World::new();
    let mut emulator = Emulator::start(&mut world);
    let instance = tagged(&run(&emulator, &[]), "instanceId").to_owned();
    becomes(&emulator, &instance, "running");
    let name = emulator.name().to_owned();
    assert_eq!(remains(&name).len(), 5, "a machine with three volumes, and a network");
    emulator.kill();
    assert_eq!(remains(&name).len(), 5);
    drop(Emulator::start(&mut world));
    assert_eq!(remains(&name), Vec::<String>::new());
}

/// An emulator whose instances have no machines, for what concerns the API alone.
fn without_machines(world: &mut World) -> Emulator {
    let emulator = Emulator::start(world);
    emulator.set(&json!({ "machines": false }));
    emulator
}

#[test]
fn launches_are_done_once_and_fail_as_on_ec2() {
    let mut world = World::new();
    let emulator = without_machines(&mut world);
    let instances = || emulator.things("instance").len();

    // The same token is the same launch, even if nobody heard of the first one.
    emulator.fault(&json!({ "action": "RunInstances", "lost": true, "after": true, "times": 1 }));
    let token = [("ClientToken", "one")];
    assert_eq!(emulator.call("RunInstances", &launch(&token)), None);
    assert_eq!(instances(), 1);
    let said = run(&emulator, &token);
    let instance = tagged(&said, "instanceId");
    assert_eq!(instances(), 1);
    let other = [("ClientToken", "one"), ("KeyName", "other")];
    assert_eq!(refused(&emulator, &other), "IdempotentParameterMismatch");
    let filter = [("Filter.1.Name", "client-token"), ("Filter.1.Value.1", "one")];
    let (_, found) = emulator.call("DescribeInstances", &filter).unwrap();
    assert_eq!(tagged(&found, "instanceId"), instance);
    let filter = [("Filter.1.Name", "client-token"), ("Filter.1.Value.1", "two")];
    let (_, found) = emulator.call("DescribeInstances", &filter).unwrap();
    assert!(!found.contains("instanceId"), "{found}");

    // In another zone it is another launch; a terminated one does not come back.
    run(&emulator, &[("ClientToken", "one"), ("Placement.AvailabilityZone", "eu-central-1b")]);
    assert_eq!(instances(), 2);
    emulator.call("TerminateInstances", &[("InstanceId.1", instance)]).unwrap();
    becomes(&emulator, instance, "terminated");
    assert_eq!(refused(&emulator, &token), "IdempotentInstanceTerminated");

    // No capacity in one zone, no such image, and not for that processor.
    let full = "InsufficientInstanceCapacity";
    emulator.fault(&json!({
        "action": "RunInstances", "zone": "eu-central-1a", "error": full, "status": 500
    }));
    assert_eq!(refused(&emulator, &[("Placement.AvailabilityZone", "eu-central-1a")]), full);
    let there = ("Placement.AvailabilityZone", "eu-central-1b");
    run(&emulator, &[there]);
    let image =
        emulator.call("RunInstances", &[("ImageId", "ami-1"), ("InstanceType", "t3.small"), there]);
    assert!(image.unwrap().1.contains("InvalidAMIID.NotFound"));
    let arm = emulator
        .call("RunInstances", &[("ImageId", "ami-00000001b"), ("InstanceType", "t3.small"), there]);
    assert!(arm.unwrap().1.contains("does not match the architecture"));

    // One that was accepted and never ran says why.
    let reason = "Client.VolumeLimitExceeded";
    emulator.set(&json!({
        "fail_at_launch": [{ "code": reason, "message": "Volume limit exceeded" }]
    }));
    let said = run(&emulator, &[there]);
    becomes(&emulator, tagged(&said, "instanceId"), "terminated");
    let (_, said) = emulator
        .call("DescribeInstances", &[("InstanceId.1", tagged(&said, "instanceId"))])
        .unwrap();
    assert!(said.contains(reason), "{said}");
}

#[test]
fn time_passes_and_throttling_comes_as_on_ec2() {
    let mut world = World::new();
    let emulator = without_machines(&mut world);
    let group = |name: &str| {
        let parameters = [("GroupName", name), ("GroupDescription", "test")];
        emulator.call("CreateSecurityGroup", &parameters).unwrap()
    };
    let seen = |group: &str| {
        emulator.call("DescribeSecurityGroups", &[("GroupId.1", group)]).unwrap().0 == 200
    };

    // What was just made is not found for a while, and its name is taken all the same.
    emulator.set(&json!({ "lag": 1.5 }));
    let (_, said) = group("mine");
    let mine = tagged(&said, "groupId");
    assert!(!seen(mine));
    assert!(group("mine").1.contains("InvalidGroup.Duplicate"));
    let with = [("SecurityGroupId.1", mine)];
    assert_eq!(refused(&emulator, &with), "InvalidGroup.NotFound");
    until("the group is seen", 10, || seen(mine));
    let said = run(&emulator, &with);
    let instance = tagged(&said, "instanceId");
    let describe = || emulator.call("DescribeInstances", &[("InstanceId.1", instance)]).unwrap().0;
    assert_eq!(describe(), 400);
    let (_, volumes) = emulator.call("DescribeVolumes", &[]).unwrap();
    assert!(!volumes.contains("volumeId"), "{volumes}");
    until("the instance is seen", 10, || describe() == 200);
    emulator.set(&json!({ "lag": 0, "shutting_down": 1 }));

    // A group cannot go as long as anything uses it.
    let delete = || emulator.call("DeleteSecurityGroup", &[("GroupId", mine)]).unwrap();
    assert!(delete().1.contains("DependencyViolation"));
    emulator.call("TerminateInstances", &[("InstanceId.1", instance)]).unwrap();
    assert_eq!(state(&emulator, instance), "shutting-down");
    assert!(delete().1.contains("DependencyViolation"));
    becomes(&emulator, instance, "terminated");
    assert_eq!(delete().0, 200);
    emulator.assert_empty();

    // Every third request is too many.
    emulator.fault(&json!({
        "action": "Describe.*", "error": "RequestLimitExceeded", "status": 503, "every": 3
    }));
    let answers = [(); 6].map(|()| emulator.call("DescribeVpcs", &[]).unwrap().0);
    assert_eq!(answers, [200, 200, 503, 200, 200, 503]);
    let log = emulator.requests("DescribeVpcs");
    let errors = log.iter().filter(|request| request["error"] == "RequestLimitExceeded").count();
    assert_eq!((log.len(), errors), (6, 2));

    // Amazon takes spot instances back.
    let said = run(&emulator, &[]);
    let instance = tagged(&said, "instanceId");
    becomes(&emulator, instance, "running");
    emulator.end(instance, "Server.SpotInstanceTermination", "Spot instance termination");
    until("its end is told", 10, || {
        let with = [("InstanceId.1", instance)];
        let said = emulator.call("DescribeInstances", &with);
        said.is_some_and(|(_, said)| said.contains("Server.SpotInstanceTermination"))
    });
}
