//! Asking a server by HTTP, without encryption, each time over a connection of its own.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::json;

/// How large the head of an answer may be.
const HEAD: usize = 64 * 1024;
/// How long to wait for a connection where nobody said how long.
const CONNECT: Duration = Duration::from_secs(300);

/// Where to ask.
pub(crate) struct Url {
    host: String,
    port: u16,
    /// `Host`, as it was said.
    authority: String,
    target: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Protocol(String),
    Url(String),
    Resolve(String),
    Connect(String),
    Timeout(String),
    Empty,
    NoHttp(String),
    Partial(String),
    Receive(String),
}

impl Failure {
    /// The status that curl ends with.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Protocol(_) | Self::NoHttp(_) => 1,
            Self::Url(_) => 3,
            Self::Resolve(_) => 6,
            Self::Connect(_) => 7,
            Self::Partial(_) => 18,
            Self::Timeout(_) => 28,
            Self::Empty => 52,
            Self::Receive(_) => 56,
        }
    }

    /// One word for it, by which such are counted.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Protocol(_) | Self::Url(_) => "url",
            Self::NoHttp(_) => "garbage",
            Self::Resolve(_) => "unresolved",
            Self::Connect(_) => "refused",
            Self::Partial(_) => "partial",
            Self::Timeout(_) => "timeout",
            Self::Empty => "empty",
            Self::Receive(_) => "reset",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(name) => write!(out, "Protocol \"{name}\" not supported"),
            Self::Url(why) => write!(out, "URL rejected: {why}"),
            Self::Resolve(host) => write!(out, "Could not resolve host: {host}"),
            Self::Empty => out.write_str("Empty reply from server"),
            Self::Connect(why)
            | Self::Timeout(why)
            | Self::NoHttp(why)
            | Self::Partial(why)
            | Self::Receive(why) => out.write_str(why),
        }
    }
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::Url(why.to_owned());
        let rest = match text.split_once("://") {
            Some((protocol, rest)) if protocol.eq_ignore_ascii_case("http") => rest,
            // A URL may stand in the query, too.
            Some((protocol, _)) if protocol.chars().all(|c| c.is_ascii_alphanumeric()) => {
                return Err(Failure::Protocol(protocol.to_owned()));
            }
            _ => text,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let target = target.split('#').next().unwrap_or_default();
        if !target.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(wrong("Malformed input to a URL function"));
        }
        if authority.contains('@') {
            return Err(wrong("a user name is not supported"));
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err(wrong("No host part in the URL"));
        }
        if !host.bytes().all(|c| c.is_ascii_alphanumeric() || b".-_:".contains(&c)) {
            return Err(wrong("Bad hostname"));
        }
        let port = match port {
            None | Some("") => 80,
            Some(port) => port
                .parse()
                .map_err(|_| wrong("Port number was not a decimal number between 0 and 65535"))?,
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            target: format!("{slash}{target}"),
        })
    }
}

/// What is asked.
pub(crate) struct Question<'a> {
    pub url: &'a Url,
    pub method: &'a str,
    pub headers: &'a [String],
    pub body: Option<&'a [u8]>,
    /// How long all of it may take.
    pub most: Option<Duration>,
}

/// The beginning of an answer; the body comes by reading.
pub(crate) struct Answer {
    /// The first line.
    pub line: String,
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All headers, in their order.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The next bytes of the body, none at its end.
    pub(crate) fn next(&mut self) -> Result<Vec<u8>, Failure> {
        self.body.next()
    }
}

/// What one request was good for, where only that is of interest.
pub(crate) struct Visit {
    pub status: u16,
    pub host: Option<String>,
    pub version: Option<String>,
}

/// Asks, reads all of the answer, and keeps who said it: by the headers that `serve` gives, or by its body.
pub(crate) fn visit(url: &Url, most: Duration) -> Result<Visit, Failure> {
    const ENOUGH: usize = 64 * 1024;
    let mut answer =
        ask(&Question { url, method: "GET", headers: &[], body: None, most: Some(most) })?;
    let mut body = Vec::new();
    loop {
        let part = answer.next()?;
        if part.is_empty() {
            break;
        }
        if body.len() < ENOUGH {
            body.extend(part);
        }
    }
    let told = String::from_utf8(body).ok().and_then(|body| json::parse(&body));
    let named = |header: &str, field: &str| {
        let text = answer.header(header).or_else(|| told.as_ref()?.text(field))?;
        // It goes into lines with spaces between.
        let text: String = text.chars().filter(char::is_ascii_graphic).take(128).collect();
        (!text.is_empty()).then_some(text)
    };
    Ok(Visit {
        status: answer.status,
        host: named("lab-host", "host"),
        version: named("lab-version", "version"),
    })
}

/// Sends the question and reads the head of the answer.
pub(crate) fn ask(question: &Question<'_>) -> Result<Answer, Failure> {
    let limit = Limit { began: Instant::now(), most: question.most };
    let url = question.url;
    let addresses = resolve(url, &limit)?;
    let stream = connect(url, &addresses, &limit)?;
    let mut connection = Connection { stream, limit, read: 0, buffer: Vec::new() };
    let body = question.body.unwrap_or_default();
    let mut request = format!("{} {} HTTP/1.1\r\n", question.method, url.target);
    let mut say = |name: &str, text: &str| {
        let said = question
            .headers
            .iter()
            .any(|h| h.split(':').next().is_some_and(|n| n.trim().eq_ignore_ascii_case(name)));
        if !said {
            request += &format!("{name}: {text}\r\n");
        }
    };
    say("Host", &url.authority);
    say("User-Agent", "lab/1");
    say("Accept", "*/*");
    say("Connection", "close");
    if question.body.is_some() {
        say("Content-Type", "application/x-www-form-urlencoded");
        say("Content-Length", &body.len().to_string());
    }
    for header in question.headers {
        request += &format!("{header}\r\n");
    }
    let sent = connection.write(format!("{request}\r\n").as_bytes());
    // A server that does not want all of it may answer before it has all.
    if let Err(failure @ Failure::Timeout(_)) = sent.and_then(|()| connection.write(body)) {
        return Err(failure);
    }
    head(connection, question.method)
}

struct Limit {
    began: Instant,
    most: Option<Duration>,
}

impl Limit {
    /// What is left of the time. `None` for what has no limit, an error for what is over.
    fn left(&self) -> Result<Option<Duration>, ()> {
        match self.most.map(|most| most.saturating_sub(self.began.elapsed())) {
            Some(left) if left < Duration::from_millis(1) => Err(()),
            left => Ok(left),
        }
    }

    fn milliseconds(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    fn over(&self, what: &str) -> Failure {
        Failure::Timeout(format!("{what} timed out after {} milliseconds", self.milliseconds()))
    }
}

/// The addresses of a host, asked for anew. In a thread of its own: a name server that says nothing is waited for
/// longer than the limit.
fn resolve(url: &Url, limit: &Limit) -> Result<Vec<SocketAddr>, Failure> {
    let (host, port) = (url.host.clone(), url.port);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    // As curl does, whatever the files of the computer say.
    if host.eq_ignore_ascii_case("localhost") {
        let local = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
        return Ok(local.map(|address| (address, port).into()).to_vec());
    }
    let unresolved = || Failure::Resolve(url.host.clone());
    let over = || limit.over("Resolving");
    let (tell, told) = mpsc::channel();
    let look = move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        // Who asked may have gone.
        let _ = tell.send(found.unwrap_or_default());
    };
    thread::Builder::new().spawn(look).map_err(|_| unresolved())?;
    let addresses = match limit.left().map_err(|()| over())? {
        Some(left) => match told.recv_timeout(left) {
            Ok(addresses) => addresses,
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(over()),
            Err(mpsc::RecvTimeoutError::Disconnected) => Vec::new(),
        },
        None => told.recv().unwrap_or_default(),
    };
    if addresses.is_empty() { Err(unresolved()) } else { Ok(addresses) }
}

fn connect(url: &Url, addresses: &[SocketAddr], limit: &Limit) -> Result<TcpStream, Failure> {
    let mut last = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = limit.left().map_err(|()| limit.over("Connection"))?.unwrap_or(CONNECT);
        // An address where nobody answers leaves time for the next one.
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(stream) => {
                // Only what is sent at once is sent at all.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if error.kind() == ErrorKind::TimedOut => Err(limit.over("Connection")),
        _ => Err(Failure::Connect(format!(
            "Failed to connect to {} port {} after {} ms: Could not connect to server",
            url.host,
            url.port,
            limit.milliseconds()
        ))),
    }
}

/// A connection with a limit for all that is read and written.
struct Connection {
    stream: TcpStream,
    limit: Limit,
    /// How many bytes have come.
    read: u64,
    /// What has come and was not asked for yet.
    buffer: Vec<u8>,
}

impl Connection {
    fn over(&self) -> Failure {
        Failure::Timeout(format!(
            "Operation timed out after {} milliseconds with {} bytes received",
            self.limit.milliseconds(),
            self.read
        ))
    }

    fn failed(&self, error: &io::Error) -> Failure {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.over(),
            ErrorKind::ConnectionReset => {
                Failure::Receive("Recv failure: Connection reset by peer".to_owned())
            }
            _ => Failure::Receive(format!("Recv failure: {error}")),
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let left = self.limit.left().map_err(|()| self.over())?;
            let written =
                self.stream.set_write_timeout(left).and_then(|()| self.stream.write(bytes));
            match written {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(())
    }

    /// Reads more into the buffer; false at the end.
    fn fill(&mut self) -> Result<bool, Failure> {
        let mut bytes = [0; 16 * 1024];
        loop {
            let left = self.limit.left().map_err(|()| self.over())?;
            let read =
                self.stream.set_read_timeout(left).and_then(|()| self.stream.read(&mut bytes));
            match read {
                Ok(count) => {
                    self.read += count as u64;
                    self.buffer.extend(&bytes[..count]);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// The next line, without its end. `None` at the end of all.
    fn line(&mut self, most: usize) -> Result<Option<String>, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|c| *c == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                return Ok(Some(line));
            }
            if self.buffer.len() > most {
                return Err(Failure::NoHttp("Too large response headers".to_owned()));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}

fn head(mut connection: Connection, method: &str) -> Result<Answer, Failure> {
    let broken =
        || Failure::Receive("Recv failure: the head of the answer is not whole".to_owned());
    loop {
        let Some(line) = connection.line(HEAD)? else {
            let nothing = connection.read == 0;
            return Err(if nothing { Failure::Empty } else { no_http() });
        };
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status: u16 = status.ok_or_else(no_http)?;
        let mut headers = Vec::new();
        let mut size = 0;
        loop {
            let header = connection.line(HEAD)?.ok_or_else(broken)?;
            if header.is_empty() {
                break;
            }
            size += header.len();
            if size > HEAD {
                return Err(Failure::NoHttp("Too large response headers".to_owned()));
            }
            if let Some((name, value)) = header.split_once(':') {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        // Others come before the one that counts.
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let named = |wanted: &str| {
            let is = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(wanted);
            headers.iter().find(is).map(|(_, value)| value.as_str())
        };
        let chunked =
            named("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().ends_with("chunked"));
        let length = named("content-length").map(str::parse);
        let left = if method == "HEAD" || status == 204 || status == 304 {
            Left::Known(0)
        } else if chunked {
            Left::Chunked { of_chunk: 0, first: true }
        } else {
            match length {
                Some(Ok(length)) => Left::Known(length),
                Some(Err(_)) => return Err(broken()),
                None => Left::ToTheEnd,
            }
        };
        return Ok(Answer { line, status, headers, body: Body { connection, left } });
    }
}

fn no_http() -> Failure {
    Failure::NoHttp("Received HTTP/0.9 when not allowed".to_owned())
}

enum Left {
    Known(u64),
    Chunked { of_chunk: u64, first: bool },
    ToTheEnd,
}

struct Body {
    connection: Connection,
    left: Left,
}

impl Body {
    fn next(&mut self) -> Result<Vec<u8>, Failure> {
        if let Left::Chunked { of_chunk: of_chunk @ 0, first } = &mut self.left {
            let broken = || Failure::Receive("chunk hex-length char not a hex digit".to_owned());
            // Each chunk but the first comes behind the line end of the one before.
            if !std::mem::take(first) {
                self.connection.line(HEAD)?.filter(String::is_empty).ok_or_else(broken)?;
            }
            let line = self.connection.line(HEAD)?.ok_or_else(|| {
                Failure::Partial("transfer closed with outstanding read data remaining".to_owned())
            })?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            *of_chunk = u64::from_str_radix(digits, 16).map_err(|_| broken())?;
            if *of_chunk == 0 {
                self.left = Left::Known(0);
            }
        }
        if matches!(self.left, Left::Known(0)) {
            return Ok(Vec::new());
        }
        if self.connection.buffer.is_empty() && !self.connection.fill()? {
            return match self.left {
                Left::ToTheEnd => Ok(Vec::new()),
                Left::Known(left) | Left::Chunked { of_chunk: left, .. } => Err(Failure::Partial(
                    format!("transfer closed with {left} bytes remaining to read"),
                )),
            };
        }
        let buffer = &mut self.connection.buffer;
        Ok(match &mut self.left {
            Left::ToTheEnd => std::mem::take(buffer),
            Left::Known(left) | Left::Chunked { of_chunk: left, .. } => {
                let count = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                buffer.drain(..count).collect()
            }
        })
    }
}
