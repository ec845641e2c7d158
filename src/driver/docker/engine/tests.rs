use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::pki::{self, Authority, Identity, Validity};

/// What an engine answers to a request for its version, on one connection each.
fn version(component: &str) -> String {
    let body = format!(
        r#"{{"Version":"20.10.24","ApiVersion":"1.41","KernelVersion":"of a virtual machine",
            "Components":[{{"Name":"{component}","Version":"1"}}]}}"#
    );
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// An engine behind a socket.
fn engine_at(socket: &Path, component: &'static str) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            if matches!(stream.read(&mut request), Ok(1..)) {
                let _ = stream.write_all(version(component).as_bytes());
            }
        }
    });
}

fn named(host: String, cert_path: Option<&Path>) -> Named {
    Named { host, cert_path: cert_path.map(Path::to_owned), by: Some("DOCKER_HOST".to_owned()) }
}

#[tokio::test]
async fn the_first_engine_that_answers_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    drop(UnixListener::bind(at("dead")).unwrap());
    engine_at(&at("podman"), "Podman Engine");
    engine_at(&at("docker"), "Engine");
    let sockets = ["absent", "dead", "podman", "docker"].map(at);
    let engine = Engine::find(&sockets).await.unwrap();
    assert_eq!(engine.place, format!("unix://{}", at("docker").display()));
    assert_eq!(engine.process, None, "it has another kernel");
    assert!(!engine.podman && !engine.in_clear);

    let error = event::chain(&Engine::find(&sockets[..3]).await.err().unwrap());
    for (name, why) in
        [("absent", "no such file"), ("dead", "nothing listens"), ("podman", "Podman")]
    {
        assert!(error.contains(&format!("{} ({why}", at(name).display())), "{name}: {error}");
    }
}

#[tokio::test]
async fn not_a_byte_is_sent_in_clear_where_tls_is_wanted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    // Without an authority nobody can be trusted, so nobody is even asked.
    let error = Engine::open(named(host.clone(), Some(directory.path()))).await.err().unwrap();
    assert!(event::chain(&error).contains("ca.pem"), "{error:?}");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody was connected to");
    listener.set_nonblocking(false).unwrap();

    let authority = Authority::create("t", Validity::authority()).unwrap();
    pki::ensure_client(directory.path(), &authority, "me").unwrap();
    let begin = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 3];
        stream.read_exact(&mut first).unwrap();
        first
    });
    let error = Engine::open(named(host, Some(directory.path()))).await.err().unwrap();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(begin.join().unwrap()[..2], [0x16, 0x03], "a TLS handshake (RFC 8446, 5.1)");
}

/// An engine that lets in whoever has a certificate of this authority.
fn engine_behind_tls(authority: &Authority, identity: &Identity) -> String {
    let mut roots = RootCertStore::empty();
    let pem = authority.cert_pem().as_bytes();
    roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let chain = vec![CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            if matches!(stream.read(&mut request), Ok(1..)) {
                let _ = stream.write_all(version("Engine").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    host
}

#[tokio::test]
async fn an_engine_behind_tls_is_let_in_by_its_certificate_alone() {
    let authority = Authority::create("t", Validity::authority()).unwrap();
    let local = [IpAddr::from(Ipv4Addr::LOCALHOST)];
    let host = engine_behind_tls(&authority, &authority.server("engine", &[], &local).unwrap());
    let directory = tempfile::tempdir().unwrap();
    pki::ensure_client(directory.path(), &authority, "me").unwrap();
    let engine = Engine::open(named(host.clone(), Some(directory.path()))).await.unwrap();
    assert_eq!((engine.place.as_str(), engine.in_clear), (host.as_str(), false));
    assert_eq!(engine.cert_path.as_deref(), Some(directory.path()));

    let other = Authority::create("other", Validity::authority()).unwrap();
    let impostor = engine_behind_tls(&authority, &other.server("engine", &[], &local).unwrap());
    let error = Engine::open(named(impostor, Some(directory.path()))).await.err().unwrap();
    let error = event::chain(&error);
    assert!(error.contains("named by DOCKER_HOST") && error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_wrong_address_is_told_with_what_named_it() {
    let error = Engine::open(named("ssh://me@host".to_owned(), None)).await.err().unwrap();
    let error = event::chain(&error);
    assert!(error.contains("`ssh://me@host`") && error.contains("DOCKER_HOST"), "{error}");
}
