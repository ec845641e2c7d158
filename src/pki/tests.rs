//! The certificates as others see them: parsed by another library, and verified by `openssl`.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};

use super::reading::Purpose;
use super::*;

const NAME: &str = "clusterdojo practice 4f2a90c1";

fn authority() -> Authority {
    Authority::create(NAME, Validity::authority()).unwrap()
}

fn names() -> (Vec<String>, Vec<IpAddr>) {
    let dns = ["dojo-practice-manager-1", "localhost"].map(str::to_owned);
    let ips = ["127.0.0.1", "::1", "172.30.0.2"].map(|ip| ip.parse().unwrap());
    (dns.to_vec(), ips.to_vec())
}

fn server(authority: &Authority) -> Identity {
    let (dns, ips) = names();
    authority.server("dojo-practice-manager-1", &dns, &ips).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn entries(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

/// What `openssl x509 -text` prints.
fn text(pem: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), pem).unwrap();
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in"])
        .arg(file.path())
        .output()
        .expect("these tests need openssl: apt-get install openssl");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether `openssl verify` accepts a certificate for a purpose.
fn verifies(authority: &Authority, pem: &str, purpose: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let (ca, cert) = (dir.path().join("ca.pem"), dir.path().join("cert.pem"));
    fs::write(&ca, authority.cert_pem()).unwrap();
    fs::write(&cert, pem).unwrap();
    Command::new("openssl")
        .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
        .args([&ca, &cert])
        .output()
        .expect("these tests need openssl: apt-get install openssl")
        .status
        .success()
}

#[test]
fn each_certificate_is_for_one_thing_only() {
    let authority = authority();
    let server = server(&authority);
    let client = authority.client("me").unwrap();
    assert!(verifies(&authority, &server.cert, "sslserver"));
    assert!(!verifies(&authority, &server.cert, "sslclient"));
    assert!(verifies(&authority, &client.cert, "sslclient"));
    assert!(!verifies(&authority, &client.cert, "sslserver"));
}

#[test]
fn a_certificate_that_has_expired_is_like_another_one_in_all_else() {
    let authority = authority();
    let like = server(&authority);
    let over = authority.expired_server(&like.cert).unwrap();
    assert!(!verifies(&authority, &over.cert, "sslserver"));
    let (was, is) = (describe(&like.cert).unwrap(), describe(&over.cert).unwrap());
    assert_eq!((was.subject, was.names), (is.subject, is.names));
    assert!(is.validity.until < Timestamp::now());
    assert!(is.validity.from < is.validity.until);
    let (dns, ips) = names();
    assert!(!authority.covers(&over.cert, over.key.expose(), &dns, &ips));
    assert!(authority.expired_server("no certificate").is_err());
}

#[test]
fn another_authority_of_the_same_name_is_not_trusted() {
    let (ours, theirs) = (authority(), authority());
    let leaf = server(&theirs);
    assert!(!verifies(&ours, &leaf.cert, "sslserver"));
    let (dns, ips) = names();
    assert!(!ours.covers(&leaf.cert, leaf.key.expose(), &dns, &ips));
}

#[test]
fn the_authority_can_sign_no_further_authorities() {
    let text = text(authority().cert_pem());
    for part in [
        "CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "prime256v1",
        NAME,
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn a_server_carries_every_name_and_address() {
    let authority = authority();
    let leaf = server(&authority);
    let (mut dns, mut ips) = names();
    let covers =
        |dns: &[String], ips: &[IpAddr]| authority.covers(&leaf.cert, leaf.key.expose(), dns, ips);
    let text = text(&leaf.cert);
    assert!(
        text.contains("DNS:dojo-practice-manager-1, DNS:localhost, IP Address:127.0.0.1"),
        "{text}"
    );
    assert!(covers(&dns, &ips));
    assert!(covers(&[], &[]));
    dns.push("elsewhere".to_owned());
    assert!(!covers(&dns, &ips));
    dns.pop();
    ips.push("172.30.0.3".parse().unwrap());
    assert!(!covers(&dns, &ips));
}

#[test]
fn a_certificate_of_another_purpose_or_key_does_not_fit() {
    let authority = authority();
    let (one, two) = (server(&authority), server(&authority));
    let client = authority.client("me").unwrap();
    assert!(!authority.covers(&one.cert, two.key.expose(), &[], &[]));
    assert!(!authority.covers(&client.cert, client.key.expose(), &[], &[]));
    assert!(!authority.covers_client(&one.cert, one.key.expose()));
    assert!(!authority.covers("", one.key.expose(), &[], &[]));
    assert!(!authority.covers(&one.cert, "", &[], &[]));
}

#[test]
fn what_has_expired_or_is_ageing_does_not_fit() {
    let authority = authority();
    let now = Timestamp::now();
    let hours = SignedDuration::from_hours;
    let fits = |from, until| {
        let validity = Validity { from, until };
        let leaf = authority.issue("me", Purpose::Client, Vec::new(), validity).unwrap();
        authority.covers_client(&leaf.cert, leaf.key.expose())
    };
    assert!(fits(now - hours(7), now + hours(3)));
    assert!(!fits(now - hours(9), now + hours(1)), "a tenth is left");
    assert!(!fits(now - hours(9), now - hours(1)), "expired");
    assert!(!fits(now + hours(1), now + hours(9)), "not valid yet");
}

#[test]
fn a_server_that_is_ageing_still_works_and_one_that_has_expired_does_not() {
    let authority = authority();
    let now = Timestamp::now();
    let hours = SignedDuration::from_hours;
    let here = [IpAddr::from([127, 0, 0, 1])];
    let issue = |purpose, until| {
        let names = vec![rcgen::SanType::IpAddress(here[0])];
        let validity = Validity { from: now - hours(9), until };
        authority.issue("me", purpose, names, validity).unwrap()
    };
    let serves =
        |leaf: &Identity, ips: &[IpAddr]| authority.serves(&leaf.cert, leaf.key.expose(), ips);
    let ageing = issue(Purpose::Server, now + hours(1));
    assert!(!authority.covers(&ageing.cert, ageing.key.expose(), &[], &here));
    assert!(serves(&ageing, &here));
    assert!(!serves(&ageing, &[IpAddr::from([127, 0, 0, 2])]), "another address");
    assert!(!serves(&issue(Purpose::Server, now - hours(1)), &here), "expired");
    assert!(!serves(&issue(Purpose::Client, now + hours(1)), &here), "of a client");
}

#[test]
fn nothing_outlives_its_authority() {
    let until = Timestamp::now() + SignedDuration::from_hours(48);
    let validity = Validity { from: Timestamp::now(), until };
    let authority = Authority::create(NAME, validity).unwrap();
    let leaf = authority.client("me").unwrap();
    assert_eq!(expiry(&leaf.cert).unwrap().as_second(), until.as_second());
    assert!(expiry("nonsense").is_err());
}

#[test]
fn certificates_begin_an_hour_ago_and_last_as_said() {
    let leaf = authority().client("me").unwrap();
    let left = expiry(&leaf.cert).unwrap().duration_since(Timestamp::now());
    assert_eq!(left.as_hours(), 24 * 90 - 1);
    let parsed = super::reading::Leaf::parse(&leaf.cert).unwrap();
    let behind = Timestamp::now().duration_since(parsed.validity.from);
    assert_eq!(behind.as_mins(), 60);
}

#[test]
fn long_names_are_cut_to_what_x509_allows() {
    let name = "é".repeat(100);
    let authority = Authority::create(&name, Validity::authority()).unwrap();
    let leaf = authority.client(&name).unwrap();
    assert!(verifies(&authority, &leaf.cert, "sslclient"));
}

#[test]
fn an_authority_is_made_once_and_its_key_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let first = Authority::ensure(dir.path(), NAME).unwrap();
    let second = Authority::ensure(dir.path(), NAME).unwrap();
    assert_eq!(first.cert_pem(), second.cert_pem());
    assert_eq!(mode(&dir.path().join("ca-key.pem")), 0o600);
    assert_eq!(entries(dir.path()), 2);
    assert!(!format!("{first:?}").contains("PRIVATE"));
    let leaf = server(&second);
    assert!(verifies(&first, &leaf.cert, "sslserver"));
}

#[test]
fn what_a_killed_run_left_is_completed_by_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = Authority::ensure(dir.path(), NAME).unwrap();
    let leaf = server(&first);
    let cert = dir.path().join("ca.pem");
    fs::remove_file(&cert).unwrap();
    let second = Authority::ensure(dir.path(), NAME).unwrap();
    assert!(verifies(&second, &leaf.cert, "sslserver"));
    fs::write(&cert, "-----BEGIN CERT").unwrap();
    let third = Authority::ensure(dir.path(), NAME).unwrap();
    assert!(verifies(&third, &leaf.cert, "sslserver"));
}

#[test]
fn an_ageing_authority_is_renewed_by_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let until = Timestamp::now() + SignedDuration::from_hours(1);
    let from = until - SignedDuration::from_hours(100);
    let old = Authority::create(NAME, Validity { from, until }).unwrap();
    old.save(dir.path()).unwrap();
    let leaf = server(&old);
    let new = Authority::ensure(dir.path(), NAME).unwrap();
    assert!(expiry(new.cert_pem()).unwrap() > until);
    assert!(verifies(&new, &leaf.cert, "sslserver"));
}

#[test]
fn a_lost_or_damaged_key_is_an_error_and_nothing_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("ca-key.pem");
    let cert = Authority::ensure(dir.path(), NAME).unwrap().cert_pem().to_owned();
    fs::write(&key, "").unwrap();
    assert!(matches!(Authority::ensure(dir.path(), NAME), Err(Error::Key { .. })));
    fs::remove_file(&key).unwrap();
    assert!(matches!(Authority::ensure(dir.path(), NAME), Err(Error::File { .. })));
    assert!(!key.exists());
    assert_eq!(fs::read_to_string(dir.path().join("ca.pem")).unwrap(), cert);
}

#[test]
fn a_client_is_made_once_and_again_when_it_does_not_fit() {
    let dir = tempfile::tempdir().unwrap();
    let ours = authority();
    let files = ensure_client(dir.path(), &ours, "me").unwrap();
    let cert = || fs::read_to_string(&files.cert).unwrap();
    let first = cert();
    assert_eq!(mode(&files.key), 0o600);
    assert_eq!(entries(dir.path()), 3);
    ensure_client(dir.path(), &ours, "me").unwrap();
    assert_eq!(cert(), first);
    // A run that was killed between the key and the certificate.
    fs::write(&files.key, ours.client("me").unwrap().key.expose()).unwrap();
    ensure_client(dir.path(), &ours, "me").unwrap();
    let second = cert();
    assert_ne!(second, first);
    let key = fs::read_to_string(&files.key).unwrap();
    assert!(ours.covers_client(&second, &key));
    let theirs = authority();
    ensure_client(dir.path(), &theirs, "me").unwrap();
    assert_eq!(fs::read_to_string(&files.ca).unwrap(), theirs.cert_pem());
    assert!(verifies(&theirs, &cert(), "sslclient"));
}
