//! New certificates for a swarm that goes on working.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use crate::world::{World, engine, until};

#[test]
fn certificates_are_renewed_one_machine_after_the_other() {
    let mut world = World::new();
    let name = world.name("certs");
    world.dojo(&["up", &name, "--managers", "3", "--workers", "1"]).ok();
    let shown = |world: &World| -> BTreeMap<String, (String, PathBuf)> {
        let text = world.dojo(&["certs", "show", &name, "-o", "json"]).ok();
        let list: Vec<Value> = serde_json::from_str(&text).unwrap();
        let of = list.iter().map(|c| {
            assert!(c["days_left"].as_i64().unwrap() > 80, "{c}");
            let file = PathBuf::from(c["file"].as_str().unwrap());
            let owner = c["owner"].as_str().unwrap().to_owned();
            (owner, (fs::read_to_string(&file).unwrap(), file))
        });
        of.collect()
    };
    let before = shown(&world);
    let owners: Vec<&str> = before.keys().map(String::as_str).collect();
    let machines = ["manager-1", "manager-2", "manager-3", "worker-1"];
    assert_eq!(owners, [&["authority", "client"], machines.as_slice()].concat());
    let started = |machine: &str| {
        let machine = format!("dojo-{name}-{machine}");
        let show =
            ["systemctl", "show", "--value", "-p", "ActiveEnterTimestampMonotonic", "docker"];
        engine(&[&["exec", machine.as_str()], show.as_slice()].concat()).ok()
    };
    let starts = machines.map(started);

    // One that is off gets its own when it is started.
    world.dojo(&["stop", &format!("{name}/worker-1")]).ok();
    let said = world.dojo(&["--log-format", "plain", "certs", "renew", &name]);
    let story = said.stderr.clone();
    assert!(said.ok().contains("3 machines"), "{story}");
    assert!(story.contains("worker-1: warning: it is off"), "{story}");
    // Each is back before the next one is restarted: its second start is followed by nothing else.
    let order: Vec<&str> = story
        .lines()
        .filter(|l| l.contains("come back into the cluster"))
        .filter_map(|l| l.split(':').next())
        .collect();
    assert_eq!(order, ["manager-1", "manager-2", "manager-3"], "{story}");
    for (one, next) in [("manager-1", "manager-2"), ("manager-2", "manager-3")] {
        let back = story.find(&format!("{one}: come back into the cluster")).unwrap();
        let restart = story.rfind(&format!("{next}: start Docker")).unwrap();
        assert!(back < restart, "{next} did not wait for {one}: {story}");
    }
    world.docker(&["node", "ls"]).ok();
    world.dojo(&["start", &name]).ok();
    until("the cluster is healthy", 30, || world.dojo(&["status", &name]).code == Some(0));
    let after = shown(&world);
    for (owner, (text, _)) in &before {
        assert_eq!(*text == after[owner].0, owner == "authority", "{owner}");
    }
    for (machine, start) in machines.iter().zip(starts) {
        let served = ["cat", "/etc/docker/clusterdojo/server.pem"];
        let container = format!("dojo-{name}-{machine}");
        let served = engine(&[&["exec", container.as_str()], served.as_slice()].concat()).ok();
        assert_eq!(served, after[*machine].0, "{machine}");
        assert_ne!(started(machine), start, "{machine} still has the former one in memory");
    }
    let again = world.dojo(&["up", &name]).ok();
    assert!(again.contains("was ready already"), "{again}");
    what_is_ageing_is_replaced_in_the_same_way(&world, &name, &machines);
    world.dojo(&["down", &name]).ok();
    world.assert_gone(&name);
}

/// A machine's certificate that has been valid for 80 days and is for five more.
fn ageing(pki: &Path) -> (String, String) {
    let read = |file: &str| fs::read_to_string(pki.join(file)).unwrap();
    let key = KeyPair::from_pem(&read("ca-key.pem")).unwrap();
    let authority = CertificateDer::from_pem_slice(read("ca.pem").as_bytes()).unwrap();
    let authority = Certificate::from_der(&authority).unwrap();
    let subject = authority.tbs_certificate().subject();
    let mut named = CertificateParams::default();
    named.distinguished_name = DistinguishedName::new();
    for (what, text) in [
        (DnType::CommonName, subject.common_name()),
        (DnType::OrganizationName, subject.organization()),
    ] {
        named.distinguished_name.push(what, text.unwrap().unwrap().value());
    }
    let issuer = Issuer::new(named, key);
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.not_before = OffsetDateTime::now_utc() - Duration::days(80);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(5);
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}

fn what_is_ageing_is_replaced_in_the_same_way(world: &World, name: &str, machines: &[&str]) {
    let pki = world.home().join("clusters").join(name).join("pki");
    let served = |machine: &str| {
        let container = format!("dojo-{name}-{machine}");
        engine(&["exec", &container, "cat", "/etc/docker/clusterdojo/server.pem"]).ok()
    };
    let before: Vec<String> = machines.iter().map(|machine| served(machine)).collect();
    for machine in machines {
        let (cert, key) = ageing(&pki);
        fs::write(pki.join(machine).join("key.pem"), key).unwrap();
        fs::write(pki.join(machine).join("cert.pem"), cert).unwrap();
    }
    let plan = world.dojo(&["up", name, "--managers", "3", "--workers", "1", "--dry-run"]).ok();
    let restarts: Vec<String> = machines.iter().map(|m| format!("restart {m}")).collect();
    assert_eq!(plan.lines().collect::<Vec<_>>(), restarts);
    let said = world.dojo(&["--log-format", "plain", "start", name]);
    let story = said.stderr.clone();
    said.ok();
    let names = machines.join(", ");
    let words = format!("for their new certificates, one after the other: {names}");
    assert!(story.contains(&words), "{story}");
    let backs = story.lines().filter(|l| l.contains("come back into the cluster: ok"));
    let order: Vec<&str> = backs.filter_map(|l| l.split(':').next()).collect();
    assert_eq!(order, machines, "{story}");
    for (machine, before) in machines.iter().zip(before) {
        let now = served(machine);
        assert_ne!(now, before, "{machine}");
        assert_eq!(now, fs::read_to_string(pki.join(machine).join("cert.pem")).unwrap());
    }
    until("the cluster is healthy", 30, || world.dojo(&["status", name]).code == Some(0));
    let again = world.dojo(&["start", name]);
    assert!(!again.stderr.contains("one after the other"), "{}", again.stderr);
    again.ok();
}
