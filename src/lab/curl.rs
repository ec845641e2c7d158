//! `curl` and `get`: one request, told as curl tells it.
//!
//! The options are those that lessons need, and mean what they mean to curl; so do the statuses: 0 for an answer,
//! whatever it says, 22 with `-f` for one of 400 and more, 6, 7, 28 and 52 for what is none.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use crate::args::{self, Flag, Said};
use crate::client::{self, Failure, Question, Url};
use crate::{Wrong, complain};

pub(crate) const HELP: &str = "\
curl [OPTIONS] URL
Ask a server by HTTP, with the options and the statuses of curl.

  -f, --fail             status 22 where the server answers 400 or more
  -s, --silent           no messages
  -S, --show-error       messages all the same
  -m, --max-time SECONDS no longer than that
  -o, --output FILE      where the answer goes
  -X, --request METHOD   instead of GET, or of POST with -d
  -d, --data DATA        what is sent; @FILE for what a file has
  -H, --header LINE      one more header
  -i, --include          the head of the answer, too

The status is 0, or 2 for wrong arguments, 3 for a wrong URL, 6 if the name is not known, 7 if there is no
connection, 22 with -f, 23 if the answer cannot be written, 28 if the time is up, 52 if the server says nothing.
There is no encryption, and nothing is followed to another URL.
";

pub(crate) const GET_HELP: &str = "\
get [OPTIONS] URL
Ask as `curl -sS` does, and print the status line first.

It takes the options of curl.
";

const FLAGS: &[Flag] = &[
    Flag { short: Some('f'), long: "fail", value: false },
    Flag { short: Some('s'), long: "silent", value: false },
    Flag { short: Some('S'), long: "show-error", value: false },
    Flag { short: Some('m'), long: "max-time", value: true },
    Flag { short: Some('o'), long: "output", value: true },
    Flag { short: Some('X'), long: "request", value: true },
    Flag { short: Some('d'), long: "data", value: true },
    Flag { short: Some('H'), long: "header", value: true },
    Flag { short: Some('i'), long: "include", value: false },
];

/// A status of curl's with the words for it.
struct Told(u8, String);

impl From<Failure> for Told {
    fn from(failure: Failure) -> Self {
        Self(failure.code(), failure.to_string())
    }
}

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, FLAGS)?;
    let quiet = said.has("silent") && !said.has("show-error");
    transfer(&said, said.has("include"), false, quiet)
}

pub(crate) fn run_get(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, FLAGS)?;
    transfer(&said, said.has("include"), true, false)
}

fn transfer(said: &Said, head: bool, line: bool, quiet: bool) -> Result<ExitCode, Wrong> {
    let [url] = &said.rest[..] else {
        let why = if said.rest.is_empty() { "no URL specified" } else { "more than one URL" };
        return Err(Wrong::Usage(why.to_owned()));
    };
    let most = said.seconds("max-time")?.filter(|time| !time.is_zero());
    let headers: Vec<String> = said.all("header").map(str::to_owned).collect();
    let method = said.get("request");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if method.is_some_and(|m| m.is_empty() || !m.chars().all(word)) {
        return Err(Wrong::Usage("option -X: is not a method".to_owned()));
    }
    if headers.iter().any(|line| !line.contains(':') || line.contains(['\r', '\n'])) {
        return Err(Wrong::Usage("option -H: is not a header".to_owned()));
    }
    let mut body: Option<Vec<u8>> = None;
    for data in said.all("data") {
        let part = match data.strip_prefix('@') {
            // Line ends are left out, as curl does.
            Some(file) => match std::fs::read(file) {
                Ok(bytes) => bytes.into_iter().filter(|c| !b"\r\n\0".contains(c)).collect(),
                Err(error) => return Err(Wrong::Usage(format!("option -d: {file}: {error}"))),
            },
            None => data.as_bytes().to_vec(),
        };
        body = Some(match body {
            Some(before) => [&before[..], &part].join(&b'&'),
            None => part,
        });
    }
    let method = method.unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let done = Url::parse(url).map_err(Told::from).and_then(|url| {
        let question =
            Question { url: &url, method, headers: &headers, body: body.as_deref(), most };
        receive(&question, said, head, line)
    });
    let Err(Told(code, words)) = done else { return Ok(ExitCode::SUCCESS) };
    if !quiet {
        complain(&format!("curl: ({code}) {words}\n"));
    }
    Ok(ExitCode::from(code))
}

fn receive(question: &Question<'_>, said: &Said, head: bool, line: bool) -> Result<(), Told> {
    let unwritten = |_| Told(23, "Failure writing output to destination".to_owned());
    let mut answer = client::ask(question)?;
    let failed = said.has("fail") && answer.status >= 400;
    let mut out: Box<dyn Write> = match said.get("output").filter(|file| *file != "-" && !failed) {
        Some(file) => Box::new(File::create(file).map_err(unwritten)?),
        None => Box::new(std::io::stdout()),
    };
    if head {
        let mut text = format!("{}\r\n", answer.line);
        for (name, value) in answer.headers() {
            text += &format!("{name}: {value}\r\n");
        }
        out.write_all(format!("{text}\r\n").as_bytes()).map_err(unwritten)?;
    } else if line {
        out.write_all(format!("{}\n", answer.line).as_bytes()).map_err(unwritten)?;
    }
    if failed {
        return Err(Told(22, format!("The requested URL returned error: {}", answer.status)));
    }
    loop {
        let part = answer.next()?;
        if part.is_empty() {
            return out.flush().map_err(unwritten);
        }
        out.write_all(&part).map_err(unwritten)?;
    }
}
