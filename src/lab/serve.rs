//! `serve`: a server that a learner makes ill.
//!
//! It tells who it is at `/`. What `/health` answers, and after how long, is set by asking `/health` for it, so that a
//! health check sees what the learner wants it to see:
//!
//! ```text
//! curl 'localhost:3000/health?health=slow&delay=2500'   late, but well
//! curl 'localhost:3000/health?health=sick&status=404'   what curl without -f takes for well
//! curl 'localhost:3000/health?health=healthy'           as in the beginning
//! ```

use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::{self, Flag, switch, value};
use crate::json::quote;
use crate::server::{self, Answer, Request};
use crate::{Wrong, clock};

pub(crate) const HELP: &str = "\
serve [OPTIONS]
Serve HTTP, and be as ill as one is asked to be.

  --port PORT            where to listen; 0 for any that is free (3000)
  --grace MS             how long to accept connections after SIGTERM (0)
  --one-thread           answer one request at a time
  --sleep-after SECONDS  fall asleep when nobody asks for so long; to wake up takes 8 s
  --ready-after SECONDS  /health answers 503 before
  --never-healthy        /health answers 503 always
  --files DIRECTORY      what /file/ is below of (/etc/lab)

  /              host, version, since when it runs, how many requests it has served, health
  /health        200 healthy, or what was set before
  /health?health=WORD&status=CODE&delay=MS
                 sets what /health answers from now on; health=healthy sets all back
  /delay/MS      answers later        /burn/MS    computes for so long
  /status/CODE   answers with that    /exit       ends the program with status 1
  /env/NAME      a variable           /file/PATH  a file

Each request is a line on standard output. After SIGTERM, what is under way is answered; the status is 0 then.
Requests of /health do not count as served, and keep nobody awake.
";

const FLAGS: &[Flag] = &[
    value("port"),
    value("grace"),
    switch("one-thread"),
    value("sleep-after"),
    value("ready-after"),
    switch("never-healthy"),
    value("files"),
];

/// How long waking up takes.
const WAKING: Duration = Duration::from_secs(8);
/// The most that a request may ask for.
const LONGEST: u64 = 600_000;
/// The largest file that is served.
const LARGEST: u64 = 1024 * 1024;

/// What `/health` answers.
#[derive(Clone)]
struct Health {
    word: String,
    status: u16,
    delay: u64,
}

impl Health {
    fn good() -> Self {
        Self { word: "healthy".to_owned(), status: 200, delay: 0 }
    }
}

struct App {
    host: String,
    version: String,
    since: String,
    began: Instant,
    served: AtomicU64,
    health: Mutex<Health>,
    /// When it was asked last. Held while it wakes up.
    awake: Mutex<Instant>,
    /// Held by the request whose turn it is, with `--one-thread`.
    turn: Option<Mutex<()>>,
    sleep_after: Option<Duration>,
    ready_after: Duration,
    never_healthy: bool,
    files: PathBuf,
}

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, FLAGS)?;
    said.nothing_else()?;
    let port = said.number("port")?.unwrap_or(3000);
    let grace = Duration::from_millis(said.number("grace")?.map_or(0, u32::into));
    let app = App {
        host: host(),
        version: std::env::var("VERSION").unwrap_or_default(),
        since: clock::now(),
        began: Instant::now(),
        served: AtomicU64::new(0),
        health: Mutex::new(Health::good()),
        awake: Mutex::new(Instant::now()),
        turn: said.has("one-thread").then(Mutex::default),
        sleep_after: said.seconds("sleep-after")?,
        ready_after: said.seconds("ready-after")?.unwrap_or_default(),
        never_healthy: said.has("never-healthy"),
        files: said.get("files").unwrap_or("/etc/lab").into(),
    };
    server::run(port, grace, Box::new(move |request| app.answer(request)))
}

/// The name that the kernel has for this computer, which in a container is that of the container.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    fn answer(&self, request: &Request) -> Answer {
        let _turn = self.turn.as_ref().map(held);
        let mut answer = match request.method.as_str() {
            "GET" | "HEAD" | "POST" => self.page(request),
            _ => Answer::text(405, "only GET, HEAD and POST mean something here"),
        };
        answer.headers.push(("Lab-Host", self.host.clone()));
        answer.headers.push(("Lab-Version", self.version.clone()));
        answer
    }

    fn page(&self, request: &Request) -> Answer {
        if request.path == "/health" {
            return if request.query.is_empty() { self.health() } else { self.set(&request.query) };
        }
        self.wake();
        self.served.fetch_add(1, Ordering::Relaxed);
        let path = request.path.trim_start_matches('/');
        match path.split_once('/').unwrap_or((path, "")) {
            ("", "") => self.who(),
            ("delay", time) => timed(time, |time| {
                thread::sleep(Duration::from_millis(time));
                Answer::text(200, &format!("{time} ms later"))
            }),
            ("burn", time) => timed(time, |time| {
                let steps = burn(Duration::from_millis(time));
                Answer::text(200, &format!("{steps} steps in {time} ms"))
            }),
            ("status", code) => match status(code) {
                Ok(code) => Answer::text(code, &format!("status {code}")),
                Err(why) => Answer::text(400, &why),
            },
            ("env", name) => match std::env::var(name) {
                Ok(value) => Answer::text(200, &value),
                Err(_) => Answer::text(404, "there is no such variable"),
            },
            ("file", name) => self.file(name),
            ("exit", "") => {
                Answer { exit: Some(1), ..Answer::text(200, "this was the last answer") }
            }
            _ => Answer::text(404, "there is nothing here"),
        }
    }

    fn who(&self) -> Answer {
        let (host, version, since) = (quote(&self.host), quote(&self.version), quote(&self.since));
        let served = self.served.load(Ordering::Relaxed);
        let health = quote(&self.state().word);
        Answer::json(&format!(
            r#"{{"host":{host},"version":{version},"since":{since},"served":{served},"health":{health}}}"#
        ))
    }

    /// What `/health` answers now.
    fn state(&self) -> Health {
        if self.never_healthy {
            return Health { word: "sick".to_owned(), status: 503, delay: 0 };
        }
        if self.began.elapsed() < self.ready_after {
            return Health { word: "starting".to_owned(), status: 503, delay: 0 };
        }
        held(&self.health).clone()
    }

    fn health(&self) -> Answer {
        let Health { word, status, delay } = self.state();
        thread::sleep(Duration::from_millis(delay));
        Answer::text(status, &word)
    }

    /// Sets what is named, and leaves the rest as it was.
    fn set(&self, query: &[(String, String)]) -> Answer {
        let mut health = held(&self.health);
        match changed(&health, query) {
            Ok(new) => *health = new,
            Err(why) => return Answer::text(400, &why),
        }
        let Health { word, status, delay } = &*health;
        let word = quote(word);
        Answer::json(&format!(r#"{{"health":{word},"status":{status},"delay":{delay}}}"#))
    }

    /// Takes the time that waking up takes, if it is asleep. Whoever else asks waits, too.
    fn wake(&self) {
        let Some(after) = self.sleep_after else { return };
        let mut asked = held(&self.awake);
        if asked.elapsed() >= after {
            thread::sleep(WAKING);
        }
        *asked = Instant::now();
    }

    /// A file below of the directory, wherever links lead to.
    fn file(&self, name: &str) -> Answer {
        let within = |path: &Path| {
            let found = path.join(name).canonicalize().ok()?;
            let below = found.starts_with(path.canonicalize().ok()?);
            (below && found.is_file()).then(|| File::open(found).ok()).flatten()
        };
        let Some(file) = within(&self.files) else {
            return Answer::text(404, "there is no such file");
        };
        let mut bytes = Vec::new();
        match file.take(LARGEST + 1).read_to_end(&mut bytes) {
            Err(error) => Answer::text(500, &error.to_string()),
            Ok(count) if count as u64 > LARGEST => Answer::text(500, "the file is too large"),
            Ok(_) => Answer {
                body: String::from_utf8_lossy(&bytes).into_owned(),
                ..Answer::text(200, "")
            },
        }
    }
}

fn changed(before: &Health, query: &[(String, String)]) -> Result<Health, String> {
    let mut health = before.clone();
    let mut named = None;
    for (name, value) in query {
        match name.as_str() {
            "health" => {
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                if value.is_empty() || value.len() > 32 || !value.chars().all(plain) {
                    return Err("health is one word".to_owned());
                }
                named = Some(value);
            }
            "status" | "delay" => {}
            _ => return Err(format!("health, status and delay can be set, not {}", quote(name))),
        }
    }
    if named.is_some_and(|word| word == "healthy") {
        health = Health::good();
    }
    for (name, value) in query {
        match name.as_str() {
            "status" => health.status = status(value)?,
            "delay" => health.delay = milliseconds(value)?,
            _ => {}
        }
    }
    // Who does not say a word for it gets one, lest it be told to be well.
    match named {
        Some(word) => health.word.clone_from(word),
        None if health.word != "healthy" => {}
        None if health.status >= 400 => "sick".clone_into(&mut health.word),
        None if health.delay > 0 => "slow".clone_into(&mut health.word),
        None => {}
    }
    Ok(health)
}

fn status(text: &str) -> Result<u16, String> {
    let code = text.parse().ok().filter(|code| (200..600).contains(code));
    code.ok_or_else(|| "a status is between 200 and 599".to_owned())
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let time = text.parse().ok().filter(|time| *time <= LONGEST);
    time.ok_or_else(|| format!("a time is between 0 and {LONGEST} ms"))
}

fn timed(text: &str, answer: impl FnOnce(u64) -> Answer) -> Answer {
    milliseconds(text).map_or_else(|why| Answer::text(400, &why), answer)
}

/// Computes for so long, and tells how much.
fn burn(time: Duration) -> u64 {
    let began = Instant::now();
    let mut steps = 0;
    let mut number = 1_u64;
    while began.elapsed() < time {
        for _ in 0..10_000 {
            number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17) ^ 1);
        }
        steps += 1;
    }
    steps
}
