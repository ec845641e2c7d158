//! The service that end-to-end tests run on their clusters: a web server that tells its version, can be
//! made ill, and checks its own health. Built by itself, statically, so that its image is one file.
//!
//! `web` serves port 8080; `web check` ends with 0 if the server is well.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

static ILL: AtomicBool = AtomicBool::new(false);

fn main() {
    if std::env::args().nth(1).as_deref() == Some("check") {
        std::process::exit(i32::from(!well()));
    }
    let listener = TcpListener::bind("0.0.0.0:8080").expect("port 8080 is free in a container");
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
}

fn well() -> bool {
    let Ok(mut stream) = TcpStream::connect("127.0.0.1:8080") else { return false };
    let mut answer = String::new();
    stream.write_all(b"GET /health HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.0 200")
}

fn serve(mut stream: TcpStream) {
    let mut request = String::new();
    let mut reader = BufReader::new(&stream);
    if reader.read_line(&mut request).is_err() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
        header.clear();
    }
    if request.starts_with("GET /break ") {
        ILL.store(true, Ordering::Relaxed);
    }
    let status = match request.starts_with("GET /health ") && ILL.load(Ordering::Relaxed) {
        true => "500 Ill",
        false => "200 OK",
    };
    let version = std::env::var("VERSION").unwrap_or_default();
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let body = format!("version {version} on {}\n", host.trim());
    let head = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    // A client that has gone away is its own affair.
    let _ = stream.write_all((head + &body).as_bytes());
}
