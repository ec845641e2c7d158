//! One question to a program and its answer, which comes in time or not at all.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::pace::{stretch, within};

use super::fault::{Fault, ProtocolError};
use super::group::Group;
use super::output::PluginOutput;
use super::protocol::{Line, Problem, VERSION};

/// The most bytes of a line of an answer: room for a list of more than a thousand machines.
const LINE: usize = 1 << 20;
/// The most bytes of a line of standard error that are kept together.
const ASIDE: usize = 4 << 10;
/// How long a program may take to end when it has said all.
const AFTERWARDS: Duration = Duration::from_secs(5);
/// How long a program that is given up may take to clear up, and how long is listened to what an ended one
/// left in its pipes.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What a program came to.
pub(super) type Answer = Result<Value, Problem>;

/// A program that was started, and its pipes.
pub(super) struct Run {
    pub child: Child,
    pub group: Group,
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

impl Run {
    pub(super) fn start(program: &Path, output: &PluginOutput) -> Result<Self, Fault> {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C is for `dojo` to hear, which ends what it has begun.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| output.fault(ProtocolError::Start(error)))?;
        let group = Group::of(&child);
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Self {
            child,
            group,
            stdin: stdin.expect("it is piped"),
            stdout: stdout.expect("it is piped"),
            stderr: stderr.expect("it is piped"),
        })
    }
}

/// Runs a program with a request on its standard input, and gives up on it after `limit`.
pub(super) async fn ask(
    program: &Path,
    request: &[u8],
    limit: Duration,
    output: &PluginOutput,
) -> Result<Answer, Fault> {
    let Run { mut child, group, stdin, stdout, stderr } = Run::start(program, output)?;
    let answer = OnceLock::new();
    let talk = async {
        let feed = feed(stdin, request);
        let listen = listen(stdout, &answer, output);
        let read_stderr = read_stderr(stderr, output);
        tokio::try_join!(feed, listen, read_stderr).map(drop)
    };
    let ended = within(limit, async {
        tokio::pin!(talk);
        tokio::select! {
            talked = &mut talk => {
                talked?;
                let patience = if answer.get().is_some() { AFTERWARDS } else { limit };
                let ended = within(patience, child.wait()).await;
                ended.map_err(|_| ProtocolError::Lingering(stretch(patience)))?.map_err(ProtocolError::Read)
            }
            // What it left running may hold its pipes open, so its own end counts.
            ended = child.wait() => {
                if let Ok(talked) = within(GRACE, talk).await {
                    talked?;
                }
                ended.map_err(ProtocolError::Read)
            }
        }
    });
    let ended = ended.await.unwrap_or(Err(ProtocolError::Hang(stretch(limit))));
    match judge(ended, answer.into_inner()) {
        Ok(answer) => {
            group.release();
            Ok(answer)
        }
        Err(what) => {
            group.terminate();
            // It may hold locks or have half-made things to clear up.
            let _ = within(GRACE, child.wait()).await;
            Err(output.fault(what))
        }
    }
}

fn judge(
    ended: Result<ExitStatus, ProtocolError>,
    answer: Option<Answer>,
) -> Result<Answer, ProtocolError> {
    match (ended?, answer) {
        // Whoever tells why it failed may end as it likes.
        (_, Some(Err(problem))) => Ok(Err(problem)),
        (status, Some(Ok(_))) if !status.success() => Err(ProtocolError::FailedAfterwards(status)),
        (_, Some(Ok(result))) => Ok(Ok(result)),
        (status, None) => Err(ProtocolError::NoResult(status)),
    }
}

/// Writes the request. A program that does not want to read all of it may still have an answer.
async fn feed(mut stdin: ChildStdin, request: &[u8]) -> Result<(), ProtocolError> {
    let _ = stdin.write_all(request).await;
    Ok(())
}

/// Reads the answer to its end.
async fn listen(
    stdout: impl AsyncRead + Unpin,
    answer: &OnceLock<Answer>,
    output: &PluginOutput,
) -> Result<(), ProtocolError> {
    let mut stdout = BufReader::new(stdout);
    while let Some(line) = next_answer(&mut stdout).await? {
        let last = match read(&line, output)?.1 {
            Line::Progress(text) => {
                output.progress(&text);
                continue;
            }
            Line::Warning(text) => {
                output.warning(&text);
                continue;
            }
            Line::Result(result) => Ok(result),
            Line::Error(problem) => Err(problem),
        };
        answer.get_or_init(|| last);
        let rest = within(AFTERWARDS, next_line(&mut stdout, ASIDE)).await;
        return match rest
            .map_err(|_| ProtocolError::Lingering(AFTERWARDS))?
            .map_err(ProtocolError::Read)?
        {
            Some(line) => Err(ProtocolError::WentOn(output.presentable(&line))),
            None => Ok(()),
        };
    }
    Ok(())
}

pub(super) async fn read_stderr(
    stderr: impl AsyncRead + Unpin,
    output: &PluginOutput,
) -> Result<(), ProtocolError> {
    let mut stderr = BufReader::new(stderr);
    while let Some(line) = next_line(&mut stderr, ASIDE).await.map_err(ProtocolError::Read)? {
        output.stderr_line(&line);
    }
    Ok(())
}

/// The next line of an answer that is not empty; `None` when there is no more.
pub(super) async fn next_answer(
    stdout: &mut BufReader<impl AsyncRead + Unpin>,
) -> Result<Option<Vec<u8>>, ProtocolError> {
    while let Some(line) = next_line(stdout, LINE).await.map_err(ProtocolError::Read)? {
        if line.len() > LINE {
            return Err(ProtocolError::TooLong(LINE));
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

/// The next line without its end, or one byte more than `limit` of it; `None` when there is no more.
async fn next_line(
    reader: &mut BufReader<impl AsyncRead + Unpin>,
    limit: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut limited = reader.take(limit as u64 + 1);
    if limited.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
    }
    Ok(Some(line))
}

/// A line of an answer, and the id of the request that it answers, if it has one.
pub(super) fn read(
    line: &[u8],
    output: &PluginOutput,
) -> Result<(Option<u64>, Line), ProtocolError> {
    let quoted = || output.presentable(line);
    let value: Value =
        serde_json::from_slice(line).map_err(|error| ProtocolError::NotJson(quoted(), error))?;
    match value.get("protocol") {
        Some(version) if version.as_u64() == Some(VERSION) => {}
        Some(other) => {
            return Err(ProtocolError::Version(output.presentable(other.to_string().as_bytes())));
        }
        None => {
            return Err(ProtocolError::Wrong(format!("a line without `protocol`: `{}`", quoted())));
        }
    }
    let text = |value: &Value| String::deserialize(value).map_err(ProtocolError::Misfit);
    let said = if let Some(result) = value.get("result") {
        Line::Result(result.clone())
    } else if let Some(error) = value.get("error") {
        Problem::deserialize(error).map(Line::Error).map_err(ProtocolError::Misfit)?
    } else if let Some(progress) = value.get("progress") {
        Line::Progress(text(progress)?)
    } else if let Some(warning) = value.get("warning") {
        Line::Warning(text(warning)?)
    } else {
        return Err(ProtocolError::Meaningless(quoted()));
    };
    Ok((value.get("id").and_then(Value::as_u64), said))
}
