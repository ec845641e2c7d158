//! The program of the lessons' image, and the image: run, asked, made ill and ended as learners do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clusterdojo::lab_image;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// As it was compiled. A file that a test writes could not be run while another test starts a program, which has the
/// file open for a moment.
const PROGRAM: &str = concat!(env!("OUT_DIR"), "/lab");

fn lab(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run said, and its status.
fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = lab(arguments);
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A server that listens.
struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(["--port", "0"]).env("VERSION", "7");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let port = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        Self { child, out, port }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What `get` says of it: the status line and the body.
    fn get(&self, path: &str) -> String {
        let (code, out, err) = said(&["get", &self.url(path)]);
        assert_eq!(code, 0, "{path}: {err}");
        out
    }

    fn json(&self, path: &str) -> Value {
        let (code, out, err) = said(&["curl", "-fsS", &self.url(path)]);
        assert_eq!(code, 0, "{path}: {err}");
        serde_json::from_str(&out).unwrap()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes and returns all that comes back.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // It may be closed before all is sent.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        text(&answer)
    }

    fn signal(&self) {
        let process = Pid::from_child(&self.child);
        kill_process(process, Signal::TERM).unwrap();
    }

    /// Waits for its end, and returns its status and what it has said since it listens.
    fn end(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        (status.code(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_is_known_by_the_names_of_its_applets() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["serve", "curl", "get", "probe", "visit", "hook", "fill", "ci"] {
        let link = directory.path().join(name);
        symlink(PROGRAM, &link).unwrap();
        let by_link = Command::new(&link).arg("--help").output().unwrap();
        let by_name = lab(&["help", name]);
        assert!(by_link.status.success() && by_name.status.success());
        assert_eq!(text(&by_link.stdout), text(&by_name.stdout));
        assert!(text(&by_name.stdout).starts_with(&format!("{name} ")), "{name}");
        let (code, out, err) = said(&[name, "--no-such-option"]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(
            err.starts_with(&format!("{name}: option --no-such-option: is unknown\n")),
            "{err}"
        );
    }
    let (code, out, _) = said(&["help"]);
    assert_eq!(code, 0);
    assert!(out.contains("  ci     Run a job of a small part of .gitlab-ci.yml.\n"), "{out}");
    assert_eq!(said(&[]).0, 2);
    assert_eq!(said(&["curls"]).0, 2);
}

#[test]
fn a_server_tells_who_it_is() {
    let mut server = Server::start(&["serve"]);
    let who = server.json("/");
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(who["host"], host.trim());
    assert_eq!(
        (&who["version"], &who["served"], &who["health"]),
        (&"7".into(), &1.into(), &"healthy".into())
    );
    let since: jiff::Timestamp = who["since"].as_str().unwrap().parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(since).abs();
    assert!(age < jiff::SignedDuration::from_mins(2), "{age:?}");
    server.get("/health");
    assert_eq!(server.json("/")["served"], 2, "health checks do not count");
    assert_eq!(server.get("/status/418"), "HTTP/1.1 418 I'm a teapot\nstatus 418\n");
    assert_eq!(server.get("/env/VERSION"), "HTTP/1.1 200 OK\n7\n");
    for (path, status) in [
        ("/env/NOBODY_HAS_SET_THIS", "404 "),
        ("/nothing", "404 "),
        ("/status/99", "400 "),
        ("/status/1000", "400 "),
        ("/delay/600001", "400 "),
        ("/delay/-1", "400 "),
        ("/burn/x", "400 "),
        ("/burn/20", "200 "),
        ("/delay/20", "200 "),
    ] {
        assert!(server.get(path).starts_with(&format!("HTTP/1.1 {status}")), "{path}");
    }
    let six = format!("http://[::1]:{}/", server.port);
    // A computer without IPv6 has nothing to show here.
    assert!([0, 7].contains(&said(&["curl", &six]).0));
    server.signal();
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    let line = log.lines().find(|line| line.contains("/status/418")).unwrap();
    let words: Vec<_> = line.split(' ').collect();
    let [at, peer, "GET", "/status/418", "418", took] = words[..] else { panic!("{line}") };
    assert!(at.parse::<jiff::Timestamp>().is_ok() && at.ends_with('Z'), "{at}");
    assert!(peer.starts_with("127.0.0.1:") && took.ends_with("ms"), "{line}");
}

#[test]
fn its_health_is_what_was_set() {
    let server = Server::start(&["serve"]);
    assert_eq!(server.get("/health"), "HTTP/1.1 200 OK\nhealthy\n");
    let set = |query: &str| server.json(&format!("/health?{query}"));
    let state = |word: &str, status: u16, delay: u64| serde_json::json!({ "health": word, "status": status, "delay": delay });
    let began = Instant::now();
    assert_eq!(set("health=slow&delay=1500"), state("slow", 200, 1500));
    assert!(began.elapsed() < Duration::from_millis(1400), "setting does not wait");
    let began = Instant::now();
    assert_eq!(server.get("/health"), "HTTP/1.1 200 OK\nslow\n");
    assert!(began.elapsed() >= Duration::from_millis(1500));
    assert_eq!(set("delay=0&status=404&health=sick"), state("sick", 404, 0));
    assert_eq!(server.get("/health"), "HTTP/1.1 404 Not Found\nsick\n");
    assert_eq!(server.json("/")["health"], "sick");
    assert_eq!(set("delay=10"), state("sick", 404, 10), "what is not named stays");
    assert_eq!(set("health=healthy"), state("healthy", 200, 0));
    assert_eq!(set("status=503"), state("sick", 503, 0), "nobody is well with that");
    for query in [
        "status=9",
        "status=x",
        "delay=600001",
        "health=",
        "health=a%20b",
        "colour=red",
        "health=%zz",
    ] {
        let answer = server.get(&format!("/health?{query}"));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{query}: {answer}");
    }
    assert_eq!(server.get("/health"), "HTTP/1.1 503 Service Unavailable\nsick\n", "all or nothing");
}

#[test]
fn it_begins_and_stays_as_it_was_started() {
    let late = Server::start(&["serve", "--ready-after", "2"]);
    assert_eq!(late.get("/health"), "HTTP/1.1 503 Service Unavailable\nstarting\n");
    assert!(late.get("/").starts_with("HTTP/1.1 200 "));
    let never = Server::start(&["serve", "--never-healthy"]);
    never.json("/health?health=healthy");
    assert_eq!(never.get("/health"), "HTTP/1.1 503 Service Unavailable\nsick\n");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !late.get("/health").contains(" 200 ") {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(100));
    }
    let one = Server::start(&["serve", "--one-thread"]);
    let many = Server::start(&["serve"]);
    let three = |server: &Server| {
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| server.get("/delay/700"));
            }
        });
        began.elapsed()
    };
    assert!(three(&one) >= Duration::from_millis(2100));
    assert!(three(&many) < Duration::from_secs(2));
}

#[test]
fn one_that_sleeps_wakes_up_for_requests_but_not_for_health_checks() {
    let server = Server::start(&["serve", "--sleep-after", "0.5"]);
    assert_eq!(said(&["curl", "-s", "-m", "5", &server.url("/")]).0, 0);
    thread::sleep(Duration::from_millis(600));
    assert_eq!(said(&["curl", "-s", "-m", "5", &server.url("/health")]).0, 0);
    assert_eq!(said(&["curl", "-s", "-m", "1", &server.url("/")]).0, 28);
    assert_eq!(said(&["curl", "-s", "-m", "5", &server.url("/health")]).0, 0);
    let began = Instant::now();
    assert_eq!(said(&["curl", "-s", "-m", "30", &server.url("/")]).0, 0);
    assert!(began.elapsed() >= Duration::from_secs(3), "it was not awake yet");
}

#[test]
fn files_are_served_from_one_directory_alone() {
    let directory = tempfile::tempdir().unwrap();
    let files = directory.path().join("files");
    // As a ConfigMap is mounted.
    fs::create_dir_all(files.join("..2026/sub")).unwrap();
    fs::write(files.join("..2026/colour"), "blue").unwrap();
    fs::write(files.join("..2026/sub/a b"), "spaced").unwrap();
    symlink("..2026", files.join("..data")).unwrap();
    symlink("..data/colour", files.join("colour")).unwrap();
    fs::write(directory.path().join("secret"), "secret").unwrap();
    symlink("../secret", files.join("out")).unwrap();
    let server = Server::start(&["serve", "--files", files.to_str().unwrap()]);
    assert_eq!(server.get("/file/colour"), "HTTP/1.1 200 OK\nblue");
    assert_eq!(server.get("/file/..data/sub/a%20b"), "HTTP/1.1 200 OK\nspaced");
    let whole = format!("/file/{}", directory.path().join("secret").display());
    for path in [
        "/file/../secret",
        "/file/out",
        "/file/%2e%2e/secret",
        "/file/",
        "/file/..data",
        "/file/none",
        &whole,
    ] {
        let answer = server.get(path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[test]
fn curl_ends_with_the_statuses_of_curl() {
    let server = Server::start(&["serve"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out");
    let (missing, slow, gone) = (server.url("/status/404"), server.url("/delay/5000"), {
        let once = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", once.local_addr().unwrap())
    });
    // Names of more than 63 characters are no names, so nobody is asked.
    let unknown = format!("http://{}.invalid/", "a".repeat(64));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let empty = format!("http://{}/", silent.local_addr().unwrap());
    thread::spawn(move || {
        for stream in silent.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1000]);
        }
    });
    for (arguments, code, message) in [
        (&["-sS", missing.as_str()][..], 0, ""),
        (&["-f", &missing], 22, "curl: (22) The requested URL returned error: 404\n"),
        (&["-fs", &missing], 22, ""),
        (&["-fsS", &missing], 22, "curl: (22) The requested URL returned error: 404\n"),
        (&["-sSm1", &slow], 28, "curl: (28) Operation timed out after "),
        (&["-sm", "0.2", &slow], 28, ""),
        (&["-sS", &gone], 7, "curl: (7) Failed to connect to 127.0.0.1 port "),
        (&["-sS", &unknown], 6, "curl: (6) Could not resolve host: aaa"),
        (&["-sS", &empty], 52, "curl: (52) Empty reply from server\n"),
        (&["https://127.0.0.1/"], 1, "curl: (1) Protocol \"https\" not supported\n"),
        (&["http://:80/"], 3, "curl: (3) URL rejected: No host part in the URL\n"),
        (&["http://a:70000/"], 3, "curl: (3) URL rejected: Port number"),
        (&[], 2, "curl: no URL specified\n"),
        (&["-m"], 2, "curl: option -m: requires parameter\n"),
        (&["-m", "x", &missing], 2, "curl: option --max-time: `x` is not"),
        (&["-q", &missing], 2, "curl: option -q: is unknown\n"),
        (&["-o", "/no/such/directory", &missing], 23, "curl: (23) Failure writing output"),
    ] {
        let (ended, _, err) = said(&[&["curl"], arguments].concat());
        assert_eq!(ended, code, "{arguments:?}: {err}");
        assert!(
            err.starts_with(message) && message.is_empty() == err.is_empty(),
            "{arguments:?}: {err}"
        );
    }
    let (code, out, _) = said(&["curl", "-o", file.to_str().unwrap(), &server.url("/status/201")]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(&file).unwrap(), "status 201\n");
    let (code, out, _) = said(&["curl", "-f", &missing]);
    assert_eq!((code, out.as_str()), (22, ""), "-f says nothing of the answer");
    assert!(said(&["curl", "-X", "DELETE", &server.url("/")]).1.starts_with("only GET"));
    let bare = server.url("/").replace("http://", "");
    assert_eq!(said(&["curl", &bare]).0, 0);
}

#[test]
fn curl_reads_what_other_servers_say() {
    let answer = |bytes: &'static str| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(bytes.as_bytes());
        });
        let told = said(&["curl", "-sS", "-m", "20", &url]);
        server.join().unwrap();
        (told.0, told.1)
    };
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n6;x=y\r\npedia\n\r\n0\r\n\r\n";
    for (bytes, code, body) in [
        (chunked, 0, "wikipedia\n"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end", 0, "to the end"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0, ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 18, "half"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n", 18, "wiki"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwikipedia", 56, "wiki"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 56, ""),
        ("SSH-2.0-OpenSSH\r\n", 1, ""),
        ("HTTP/1.1 2\r\n\r\n", 1, ""),
    ] {
        assert_eq!(answer(bytes), (code, body.to_owned()), "{bytes:?}");
    }
}

#[test]
fn whatever_a_client_sends_is_answered_and_harms_nobody() {
    let mut server = Server::start(&["serve"]);
    let head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let endless = "x".repeat(100_000);
    for (bytes, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00\xfe\r\n\r\n"[..], "400 "),
        (b"hello\r\n\r\n", "400 "),
        (b"GET  HTTP/1.1\r\n\r\n", "400 "),
        (b"GET nowhere HTTP/1.1\r\n\r\n", "400 "),
        (b"GET /\x1b[31m HTTP/1.1\r\n\r\n", "400 "),
        ("GET /\u{e4} HTTP/1.1\r\n\r\n".as_bytes(), "400 "),
        (b"GET /%zz HTTP/1.1\r\n\r\n", "400 "),
        (b"GET /%ff HTTP/1.1\r\n\r\n", "400 "),
        (b"GET /%0 HTTP/1.1\r\n\r\n", "400 "),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", "400 "),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", "400 "),
        (b"GET / HTTP/2\r\n\r\n", "505 "),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400 "),
        (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", "400 "),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400 "),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", "413 "),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "501 "),
        (b"BREW / HTTP/1.1\r\n\r\n", "405 "),
        (head.as_bytes(), "431 "),
        (endless.as_bytes(), "431 "),
        (b"GET / HTTP/1.0\n\n", "200 "),
        (b"\r\nGET http://a/ HTTP/1.1\r\nConnection: close\r\n\r\n", "200 "),
    ] {
        let answer = server.raw(bytes);
        let shown = text(&bytes[..bytes.len().min(60)]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{shown}: {answer}");
        assert_eq!(answer.matches("\r\nConnection: ").count(), 1, "{shown}: {answer}");
    }
    assert_eq!(server.raw(b"GET / HTT"), "", "half a request has no answer");
    let (two, end) = (
        "GET /status/201 HTTP/1.1\r\n\r\nPOST /status/202 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET /",
    );
    let answers = server.raw(format!("{two}{end}").as_bytes());
    let statuses: Vec<_> =
        answers.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)?.get(..3)).collect();
    assert_eq!(statuses, ["201", "202", "200"], "{answers}");
    let head = server.raw(b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(head.contains("Content-Length: ") && head.ends_with("\r\n\r\n"), "{head}");
    let waits = "POST /status/202 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
    assert!(server.raw(waits.as_bytes()).starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 "));
    server.signal();
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    // Beside two lines of its own: nothing that was sent makes two lines or writes on the terminal.
    assert!(
        log.lines()
            .skip(1)
            .all(|line| line.contains(" asked to end") || line.split(' ').count() == 6),
        "{log}"
    );
    assert!(log.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{log}");
}

#[test]
fn slow_clients_hold_up_nobody() {
    let server = Server::start(&["serve"]);
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nSlow: ").unwrap();
            stream
        })
        .collect();
    let (code, _, err) = said(&["curl", "-sS", "-m", "5", &server.url("/")]);
    assert_eq!(code, 0, "{err}");
    let mut first = &slow[0];
    let began = Instant::now();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn sigterm_ends_it_when_all_is_answered() {
    let mut server = Server::start(&["serve"]);
    let idle = server.connect();
    let mut half = server.connect();
    half.write_all(b"GET /half").unwrap();
    let url = server.url("/delay/1500");
    let under_way = thread::spawn(move || said(&["curl", "-sS", &url]));
    thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    server.signal();
    thread::sleep(Duration::from_millis(300));
    assert_eq!(said(&["curl", "-s", &server.url("/")]).0, 7, "it takes no more");
    let (code, log) = server.end();
    assert_eq!(code, Some(0));
    assert!(log.contains(" /delay/1500 200 "), "{log}");
    assert_eq!(under_way.join().unwrap(), (0, "1500 ms later\n".to_owned(), String::new()));
    assert!(began.elapsed() < Duration::from_secs(6), "half a request is not waited for");
    drop((idle, half));

    let mut server = Server::start(&["serve", "--grace", "2000"]);
    let began = Instant::now();
    server.signal();
    thread::sleep(Duration::from_millis(200));
    let answer = server.raw(b"GET / HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("Connection: close"), "who keeps connections goes elsewhere: {answer}");
    assert_eq!(server.end().0, Some(0));
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[test]
fn it_exits_when_it_is_told_to() {
    let mut server = Server::start(&["serve"]);
    assert!(server.get("/exit").starts_with("HTTP/1.1 200 "));
    assert_eq!(server.end().0, Some(1));
    // A port that is taken is said, and no reason to wait.
    let taken = std::net::TcpListener::bind("[::]:0")
        .or_else(|_| std::net::TcpListener::bind("0.0.0.0:0"))
        .unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, _, err) = said(&["serve", "--port", &port]);
    assert_eq!(code, 1);
    assert!(err.starts_with(&format!("serve: cannot listen on port {port}: ")), "{err}");
    assert_eq!(said(&["serve", "--port", "65536"]).0, 2);
}

#[test]
fn a_probe_counts_answers_and_drops() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("counts.json");
    let mut server = Server::start(&["serve"]);
    let counts = || serde_json::from_str::<Value>(&fs::read_to_string(&out).unwrap_or_default());
    let until = |what: &str, done: &dyn Fn(&Value) -> bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // The file is there in one piece at all times.
            let now = if out.exists() { counts().unwrap() } else { Value::Null };
            if done(&now) {
                return now;
            }
            assert!(Instant::now() < deadline, "{what}: {now}");
            thread::sleep(Duration::from_millis(5));
        }
    };
    let mut probe = Command::new(PROGRAM);
    probe.args([
        "probe",
        "--every",
        "20",
        "--to",
        &server.url("/"),
        "--out",
        out.to_str().unwrap(),
    ]);
    let probe = probe.stdout(Stdio::piped()).spawn().unwrap();
    until("served", &|now| now["served"].as_u64() > Some(5));
    server.signal();
    server.end();
    let now = until("dropped", &|now| now["dropped"].as_u64() > Some(25));
    assert_eq!(now["ended"], false);
    kill_process(Pid::from_child(&probe), Signal::TERM).unwrap();
    let output = probe.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = counts().unwrap();
    for field in ["served", "dropped", "reasons", "versions", "hosts", "last_drops", "ended"] {
        assert_eq!(told[field], file[field], "{field}");
    }
    assert_eq!(told["ended"], true);
    assert_eq!(told["versions"], serde_json::json!({ "7": told["served"] }));
    assert_eq!(told["hosts"].as_object().unwrap().len(), 1);
    assert_eq!(
        told["reasons"]["refused"].as_u64().map(|n| n + 2 > told["dropped"].as_u64().unwrap()),
        Some(true),
        "{told}"
    );
    let last = told["last_drops"].as_array().unwrap();
    assert_eq!(last.len(), 20);
    assert_eq!(told["last_drop"], last[19]["at"]);
    assert!(told["first_drop"].as_str() < last[0]["at"].as_str());

    let server = Server::start(&["serve"]);
    let began = Instant::now();
    let ill = ["probe", "--to", &server.url("/status/500"), "--every", "50", "--for", "0.5"];
    let told: Value = serde_json::from_str(&said(&ill).1).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(500));
    assert_eq!((&told["served"], &told["reasons"]["status 500"]), (&0.into(), &told["dropped"]));
    let late = ["probe", "--to", &server.url("/delay/60"), "--every", "20", "--for", "0.5"];
    let told: Value = serde_json::from_str(&said(&late).1).unwrap();
    let number = |field: &str| told[field].as_u64().unwrap();
    assert!(number("served") > 1 && number("took_ms") >= 60 * number("served"), "{told}");
    let slow = ["probe", "--to", &server.url("/delay/9000"), "--every", "50", "--for", "0.5"];
    let told: Value = serde_json::from_str(&said(&slow).1).unwrap();
    assert_eq!(told["reasons"], serde_json::json!({ "timeout": 1 }));
    for wrong in [
        &["probe", "--to", "a"][..],
        &["probe", "--every", "5"],
        &["probe", "--to", "a", "--every", "0"],
    ] {
        assert_eq!(said(wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn visits_are_lines_in_a_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("visits.log");
    let mut server = Server::start(&["serve"]);
    let host = server.json("/")["host"].as_str().unwrap().to_owned();
    let visit = |url: &str, times: &str| {
        said(&["visit", url, "--times", times, "--every", "0.2", "--log", log.to_str().unwrap()])
    };
    let began = Instant::now();
    assert_eq!(visit(&server.url("/"), "3"), (0, String::new(), String::new()));
    assert!(began.elapsed() >= Duration::from_millis(400));
    server.json("/health?status=503");
    assert_eq!(visit(&server.url("/health"), "1").0, 0);
    server.signal();
    server.end();
    assert_eq!(visit(&server.url("/"), "1").0, 0);
    let log = fs::read_to_string(&log).unwrap();
    let words: Vec<Vec<_>> = log.lines().map(|line| line.split(' ').collect()).collect();
    let statuses: Vec<_> = words.iter().map(|words| (words[1], words[2])).collect();
    let host = host.as_str();
    assert_eq!(
        statuses,
        [("200", host), ("200", host), ("200", host), ("503", host), ("refused", "-")]
    );
    assert!(
        words.iter().all(|words| words.len() == 4 && words[0].parse::<jiff::Timestamp>().is_ok())
    );
    let (code, _, err) = said(&["visit", "127.0.0.1:1", "--log", "/no/such/directory/log"]);
    assert_eq!(code, 1, "{err}");
    assert_eq!(said(&["visit", "127.0.0.1:1"]).0, 2);
}

#[test]
fn a_hook_keeps_messages_and_refuses_what_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("hook.log");
    let server = Server::start(&["hook", "--log", log.to_str().unwrap()]);
    let post = |path: &str, data: &str| said(&["curl", "-s", "-d", data, &server.url(path)]).1;
    assert_eq!(
        post("/services/T/B", r#"{"text":"it is \u00e4 \"test\"\nof 2 lines","n":[1,-2.5e+3,{}]}"#),
        "ok\n"
    );
    assert_eq!(post("/", r#" { "channel" : null, "text" : "\ud83d\ude00" } "#), "ok\n");
    let deep = format!(r#"{{"text":"a","deep":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for data in [
        "",
        "text",
        "{}",
        r#"{"text":""}"#,
        r#"{"text":1}"#,
        r#"{"text":"a"} x"#,
        r#"{"text":"a",}"#,
        r#"{"text":"a\x"}"#,
        r#"{"text":"a\ud800"}"#,
        r#"{"text":"a""#,
        r#"["text"]"#,
        r#"{"text":"a","n":01}"#,
        r#"{"text":"a","n":.5}"#,
        "{\"text\":\"a\nb\"}",
        r#"{"text":"\u00"#,
        "{\"text\":\"\\é\"}",
        &deep,
    ] {
        let (code, _, err) = said(&["curl", "-fsS", "-d", data, &server.url("/")]);
        assert_eq!(code, 22, "{data}");
        assert!(err.contains(": 400"), "{data}: {err}");
    }
    assert!(
        server
            .raw(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\xff\xfe")
            .starts_with("HTTP/1.1 400 ")
    );
    assert_eq!(server.get("/"), "HTTP/1.1 200 OK\n{\"received\":2}\n");
    let kept = fs::read_to_string(&log).unwrap();
    let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0]["text"], "it is ä \"test\"\nof 2 lines");
    assert_eq!((&kept[0]["path"], &kept[1]["text"]), (&"/services/T/B".into(), &"😀".into()));
    assert!(kept[0]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert_eq!(said(&["hook"]).0, 2);
    assert_eq!(said(&["hook", "--log", "/no/such/directory/log"]).0, 1);
}

#[test]
fn a_file_is_filled_or_the_disk_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let file = file.to_str().unwrap();
    for (size, bytes) in [("100000", 100_000), ("3k", 3072), ("2M", 2 << 20), ("0", 0)] {
        let (code, out, err) = said(&["fill", file, size]);
        assert_eq!((code, out), (0, format!("wrote {bytes} bytes\n")), "{err}");
        assert_eq!(fs::metadata(file).unwrap().len(), bytes);
    }
    let (code, out, _) = said(&["fill", "/dev/full", "1M"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("full after 0 bytes: "), "{out}");
    for wrong in [
        &["fill", file][..],
        &["fill", file, "many"],
        &["fill", file, "1T"],
        &["fill", file, "99999999999G"],
    ] {
        assert_eq!(said(wrong).0, 2, "{wrong:?}");
    }
    assert_eq!(said(&["fill", "/no/such/directory/file", "1"]).0, 1);
}

fn ci(text: &str, job: &[&str]) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".gitlab-ci.yml");
    fs::write(&file, text).unwrap();
    let (code, out, err) = said(&[&["ci", file.to_str().unwrap()], job].concat());
    (code, out, err.replace(&format!("{}/", directory.path().display()), ""))
}

const CI: &str = r#"---
# A comment.
stages:
- check
- ship   # the last one
variables:
  NAME: world
  "QUOTED": "a \"b\" # c"
before_script:
  - cd /

check it:
  stage: check
  script:
    - PLACE=$PWD       # lost
    - 'echo "it''s $NAME: $QUOTED in $PLACE"'
    - |
      for n in 1 2; do
        echo $n
      done

    - echo end

ship:
  stage: ship
  variables: { }
"#;

#[test]
fn a_job_is_run_as_gitlab_does() {
    let text = CI.replace("  variables: { }\n", "  before_script: []\n  script: exit 7\n");
    let text = text
        .replace("  before_script: []\n", "  variables:\n    NAME: ship\n  before_script: [pwd]\n");
    let (code, out, err) = ci(&text, &["check it"]);
    let expected = "$ cd /\n$ PLACE=$PWD\n$ echo \"it's $NAME: $QUOTED in $PLACE\"\nit's world: a \"b\" # c in /\n\
                    $ for n in 1 2; do # collapsed multi-line command\n1\n2\n$ echo end\nend\nJob succeeded\n";
    assert_eq!((code, out.as_str(), err.as_str()), (0, expected, ""));
    let (code, out, _) = ci(&text, &["ship"]);
    assert_eq!(code, 1);
    assert!(
        out.starts_with("$ pwd\n/")
            && out.ends_with("\n$ exit 7\nERROR: Job failed: exit code 7\n"),
        "{out}"
    );
    for (script, out) in [
        ("    - false\n    - echo never\n", "$ false\nERROR: Job failed: exit code 1\n"),
        (
            "    - no-such-program 2>/dev/null\n    - echo never\n",
            "$ no-such-program 2>/dev/null\nERROR: Job failed: exit code 127\n",
        ),
        (
            "    - false || true\n    - echo $CI_JOB_NAME $CI_JOB_STAGE\n",
            "$ false || true\n$ echo $CI_JOB_NAME $CI_JOB_STAGE\na test\nJob succeeded\n",
        ),
        ("    - kill -9 $$\n", "$ kill -9 $$\nERROR: Job failed: exit code 137\n"),
        (
            "    - 'echo -n \"'\n    - echo never\n",
            "$ echo -n \"\nERROR: Job failed: exit code 2\n",
        ),
    ] {
        let told = ci(&format!("a:\n  script:\n{script}"), &[]).1;
        assert_eq!(told, out, "{script}");
    }
    let (code, _, err) = ci(&text, &[]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("ci: .gitlab-ci.yml: name one of the jobs `check it`, `ship`\n"),
        "{err}"
    );
    let (code, _, err) = ci(&text, &["sink"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("ci: .gitlab-ci.yml: there is no job `sink`, but `check it`, `ship`\n"),
        "{err}"
    );
}

#[test]
fn what_a_job_says_beyond_is_refused_with_its_line() {
    for (text, line, words) in [
        (CI, 26, "names and values are expected in lines of their own"),
        ("a:\n  script:\n    - echo \"a: b\"\n", 3, "put the text into quotes"),
        ("a:\n  script:\n    - *anchor\n", 3, "a text cannot begin with `*`"),
        ("a:\n  script:\n    - [b]\n", 3, "a text cannot begin with `[`"),
        ("a:\n  script:\n    - - b\n", 3, "only a text is understood"),
        ("a:\n  script:\n    - 'b\n", 3, "do not end in their line"),
        ("a:\n  script:\n    - \"b\" c\n", 3, "nothing can follow"),
        ("a:\n  script:\n    - \"\\x41\"\n", 3, "`\\x` is not understood"),
        ("a:\n  script:\n    - b\n      c\n", 4, "indented more"),
        ("a:\n  script:\n      - b\n    - c\n", 4, "indented like none"),
        ("a:\n\tscript: b\n", 2, "a tab cannot indent"),
        ("a:\n  script:\n    -\n", 3, "there is no text"),
        ("a:\n  script:\n", 1, "job `a` has no script"),
        ("a:\n  stage: test\n", 1, "job `a` has no script"),
        ("a:\n", 1, "job `a` has no script"),
        ("a: b\n", 1, "`a` is not a job"),
        ("a:\n  script: b\na:\n  script: c\n", 3, "`a` is there twice"),
        ("a:\n  script: b\n  script: c\n", 3, "`script` is there twice"),
        ("a:\n  script: b\n  image: c\n", 3, "`image` in a job is not understood"),
        ("image: c\n", 1, "`image` is not understood"),
        (".a:\n  script: b\n", 1, "hidden jobs"),
        ("a:\n  stage: b\n  script: c\n", 2, "there is no stage `b`, but: build, test, deploy"),
        ("stages: [x]\na:\n  stage: test\n  script: c\n", 3, "there is no stage `test`, but: x"),
        ("variables:\n  A B: c\n", 2, "not the name of a variable"),
        ("a\n", 1, "a name with a colon"),
        ("- a\n", 1, "a name with a colon"),
        ("'a\n", 1, "a name with a colon"),
        ("é:\n  script: \"é\n", 2, "do not end"),
        ("a:\n  script:\n    - |\n", 3, "there is no text"),
        ("a:\n  script:\n    - |\n        b\n      c\n", 5, "indented less"),
        ("a:\n  script:\n    - >\n      b\n", 3, "cannot begin with `>`"),
    ] {
        let (code, out, err) = ci(text, &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}: {err}");
        assert!(
            err.starts_with(&format!("ci: .gitlab-ci.yml:{line}: ")) && err.contains(words),
            "{text}: {err}"
        );
    }
    assert_eq!(said(&["ci", "/no/such/file"]).0, 2);
}

/// A file of an archive: what it is, its mode, where it leads, and what is in it.
struct Entry {
    kind: tar::EntryType,
    mode: u32,
    link: String,
    content: Vec<u8>,
}

fn unpack(archive: &[u8]) -> BTreeMap<String, Entry> {
    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(
            (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
            (0, 0, 0)
        );
        let (kind, mode) = (header.entry_type(), header.mode().unwrap());
        let shown = |path: &Path| path.display().to_string();
        let link = entry.link_name().unwrap().map(|link| shown(&link)).unwrap_or_default();
        let path = shown(&entry.path().unwrap());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, Entry { kind, mode, link, content })
    });
    entries.collect()
}

#[test]
fn the_image_has_what_it_says_and_is_always_the_same() {
    // Any static program will do.
    let busybox = fs::read(PROGRAM).unwrap();
    let make = |busybox| {
        let mut bytes = Vec::new();
        let written = lab_image::archive(&lab_image::VERSIONS, busybox, &mut bytes).unwrap();
        let references: Vec<_> = written.iter().map(|it| it.reference.as_str()).collect();
        assert_eq!(references, ["dojo/lab:1", "dojo/lab:2", "dojo/lab:3"]);
        bytes
    };
    let archive = make(Some(&busybox[..]));
    assert!(archive == make(Some(&busybox[..])), "the same bytes each time");
    let files = unpack(&archive);
    let digest = |bytes: &[u8]| -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let manifest = json(&files["manifest.json"].content);
    let images = manifest.as_array().unwrap();
    assert_eq!(images.len(), 3);
    let layer_path = images[0]["Layers"][0].as_str().unwrap();
    let layer = &files[layer_path].content;
    assert_eq!(layer_path, format!("{}/layer.tar", digest(layer)));
    for (image, version) in images.iter().zip(["1", "2", "3"]) {
        assert_eq!(image["RepoTags"], serde_json::json!([format!("dojo/lab:{version}")]));
        assert_eq!(image["Layers"], serde_json::json!([layer_path]));
        let path = image["Config"].as_str().unwrap();
        let config = &files[path].content;
        assert_eq!(path, format!("{}.json", digest(config)));
        let config = json(config);
        assert_eq!(
            config["rootfs"]["diff_ids"],
            serde_json::json!([format!("sha256:{}", digest(layer))])
        );
        let run = &config["config"];
        assert_eq!(run["Entrypoint"], serde_json::json!(["/bin/lab"]));
        assert_eq!(run["Cmd"], serde_json::json!(["serve"]));
        assert_eq!(run["Env"][1], format!("VERSION={version}"));
        assert!(run["ExposedPorts"]["3000/tcp"].is_object() && run.get("User").is_none());
    }
    let inside = unpack(layer);
    assert!(inside["bin/lab"].content == busybox, "the program that these tests run");
    assert_eq!((inside["bin/lab"].mode, inside["tmp/"].mode), (0o755, 0o1777));
    for (name, to) in
        [("bin/curl", "lab"), ("bin/probe", "lab"), ("bin/sh", "busybox"), ("lab", "bin/lab")]
    {
        assert_eq!(
            (inside[name].kind, inside[name].link.as_str()),
            (tar::EntryType::Symlink, to),
            "{name}"
        );
    }
    assert!(inside["etc/lab/"].kind.is_dir() && inside.contains_key("etc/passwd"));
    let bare = unpack(&make(None));
    let layer = bare.iter().find(|(path, _)| path.ends_with("/layer.tar")).unwrap().1;
    let bare = unpack(&layer.content);
    assert!(bare.contains_key("bin/curl") && !bare.contains_key("bin/sh"));
    let refused = lab_image::archive(&["1"], Some(b"#!/bin/sh\n"), &mut std::io::sink());
    assert_eq!(refused.unwrap_err().to_string(), "busybox is not a program for Linux");
}
