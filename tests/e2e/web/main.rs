//! The service that end-to-end tests run on their clusters: a web server that tells its version, can be
//! made ill, and checks its own health. Built by itself, statically, so that its image is one file.
//!
//! `web` serves port 8080: `/` tells the version and the host, `/break` makes it ill, `/health` tells
//! whether it is, `/file/PATH` is what a file says, and `/get/HOST:PORT/PATH` what another server says.
//! `web check` ends with 0 if the server is well, `web get HOST:PORT/PATH` prints what one says, and
//! `web write PATH TEXT` makes a file, because there is no shell in the image.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static ILL: AtomicBool = AtomicBool::new(false);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => listen(),
        ["check"] => get("127.0.0.1:8080/health").map(drop),
        ["get", from] => get(from).map(|body| print!("{body}")),
        ["write", path, text] => std::fs::write(path, text),
        _ => Err(io::Error::other("no such command")),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn listen() -> io::Result<()> {
    for stream in TcpListener::bind("0.0.0.0:8080")?.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}

/// What a server says at `HOST:PORT/PATH`.
fn get(from: &str) -> io::Result<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let (host, path) = from.split_once('/').unwrap_or((from, ""));
    let address = host.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /{path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.0 200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(answer)),
    }
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
    let path = request.split(' ').nth(1).unwrap_or_default();
    if path == "/break" {
        ILL.store(true, Ordering::Relaxed);
    }
    let body = if let Some(file) = path.strip_prefix("/file/") {
        std::fs::read_to_string(format!("/{file}"))
    } else if let Some(from) = path.strip_prefix("/get/") {
        get(from)
    } else if path == "/health" && ILL.load(Ordering::Relaxed) {
        Err(io::Error::other("ill"))
    } else {
        let version = std::env::var("VERSION").unwrap_or_default();
        let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
        Ok(format!("version {version} on {}\n", host.trim()))
    };
    let (status, body) = match body {
        Ok(body) => ("200 OK", body),
        Err(error) => ("500 Ill", error.to_string()),
    };
    let head = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    // A client that has gone away is its own affair.
    let _ = stream.write_all((head + &body).as_bytes());
}
