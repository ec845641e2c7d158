//! A receiver of messages, as a chat has it, on this computer.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// A part of the URL that nobody may say.
pub const SECRET: &str = "hunter2";

/// What came to a receiver.
#[derive(Debug)]
pub struct Posted {
    /// Its first line and its headers.
    pub head: String,
    pub text: String,
}

/// A receiver on this computer. It answers each request with the next of its answers, and at last with 200.
pub struct Hook {
    pub url: String,
    posted: Receiver<Posted>,
    calls: Arc<AtomicUsize>,
}

/// An answer: a status with headers, or none at all.
pub type Answer = Option<&'static str>;

pub const OK: Answer = Some("200 OK");

impl Hook {
    pub fn answering(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        Self::at(listener, &format!("http://{host}"), answers, |stream| Box::new(stream))
    }

    /// One that other computers reach as well, at that address of this one.
    pub fn at_address(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let host = listener.local_addr().unwrap();
        Self::at(listener, &format!("http://{host}"), &[], |stream| Box::new(stream))
    }

    /// One by HTTPS, whose certificate is for that name.
    pub fn secure(authority: &Authority, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        let config = authority.server(name);
        Self::at(listener, &format!("https://{host}"), &[], move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(StreamOwned::new(connection, stream))
        })
    }

    fn at(
        listener: TcpListener,
        root: &str,
        answers: &'static [Answer],
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + 'static,
    ) -> Self {
        let url = format!("{root}/hooks/{SECRET}?key={SECRET}");
        let (given, posted) = channel();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        thread::spawn(move || {
            let mut answers = answers.iter();
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answers.next().copied().unwrap_or(OK);
                let (stream, given) = (wrap(stream.unwrap()), given.clone());
                thread::spawn(move || receive(stream, answer, &given));
            }
        });
        Self { url, posted, calls }
    }

    /// How often somebody has connected.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The next one, which comes within some seconds.
    #[track_caller]
    pub fn next(&self, seconds: u64) -> Posted {
        self.posted.recv_timeout(Duration::from_secs(seconds)).expect("a message comes")
    }

    /// Those that came, and were not taken out yet.
    pub fn all(&self) -> Vec<String> {
        self.posted.try_iter().map(|posted| posted.text).collect()
    }
}

/// What requests come by.
trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// An authority that signs certificates of receivers.
pub struct Authority {
    /// Its certificate, for those who trust it.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.unwrap())
    }
}

fn receive(stream: Box<dyn Stream>, answer: Answer, given: &Sender<Posted>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        // Whoever does not trust it says nothing more.
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let text = body["text"].as_str().unwrap().to_owned();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let _ = given.send(Posted { head, text });
    let Some(answer) = answer else {
        // It keeps silent.
        thread::sleep(Duration::from_secs(60));
        return;
    };
    // As some servers do, it repeats what it was asked for.
    let said = format!("cannot POST /hooks/{SECRET}");
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: {}\r\n\r\n{said}", said.len());
    let _ = reader.get_mut().write_all(answer.as_bytes());
    let _ = reader.get_mut().flush();
}
