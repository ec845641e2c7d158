//! `visit`: asks a server some times, and writes a line for each into a log: what a cron job does in a lesson.
//!
//! The log is opened for each line, so it may be on a volume that others write to or that is moved meanwhile.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::args::{self, Flag, value};
use crate::client::{self, Url};
use crate::system::Ending;
use crate::{Wrong, clock};

pub(crate) const HELP: &str = "\
visit URL --log FILE [OPTIONS]
Ask a server some times, and write each visit into a log.

  --log FILE       what the lines are added to
  --times N        how many visits (6)
  --every SECONDS  the time from one to the next (10)

A line has the time, the status, the host that answered, and the milliseconds it took. Where there was no answer
within 10 s, the status is a word: unresolved, refused, timeout, empty, reset. The status of the program is 0 when
all lines are written, whatever they say.
";

const FLAGS: &[Flag] = &[value("times"), value("every"), value("log")];

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Wrong> {
    let said = args::read(arguments, FLAGS)?;
    let log = said.need("log")?;
    let [url] = &said.rest[..] else {
        return Err(Wrong::Usage("one URL is needed".to_owned()));
    };
    let url = Url::parse(url).map_err(|failure| Wrong::Usage(failure.to_string()))?;
    let times: u32 = said.number("times")?.unwrap_or(6);
    let every = said.seconds("every")?.unwrap_or(Duration::from_secs(10));
    let mut ending = Ending::new().map_err(|error| Wrong::Failed(error.to_string()))?;
    for time in 1..=times {
        let asked = Instant::now();
        let at = clock::now();
        let (status, host) = match client::visit(&url, PATIENCE) {
            Ok(visit) => (visit.status.to_string(), visit.host),
            Err(failure) => (failure.word().to_owned(), None),
        };
        let host = host.as_deref().unwrap_or("-");
        let line = format!("{at} {status} {host} {}\n", asked.elapsed().as_millis());
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            // In one piece, because others may add to it at the same time.
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| Wrong::Failed(format!("cannot write {log}: {error}")))?;
        let pause = every.saturating_sub(asked.elapsed());
        if time < times && ending.within(pause) {
            // As the shell has it for a program that SIGTERM ends: not all visits were made.
            return Ok(ExitCode::from(143));
        }
    }
    Ok(ExitCode::SUCCESS)
}
