//! A server for HTTP/1.1: a thread for each connection, limits on all that a client sends, and an end that
//! loses no request.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::system::Ending;
use crate::{Wrong, clock, say};

/// How large the head of a request may be.
const HEAD: usize = 16 * 1024;
/// How large its body may be.
const BODY: usize = 1024 * 1024;
/// How many connections there may be at a time.
const CONNECTIONS: usize = 1000;
/// How long a client may take to send a request, or to read its answer.
const SLOW: Duration = Duration::from_secs(10);
/// How long a connection is kept for another request.
const IDLE: Duration = Duration::from_secs(60);
/// How long the end waits for requests that are not sent wholly.
const HALF: Duration = Duration::from_secs(1);

pub(crate) struct Request {
    pub method: String,
    /// As it was sent.
    target: String,
    /// Without what comes behind `?`, decoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Vec<u8>,
    lasts: bool,
}

pub(crate) struct Answer {
    pub status: u16,
    pub kind: &'static str,
    pub body: String,
    pub headers: Vec<(&'static str, String)>,
    /// Whether the program ends with this status once the answer is sent.
    pub exit: Option<i32>,
}

impl Answer {
    /// A text of one line.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        let body = format!("{text}\n");
        Self { status, kind: "text/plain; charset=utf-8", body, headers: Vec::new(), exit: None }
    }

    pub(crate) fn json(body: &str) -> Self {
        Self { kind: "application/json", ..Self::text(200, body) }
    }
}

/// What makes answers of requests.
pub(crate) type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// What connections are doing.
#[derive(Default)]
struct Doing {
    open: usize,
    /// Connections that have begun to send a request, and new ones.
    reading: usize,
    /// Requests that have no answer yet.
    answering: usize,
    ending: bool,
}

struct Server {
    handler: Box<Handler>,
    doing: Mutex<Doing>,
    done: Condvar,
}

impl Server {
    fn doing(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is noted, and tells who waits for the end.
    fn note(&self, change: impl FnOnce(&mut Doing)) {
        change(&mut self.doing());
        self.done.notify_all();
    }
}

/// Serves until the signal to end comes: then for `grace` as before, and then only what is under way.
pub(crate) fn run(port: u16, grace: Duration, handler: Box<Handler>) -> Result<ExitCode, Wrong> {
    let failed = |error: io::Error| Wrong::Failed(format!("cannot listen on port {port}: {error}"));
    let mut ending = Ending::new().map_err(failed)?;
    let listeners = listen(port).map_err(failed)?;
    let port = listeners[0].local_addr().map_err(failed)?.port();
    say(&format!("{} listening on port {port}\n", clock::now()));
    let server = Server { handler, doing: Mutex::default(), done: Condvar::new() };
    let server = Arc::new(server);
    let descriptors: Vec<_> = listeners.iter().map(|listener| listener.as_fd()).collect();
    let mut last: Option<Instant> = None;
    loop {
        let left = last.map(|last| last.saturating_duration_since(Instant::now()));
        let rung = ending.wait(&descriptors, left);
        if rung && last.is_none() {
            say(&format!("{} asked to end\n", clock::now()));
            last = Some(Instant::now() + grace);
            server.note(|doing| doing.ending = true);
        }
        for listener in &listeners {
            accept(listener, &server);
        }
        // After accepting: whoever has connected already is not turned away.
        if last.is_some_and(|last| last <= Instant::now()) {
            break;
        }
    }
    drop(descriptors);
    drop(listeners);
    let closed = Instant::now();
    let mut doing = server.doing();
    loop {
        let left = HALF.saturating_sub(closed.elapsed());
        let half = doing.reading > 0 && !left.is_zero();
        if doing.answering == 0 && !half {
            return Ok(ExitCode::SUCCESS);
        }
        let most = if half { left } else { IDLE };
        doing = server.done.wait_timeout(doing, most).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Listens on all addresses: those of IPv6, which have those of IPv4 in them on most computers, or of IPv4 alone
/// where there is no IPv6.
fn listen(port: u16) -> io::Result<Vec<TcpListener>> {
    let bind = |address: IpAddr, port| {
        let listener = TcpListener::bind((address, port))?;
        listener.set_nonblocking(true).map(|()| listener)
    };
    match bind(Ipv6Addr::UNSPECIFIED.into(), port) {
        Ok(six) => {
            let port = six.local_addr()?.port();
            // That works only where the first one does not listen for both.
            let four = bind(Ipv4Addr::UNSPECIFIED.into(), port).ok();
            Ok([six].into_iter().chain(four).collect())
        }
        Err(_) => Ok(vec![bind(Ipv4Addr::UNSPECIFIED.into(), port)?]),
    }
}

/// Takes all that have connected.
fn accept(listener: &TcpListener, server: &Arc<Server>) {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                let full = server.doing().open >= CONNECTIONS;
                if full || begin(stream.try_clone(), peer, server).is_err() {
                    refuse(stream, peer);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(_) => {
                // There are no descriptors left, perhaps: some will be, and until then nothing else can be done.
                thread::sleep(Duration::from_millis(20));
                return;
            }
        }
    }
}

/// Tells a client that there are too many, if that can be said at once.
fn refuse(mut stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nonblocking(true);
    let answer = Answer::text(503, "too many connections");
    let _ = stream.write(&pack(&answer, "GET", false));
    log(peer, "-", "-", 503, Duration::ZERO);
}

fn begin(stream: io::Result<TcpStream>, peer: SocketAddr, server: &Arc<Server>) -> io::Result<()> {
    let stream = stream?;
    let shared = Arc::clone(server);
    server.note(|doing| {
        doing.open += 1;
        doing.reading += 1;
    });
    let converse = move || {
        Conversation { stream, peer, server: &shared, buffer: Vec::new(), reading: true }.go();
        shared.note(|doing| doing.open -= 1);
    };
    // There may be many of them, and they need little.
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(converse);
    thread.map(drop).inspect_err(|_| {
        server.note(|doing| {
            doing.open -= 1;
            doing.reading -= 1;
        });
    })
}

/// What becomes of reading a request.
enum Read {
    Request(Request),
    /// Refused, with the reason.
    Wrong(u16, &'static str),
    /// There will be none.
    Gone,
}

struct Conversation<'a> {
    stream: TcpStream,
    peer: SocketAddr,
    server: &'a Server,
    buffer: Vec<u8>,
    /// Whether it is counted among those that are reading.
    reading: bool,
}

impl Conversation<'_> {
    fn go(mut self) {
        let _ = self.stream.set_nodelay(true);
        let mut first = true;
        loop {
            let read = self.read(if first { SLOW } else { IDLE });
            first = false;
            let began = Instant::now();
            match read {
                Read::Gone => break,
                Read::Wrong(status, why) => {
                    self.send(&pack(&Answer::text(status, why), "GET", false));
                    log(self.peer, "-", "-", status, began.elapsed());
                    self.close();
                    break;
                }
                Read::Request(request) => {
                    self.count(false, 1);
                    let answer = (self.server.handler)(&request);
                    let lasts =
                        request.lasts && answer.exit.is_none() && !self.server.doing().ending;
                    let sent = self.send(&pack(&answer, &request.method, lasts));
                    log(
                        self.peer,
                        &request.method,
                        &request.target,
                        answer.status,
                        began.elapsed(),
                    );
                    if let Some(status) = answer.exit {
                        std::process::exit(status);
                    }
                    self.server.note(|doing| doing.answering -= 1);
                    if !sent || !lasts {
                        self.close();
                        break;
                    }
                }
            }
        }
        self.count(false, 0);
    }

    /// Notes whether it is reading, and how many more requests are being answered, both at once.
    fn count(&mut self, reading: bool, answering: usize) {
        let before = std::mem::replace(&mut self.reading, reading);
        self.server.note(|doing| {
            doing.reading = doing.reading + usize::from(reading) - usize::from(before);
            doing.answering += answering;
        });
    }

    /// Reads a request; its first byte may take as long as `first`.
    fn read(&mut self, first: Duration) -> Read {
        let mut until = Instant::now() + first;
        let mut begun = false;
        let mut seen = 0;
        let head = loop {
            // Line ends ahead of a request are allowed.
            while seen == 0 && self.buffer.first().is_some_and(|c| b"\r\n".contains(c)) {
                self.buffer.remove(0);
            }
            if !begun && !self.buffer.is_empty() {
                begun = true;
                until = Instant::now() + SLOW;
                self.count(true, 0);
            }
            if let Some(end) = end_of_head(&self.buffer, seen) {
                break self.buffer.drain(..end).collect::<Vec<u8>>();
            }
            seen = self.buffer.len().saturating_sub(3);
            if self.buffer.len() > HEAD {
                return Read::Wrong(431, "the head of the request is too large");
            }
            match self.fill(until) {
                Ok(true) => {}
                Err(error) if begun && is_timeout(&error) => {
                    return Read::Wrong(408, "the request came too slowly");
                }
                Ok(false) | Err(_) => return Read::Gone,
            }
        };
        if head.len() > HEAD {
            return Read::Wrong(431, "the head of the request is too large");
        }
        let (mut request, length, waits) = match parse(&head) {
            Ok(parsed) => parsed,
            Err((status, why)) => return Read::Wrong(status, why),
        };
        if waits && !self.send(b"HTTP/1.1 100 Continue\r\n\r\n") {
            return Read::Gone;
        }
        while self.buffer.len() < length {
            match self.fill(until) {
                Ok(true) => {}
                Err(error) if is_timeout(&error) => {
                    return Read::Wrong(408, "the request came too slowly");
                }
                Ok(false) | Err(_) => return Read::Gone,
            }
        }
        request.body = self.buffer.drain(..length).collect();
        Read::Request(request)
    }

    /// Reads more, and tells whether there was any.
    fn fill(&mut self, until: Instant) -> io::Result<bool> {
        let mut bytes = [0; 8192];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut bytes) {
                Ok(count) => {
                    self.buffer.extend(&bytes[..count]);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends all of it, unless the client takes too long to read it or is gone.
    fn send(&mut self, mut bytes: &[u8]) -> bool {
        let until = Instant::now() + SLOW;
        while !bytes.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            let ready = !left.is_zero() && self.stream.set_write_timeout(Some(left)).is_ok();
            match ready.then(|| self.stream.write(bytes)) {
                Some(Ok(count)) => bytes = &bytes[count..],
                Some(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Some(Err(_)) | None => return false,
            }
        }
        true
    }

    /// Closes such that the answer arrives: what the client has sent beyond is read, or it would be told that the
    /// connection was reset.
    fn close(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        self.count(false, 0);
        let until = Instant::now() + HALF;
        let mut most = 64;
        while most > 0 && self.fill(until).unwrap_or(false) {
            self.buffer.clear();
            most -= 1;
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// Where the empty line ends that is behind the head.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    (from..bytes.len()).find_map(|at| {
        let rest = &bytes[at..];
        let end = [&b"\n\r\n"[..], b"\n\n"].into_iter().find(|end| rest.starts_with(end))?;
        Some(at + end.len())
    })
}

type Refused = (u16, &'static str);

/// Takes a head apart: the request, how long its body is, and whether its client waits before it sends that.
fn parse(head: &[u8]) -> Result<(Request, usize, bool), Refused> {
    let head = std::str::from_utf8(head).map_err(|_| (400, "the request is not text"))?;
    let mut lines = head.lines();
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, protocol] = words[..] else {
        return Err((400, "the first line is not that of a request"));
    };
    if method.is_empty() || !method.bytes().all(|c| c.is_ascii_uppercase() || c == b'-') {
        return Err((400, "the method is none"));
    }
    let newer = match protocol {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err((505, "only HTTP/1.1 and 1.0 are spoken here")),
    };
    // Proxies are asked with the whole URL.
    let local = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    if !local.starts_with('/') || !local.bytes().all(|c| c.is_ascii_graphic()) {
        return Err((400, "the path is none"));
    }
    let (mut lasts, mut waits, mut length) = (newer, false, None);
    for line in lines.take_while(|line| !line.is_empty()) {
        let wrong = (400, "a header is not a name and a value");
        let (name, value) = line.split_once(':').ok_or(wrong)?;
        if name.is_empty() || name.contains(|c: char| c.is_ascii_whitespace()) {
            return Err(wrong);
        }
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "connection" => {
                for word in value.to_ascii_lowercase().split(',') {
                    match word.trim() {
                        "close" => lasts = false,
                        "keep-alive" => lasts = true,
                        _ => {}
                    }
                }
            }
            "content-length" => {
                let digits = !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit());
                let wrong = (400, "the length of the body is not a number");
                digits.then_some(()).ok_or(wrong)?;
                // More digits than fit are a length, too.
                let told = value.parse::<usize>().unwrap_or(usize::MAX);
                if length.is_some_and(|length| length != told) {
                    return Err((400, "the length of the body is told in two ways"));
                }
                length = Some(told);
            }
            "transfer-encoding" => return Err((501, "bodies come with their length here")),
            "expect" => waits = newer && value.eq_ignore_ascii_case("100-continue"),
            _ => {}
        }
    }
    let length = length.unwrap_or(0);
    if length > BODY {
        return Err((413, "the body is too large"));
    }
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| decode(&text.replace('+', " "));
        Some((plain(name)?, plain(value)?))
    });
    let wrong = (400, "what follows a % is not a character");
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        path: decode(path).ok_or(wrong)?,
        query: pairs.collect::<Option<_>>().ok_or(wrong)?,
        body: Vec::new(),
        lasts,
    };
    Ok((request, length, waits && length > 0))
}

/// A text without `%20` and the like.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(c) = rest.next() {
        bytes.push(if c == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            u8::try_from(high * 16 + low).ok()?
        } else {
            c
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn pack(answer: &Answer, method: &str, lasts: bool) -> Vec<u8> {
    let Answer { status, kind, body, headers, .. } = answer;
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(*status));
    for (name, value) in headers {
        let value: String = value.chars().filter(char::is_ascii_graphic).collect();
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let bare = [204, 304].contains(status);
    if !bare {
        let _ = write!(head, "Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    }
    let _ = write!(head, "Connection: {}\r\n\r\n", if lasts { "keep-alive" } else { "close" });
    if !bare && method != "HEAD" {
        head += body;
    }
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}

/// One line for one request. What the client chose cannot make two of it.
fn log(peer: SocketAddr, method: &str, target: &str, status: u16, took: Duration) {
    const LONGEST: usize = 512;
    let cut =
        |text: &str| text.chars().filter(char::is_ascii_graphic).take(LONGEST).collect::<String>();
    let (method, target, took) = (cut(method), cut(target), took.as_millis());
    say(&format!("{} {peer} {method} {target} {status} {took}ms\n", clock::now()));
}
