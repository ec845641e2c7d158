//! Engines played by a TLS server of the same demands as dockerd's: a certificate of its authority,
//! or nothing.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::*;
use crate::event::chain;
use crate::model::{DriverName, MachineId, MachineState, Orchestrator};
use crate::pki::{self, Authority, Identity, Validity};

const SOON: Duration = Duration::from_secs(20);
const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn authority() -> Authority {
    Authority::create("practice", Validity::authority()).unwrap()
}

fn identity(authority: &Authority) -> Identity {
    authority.server("engine", &[], &[LOCALHOST]).unwrap()
}

fn client(authority: &Authority) -> (TempDir, TlsFiles) {
    let dir = tempfile::tempdir().unwrap();
    let files = pki::ensure_client(dir.path(), authority, "me").unwrap();
    (dir, files)
}

fn machine(port: u16) -> Machine {
    Machine {
        id: MachineId { cluster: "practice".parse().unwrap(), name: "worker-1".parse().unwrap() },
        driver: DriverName::fixed("docker"),
        cluster_id: String::new(),
        home: None,
        orchestrator: Orchestrator::Engines,
        handle: String::new(),
        state: MachineState::Running,
        user: "root".to_owned(),
        private_ip: LOCALHOST,
        endpoints: [(Service::Engine, (LOCALHOST, port).into())].into(),
        expires: None,
        cost: None,
    }
}

/// Answers every request that gets through as an engine answers `GET /version`.
fn serve(listener: TcpListener, trusted: &Authority, identity: &Identity) {
    let mut roots = RootCertStore::empty();
    let pem = trusted.cert_pem().as_bytes();
    roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = vec![CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Whoever is refused is told by TLS; the next one may do better.
            let _ = answer(stream, Arc::clone(&config));
        }
    });
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = [0; 4096];
    let length = stream.read(&mut request)?;
    assert!(request[..length].starts_with(b"GET /version HTTP/1.1\r\n"));
    let body = r#"{"Version":"20.10.24","ApiVersion":"1.41"}"#;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn listen() -> (TcpListener, Machine) {
    let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let machine = machine(listener.local_addr().unwrap().port());
    (listener, machine)
}

/// Connects to an engine that trusts this authority; expects one side to refuse the other at once.
async fn refused(trusted: &Authority, identity: &Identity, files: &TlsFiles) -> String {
    let (listener, machine) = listen();
    serve(listener, trusted, identity);
    let begin = Instant::now();
    let error = Engine::connect(&machine, files, SOON).await.unwrap_err();
    assert!(begin.elapsed() < SOON / 2, "it was tried again and again");
    assert!(matches!(error, Error::Certificate { .. }), "{error:?}");
    chain(&error)
}

#[tokio::test]
async fn both_sides_of_one_authority_get_through() {
    let ours = authority();
    let (listener, machine) = listen();
    serve(listener, &ours, &identity(&ours));
    let (_dir, files) = client(&ours);
    let engine = Engine::connect(&machine, &files, SOON).await.unwrap();
    assert_eq!(engine.version(), "1.41");
    let version = engine.api().version().await.unwrap();
    assert_eq!(version.version.as_deref(), Some("20.10.24"));
}

#[tokio::test]
async fn an_engine_of_another_authority_is_refused() {
    let (ours, theirs) = (authority(), authority());
    let why = refused(&ours, &identity(&theirs), &client(&ours).1).await;
    assert!(why.contains("BadSignature") || why.contains("UnknownIssuer"), "{why}");
}

#[tokio::test]
async fn a_client_of_another_authority_is_refused() {
    let (ours, theirs) = (authority(), authority());
    let (dir, files) = client(&theirs);
    // It trusts the engine all the same, so that only the engine's judgement is left.
    fs::write(&files.ca, ours.cert_pem()).unwrap();
    let (listener, machine) = listen();
    serve(listener, &ours, &identity(&ours));
    let error = Engine::connect(&machine, &files, SOON).await.unwrap_err();
    assert!(matches!(error, Error::Certificate { .. }), "{}", chain(&error));
    drop(dir);
}

#[tokio::test]
async fn an_engine_at_another_address_than_its_certificate_says_is_refused() {
    let ours = authority();
    let elsewhere = ours.server("engine", &[], &["192.0.2.7".parse().unwrap()]).unwrap();
    let why = refused(&ours, &elsewhere, &client(&ours).1).await;
    assert!(why.contains("not valid for name"), "{why}");
}

#[tokio::test]
async fn a_clients_certificate_is_no_engines() {
    let ours = authority();
    let posing = ours.client("engine").unwrap();
    refused(&ours, &posing, &client(&ours).1).await;
}

#[tokio::test]
async fn an_engine_whose_certificate_has_expired_is_refused() {
    let until = Timestamp::now() + SignedDuration::from_millis(1500);
    let from = until - SignedDuration::from_hours(1);
    let ours = Authority::create("practice", Validity { from, until }).unwrap();
    let short = identity(&ours);
    tokio::time::sleep(Duration::from_millis(2600)).await;
    let why = refused(&ours, &short, &client(&ours).1).await;
    assert!(why.contains("expired"), "{why}");
}

#[tokio::test]
async fn an_engine_that_starts_is_waited_for() {
    let ours = authority();
    let (listener, machine) = listen();
    let identity = identity(&ours);
    let (_dir, files) = client(&ours);
    thread::spawn(move || {
        // As a published port does while nothing listens behind it.
        for stream in listener.incoming().take(5) {
            drop(stream);
        }
        serve(listener, &ours, &identity);
    });
    Engine::connect(&machine, &files, SOON).await.unwrap();
}

#[tokio::test]
async fn nothing_but_silence_or_nobody_is_a_timeout() {
    let ours = authority();
    let (_dir, files) = client(&ours);
    let (silent, machine) = listen();
    let limit = Duration::from_millis(500);
    let begin = Instant::now();
    let error = Engine::connect(&machine, &files, limit).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    drop(silent);
    let error = Engine::connect(&machine, &files, limit).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_missing_certificate_is_named() {
    let (listener, machine) = listen();
    let nowhere = TlsFiles::in_directory(&PathBuf::from("/nonexistent"));
    let error = Engine::connect(&machine, &nowhere, SOON).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read `/nonexistent/ca.pem`");
    drop(listener);
}
