//! A proxy through which machines reach what is not theirs.

use std::io::{BufRead as _, BufReader, Result, Write as _, copy};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// It serves containers of this computer and writes down what it is asked for.
pub struct ForwardProxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ForwardProxy {
    pub fn start() -> Self {
        Self::leading(&[], "")
    }

    /// One that leads to an address, `HOST:PORT`, whoever asks for one of these hosts by TLS.
    pub fn leading(hosts: &'static [&'static str], address: &str) -> Self {
        let lead = Lead { hosts, address: address.to_owned() };
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if client.peer_addr().is_ok_and(|peer| is_of_container(peer.ip())) {
                    let (log, lead) = (Arc::clone(&log), lead.clone());
                    std::thread::spawn(move || serve(client, &lead, &log));
                }
            }
        });
        Self { port, asked }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it was asked for until now: `GET http://…`, `CONNECT HOST:PORT`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Where it leads to instead of where it is asked to.
#[derive(Clone)]
struct Lead {
    hosts: &'static [&'static str],
    address: String,
}

/// Networks of Docker's, and those that clusters here are given.
fn is_of_container(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(ip) if matches!(ip.octets(), [10, ..] | [172, 16..=31, ..]))
}

fn serve(mut client: TcpStream, lead: &Lead, log: &Mutex<Vec<String>>) -> Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        headers.push(line);
    }
    let mut words = first.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    log.lock().unwrap().push(format!("{method} {target}"));
    let mut server;
    if method == "CONNECT" {
        let host = target.split(':').next().unwrap_or_default();
        let elsewhere = lead.hosts.contains(&host);
        server = TcpStream::connect(if elsewhere { &lead.address } else { target })?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        std::thread::spawn(move || copy(&mut from, &mut to));
    } else {
        let address = target.strip_prefix("http://").unwrap_or_default();
        let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
        let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        server = TcpStream::connect(host)?;
        // One request each, so that its end is the end of the connection.
        headers.retain(|header| !header.to_lowercase().contains("connection:"));
        headers.push("Connection: close".to_owned());
        write!(server, "{method} {path} HTTP/1.1\r\n{}\r\n\r\n", headers.join("\r\n"))?;
    }
    copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
