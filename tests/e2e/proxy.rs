//! Stands between `dojo` and the engine and passes everything on, until a request comes that a test
//! wants to fail.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Orders {
    refuse: Mutex<Option<String>>,
    die_at: Mutex<Option<String>>,
    dead: AtomicBool,
}

pub struct Proxy {
    socket: PathBuf,
    orders: Arc<Orders>,
}

impl Proxy {
    pub fn start(directory: &Path) -> Self {
        let socket = directory.join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let orders = Arc::new(Orders::default());
        std::thread::spawn({
            let orders = Arc::clone(&orders);
            move || {
                for client in listener.incoming().flatten() {
                    if orders.dead.load(Ordering::Relaxed) {
                        continue;
                    }
                    let orders = Arc::clone(&orders);
                    std::thread::spawn(move || pass_on(client, &orders));
                }
            }
        });
        Self { socket, orders }
    }

    pub fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Answers requests that contain this text with an error of the engine.
    pub fn refuse(&self, text: &str) {
        *self.orders.refuse.lock().unwrap() = Some(text.to_owned());
    }

    /// Drops every connection, now and later, once a request contains this text.
    pub fn die_at(&self, text: &str) {
        *self.orders.die_at.lock().unwrap() = Some(text.to_owned());
    }
}

fn pass_on(mut client: UnixStream, orders: &Orders) {
    let Ok(mut engine) = UnixStream::connect("/var/run/docker.sock") else { return };
    let (mut answers, mut back) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Write);
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length.min(400)]).into_owned();
        let asked = |order: &Mutex<Option<String>>| {
            order.lock().unwrap().as_ref().is_some_and(|wanted| text.contains(wanted))
        };
        if asked(&orders.die_at) {
            orders.dead.store(true, Ordering::Relaxed);
        }
        if orders.dead.load(Ordering::Relaxed) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = engine.shutdown(Shutdown::Both);
            return;
        }
        if asked(&orders.refuse) {
            let body = r#"{"message":"the test wants it so"}"#;
            let head = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = client.write_all(answer.as_bytes());
            continue;
        }
        if engine.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    let _ = engine.shutdown(Shutdown::Write);
}
