//! Certificates that are to be replaced while what they are for goes on.

use std::fs;
use std::net::IpAddr;

use clusterdojo::pki::{Authority, Validity, ensure_client};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::cli::{UP, World};

const MACHINES: [&str; 3] = ["manager-1", "worker-1", "worker-2"];

/// Gives a cluster certificates of which little time is left.
fn age(world: &World) {
    let directory = world.path().join("state/clusters/practice");
    let record = fs::read(directory.join("cluster.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let subject = format!("clusterdojo practice {}", record["cluster_id"].as_str().unwrap());
    // No certificate outlives its authority, and each is valid for an hour already.
    let until = Timestamp::now() + SignedDuration::from_mins(10);
    let from = until - SignedDuration::from_hours(24 * 365);
    let authority = Authority::create(&subject, Validity { from, until }).unwrap();
    let pki = directory.join("pki");
    authority.save(&pki).unwrap();
    ensure_client(&pki.join("client"), &authority, &subject).unwrap();
    for machine in MACHINES {
        let here = [IpAddr::from([127, 0, 0, 1])];
        let identity = authority.server(machine, &[], &here).unwrap();
        fs::write(pki.join(machine).join("key.pem"), identity.key.expose()).unwrap();
        fs::write(pki.join(machine).join("cert.pem"), identity.cert).unwrap();
    }
    // Where nothing listens there is no waiting.
    world.change("fake.json", |there| {
        for machine in there["machines"].as_array_mut().unwrap() {
            machine["endpoints"]["engine"] = "127.0.0.1:1".into();
        }
    });
}

fn certificates(world: &World) -> Vec<String> {
    let pki = world.path().join("state/clusters/practice/pki");
    MACHINES.iter().map(|m| fs::read_to_string(pki.join(m).join("cert.pem")).unwrap()).collect()
}

#[test]
fn engines_get_new_certificates_one_after_the_other_and_it_is_said_before() {
    let world = World::new();
    world.dojo(&UP).ok();
    let up = ["--log-format", "plain", "up", "practice", "--driver", "fake"];
    let plan = [&up[..], &["--dry-run"]].concat();
    assert_eq!(world.dojo(&plan).ok(), "keep    manager-1\nkeep    worker-1\nkeep    worker-2\n");

    age(&world);
    let before = certificates(&world);
    let restarts = "restart manager-1\nrestart worker-1\nrestart worker-2\n";
    assert_eq!(world.dojo(&plan).ok(), restarts);
    assert_eq!(certificates(&world), before);

    // One that works no longer is restarted at once.
    let said = world.dojo_with(&[("DOJO_FAKE_FAIL", "engine:worker-2")], &up);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(
        said.stderr.contains("worker-2: warning: its engine is restarted at once: "),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("one after the other"), "{}", said.stderr);
    let after = certificates(&world);
    assert_eq!(after[..2], before[..2]);
    assert_ne!(after[2], before[2]);

    let said = world.dojo(&up);
    let story = said.stderr.clone();
    assert!(said.ok().contains("is ready"), "{story}");
    let words = "engines are restarted for their new certificates, one after the other: manager-1, worker-1\n";
    assert!(story.contains(words), "{story}");
    let backs = story.lines().filter(|l| l.contains("come back into the cluster: ok"));
    let order: Vec<&str> = backs.filter_map(|l| l.split(':').next()).collect();
    assert_eq!(order, ["manager-1", "worker-1"], "{story}");
    let now = certificates(&world);
    assert!(now.iter().zip(&before).all(|(now, before)| now != before));

    assert!(world.dojo(&plan).ok().starts_with("keep    manager-1\nkeep"));
    let said = world.dojo(&up);
    assert!(!said.stderr.contains("one after the other"), "{}", said.stderr);
    assert!(said.ok().contains("was ready already"));
    assert_eq!(certificates(&world), now);
}

#[test]
fn renewing_what_is_ageing_takes_one_restart_of_each_engine() {
    let world = World::new();
    world.dojo(&UP).ok();
    age(&world);
    let before = certificates(&world);
    let said = world.dojo(&["--log-format", "plain", "certs", "renew", "practice"]);
    let story = said.stderr.clone();
    said.ok();
    // All were looked at before the first of them was restarted.
    let steps: Vec<&str> = story
        .lines()
        .filter(|l| {
            l.contains("start Docker with mutual TLS: ok")
                || l.contains("come back into the cluster: ok")
        })
        .collect();
    assert_eq!(steps.len(), 9, "{story}");
    assert!(steps[..3].iter().all(|l| l.contains("start Docker")), "{story}");
    assert!(certificates(&world).iter().zip(&before).all(|(now, before)| now != before));
    let plan = world.dojo(&["up", "practice", "--driver", "fake", "--dry-run"]).ok();
    assert!(!plan.contains("restart"), "{plan}");
}
