//! `hook`: receives messages as Slack's webhooks do, and keeps them in a file, one JSON object a line.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::args::{self, Flag, value};
use crate::json::{self, quote};
use crate::server::{self, Answer, Request};
use crate::{Wrong, clock, complain};

pub(crate) const HELP: &str = "\
hook --log FILE [OPTIONS]
Receive messages as a webhook of Slack does, and keep them.

  --log FILE   what a line is added to for each message
  --port PORT  where to listen; 0 for any that is free (8080)

A message is a POST of {\"text\":\"…\"}, whatever the path. Anything else is refused with 400. A line is an object with
the time, the path and the text. GET / tells how many messages came since the start.
";

const FLAGS: &[Flag] = &[value("port"), value("log")];

struct Hook {
    log: PathBuf,
    /// Held while a line is written.
    received: Mutex<u64>,
}

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, FLAGS)?;
    said.nothing_else()?;
    let port = said.number("port")?.unwrap_or(8080);
    let hook = Hook { log: said.need("log")?.into(), received: Mutex::new(0) };
    // What cannot be written should be known at once.
    let failed = |error| Wrong::Failed(format!("cannot write {}: {error}", hook.log.display()));
    add(&hook.log, "").map_err(failed)?;
    server::run(port, Duration::ZERO, Box::new(move |request| hook.answer(request)))
}

fn add(log: &Path, line: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).open(log)?.write_all(line.as_bytes())
}

impl Hook {
    fn answer(&self, request: &Request) -> Answer {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", _) => self.receive(request),
            ("GET" | "HEAD", "/") => {
                let received = *self.received.lock().unwrap_or_else(PoisonError::into_inner);
                Answer::json(&format!("{{\"received\":{received}}}"))
            }
            ("GET" | "HEAD", _) => Answer::text(404, "there is nothing here"),
            _ => Answer::text(405, "only GET and POST mean something here"),
        }
    }

    fn receive(&self, request: &Request) -> Answer {
        let message = std::str::from_utf8(&request.body).ok().and_then(json::parse);
        let Some(message) = message else { return Answer::text(400, "invalid_payload: not JSON") };
        let Some(text) = message.text("text").filter(|text| !text.is_empty()) else {
            return Answer::text(400, "no_text: the message has no text");
        };
        let (at, path, text) = (quote(&clock::now()), quote(&request.path), quote(text));
        let line = format!("{{\"at\":{at},\"path\":{path},\"text\":{text}}}\n");
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = add(&self.log, &line) {
            complain(&format!("hook: cannot write {}: {error}\n", self.log.display()));
            return Answer::text(500, "the message could not be kept");
        }
        *received += 1;
        Answer::text(200, "ok")
    }
}
