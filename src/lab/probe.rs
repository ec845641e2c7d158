//! `probe`: asks a server again and again, and counts what it is told.
//!
//! Each request has a connection of its own, as requests of many users have, and the name is looked up for each. What
//! has been counted is in a file at all times, for whoever looks at it while a service is updated.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::{self, Flag, value};
use crate::client::{self, Failure, Url, Visit};
use crate::json::quote;
use crate::system::Ending;
use crate::{Wrong, clock, complain, say};

pub(crate) const HELP: &str = "\
probe --to URL --every MS [OPTIONS]
Ask a server again and again, and count answers and drops.

  --to URL        what to ask
  --every MS      the time from one request to the next; it is longer where an answer takes longer
  --for SECONDS   when to end; otherwise it ends with SIGTERM
  --out FILE      where the counts are, five times a second anew

Dropped is what has no whole answer within 2 s, or one of 400 and more. At the end the counts are printed as JSON:
drops with their reasons, versions and hosts that answered, how long answers took together, the slowest one, the first and
the last 20 drops.
";

const FLAGS: &[Flag] = &[value("to"), value("every"), value("for"), value("out")];

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time from one file to the next.
const REWRITE: Duration = Duration::from_millis(200);
/// How many drops are told one by one.
const LAST: usize = 20;
/// How many different hosts or versions are counted.
const NAMES: usize = 1000;

struct Drop {
    at: String,
    reason: String,
    took: u128,
}

#[derive(Default)]
struct Counts {
    to: String,
    began: String,
    served: u64,
    dropped: u64,
    reasons: BTreeMap<String, u64>,
    versions: BTreeMap<String, u64>,
    hosts: BTreeMap<String, u64>,
    /// Of those that were served, together.
    took: u128,
    slowest: u128,
    first: Option<String>,
    last: Vec<Drop>,
    ended: bool,
}

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, FLAGS)?;
    said.nothing_else()?;
    let to = said.need("to")?;
    let url = Url::parse(to).map_err(|failure| Wrong::Usage(failure.to_string()))?;
    said.need("every")?;
    let every = said.number::<u32>("every")?.unwrap_or_default();
    if every == 0 {
        return Err(Wrong::Usage("option --every: at least 1 ms".to_owned()));
    }
    let every = Duration::from_millis(every.into());
    let most = said.seconds("for")?;
    let failed = |error: std::io::Error| Wrong::Failed(error.to_string());
    let mut ending = Ending::new().map_err(failed)?;
    let counts = Counts { to: to.to_owned(), began: clock::now(), ..Counts::default() };
    let counts = Arc::new(Mutex::new(counts));
    let writer = said.get("out").map(|file| Writer::start(file.into(), &counts)).transpose()?;
    let began = Instant::now();
    loop {
        let asked = Instant::now();
        let at = clock::now();
        let outcome = client::visit(&url, PATIENCE);
        held(&counts).note(at, outcome, asked.elapsed());
        let over = |left: Duration| most.is_some_and(|most| began.elapsed() + left >= most);
        let pause = every.saturating_sub(asked.elapsed());
        if over(pause) {
            // The time is up before the next request, and what is left of it is waited for.
            ending.within(most.unwrap_or_default().saturating_sub(began.elapsed()));
            break;
        }
        if ending.within(pause) {
            break;
        }
    }
    held(&counts).ended = true;
    if let Some(writer) = writer {
        writer.end();
    }
    say(&format!("{}\n", held(&counts).json()));
    Ok(ExitCode::SUCCESS)
}

fn held(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counts {
    fn note(&mut self, at: String, outcome: Result<Visit, Failure>, took: Duration) {
        let took = took.as_millis();
        let reason = match outcome {
            Ok(visit) => {
                self.slowest = self.slowest.max(took);
                count(&mut self.versions, visit.version);
                count(&mut self.hosts, visit.host);
                if visit.status < 400 {
                    self.served += 1;
                    self.took += took;
                    return;
                }
                format!("status {}", visit.status)
            }
            Err(failure) => failure.word().to_owned(),
        };
        self.dropped += 1;
        self.first.get_or_insert_with(|| at.clone());
        count(&mut self.reasons, Some(reason.clone()));
        if self.last.len() == LAST {
            self.last.remove(0);
        }
        self.last.push(Drop { at, reason, took });
    }

    fn json(&self) -> String {
        let moment = |at: Option<&String>| at.map_or("null".to_owned(), |at| quote(at));
        let drops: Vec<_> = self
            .last
            .iter()
            .map(|Drop { at, reason, took }| {
                let (at, reason) = (quote(at), quote(reason));
                format!(r#"{{"at":{at},"reason":{reason},"ms":{took}}}"#)
            })
            .collect();
        let fields = [
            ("to", quote(&self.to)),
            ("began", quote(&self.began)),
            ("now", quote(&clock::now())),
            ("ended", self.ended.to_string()),
            ("served", self.served.to_string()),
            ("dropped", self.dropped.to_string()),
            ("reasons", object(&self.reasons)),
            ("versions", object(&self.versions)),
            ("hosts", object(&self.hosts)),
            ("took_ms", self.took.to_string()),
            ("slowest_ms", self.slowest.to_string()),
            ("first_drop", moment(self.first.as_ref())),
            ("last_drop", moment(self.last.last().map(|drop| &drop.at))),
            ("last_drops", format!("[{}]", drops.join(","))),
        ];
        let fields = fields.map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", fields.join(","))
    }
}

fn count(names: &mut BTreeMap<String, u64>, name: Option<String>) {
    let Some(name) = name else { return };
    if names.len() < NAMES || names.contains_key(&name) {
        *names.entry(name).or_default() += 1;
    }
}

fn object(names: &BTreeMap<String, u64>) -> String {
    let fields: Vec<_> = names.iter().map(|(name, n)| format!("{}:{n}", quote(name))).collect();
    format!("{{{}}}", fields.join(","))
}

/// Keeps a file as the counts are.
struct Writer {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Writer {
    /// Writes the file once, because what cannot be written should be known at once, and from then on in a thread.
    fn start(file: PathBuf, counts: &Arc<Mutex<Counts>>) -> Result<Self, Wrong> {
        let failed =
            |file: &Path, error| Wrong::Failed(format!("cannot write {}: {error}", file.display()));
        write(&file, counts).map_err(|error| failed(&file, error))?;
        let (stop, stopped) = mpsc::channel();
        let counts = Arc::clone(counts);
        let rewrite = move || {
            let mut told = false;
            loop {
                let last = stopped.recv_timeout(REWRITE) != Err(RecvTimeoutError::Timeout);
                // A disk may be full for a time; the counts go on.
                if let Err(error) = write(&file, &counts)
                    && !std::mem::replace(&mut told, true)
                {
                    complain(&format!("probe: cannot write {}: {error}\n", file.display()));
                }
                if last {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().spawn(rewrite);
        let thread = thread.map_err(|error| Wrong::Failed(error.to_string()))?;
        Ok(Self { stop, thread })
    }

    fn end(self) {
        // Both fail only if the thread is gone, and then there is nothing to wait for.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// Puts a new file in the place of the old one, so that whoever reads it has all of one of them.
fn write(file: &Path, counts: &Mutex<Counts>) -> std::io::Result<()> {
    let text = held(counts).json();
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, format!("{text}\n"))?;
    fs::rename(&beside, file)
}
