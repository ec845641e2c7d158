//! A program that answers one request after the other, or several at a time, in a single run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::driver::lock::lock;

use super::conversation::{Answer, GRACE, Run, next_answer, read, read_stderr};
use super::fault::{Fault, ProtocolError};
use super::group::Group;
use super::output::PluginOutput;
use super::protocol::{Line, Request};
use crate::pace::{stretch, within};

/// Those who wait for lines of answers, by the ids of their requests.
type Waiting = BTreeMap<u64, UnboundedSender<Line>>;

/// One run of a program.
pub(super) struct Session {
    /// Whole requests, so that none is cut short when those who ask are.
    requests: UnboundedSender<Vec<u8>>,
    state: Arc<State>,
}

struct State {
    /// Once no more lines can come, why.
    waiting: Mutex<Result<Waiting, String>>,
    output: PluginOutput,
}

impl Session {
    /// Starts the program. What it writes to standard error goes to `output`.
    pub(super) fn start(program: &Path, output: PluginOutput) -> Result<Self, Fault> {
        let Run { child, group, stdin, stdout, stderr } = Run::start(program, &output)?;
        let state = Arc::new(State { waiting: Mutex::new(Ok(Waiting::new())), output });
        let listener = Arc::clone(&state);
        tokio::spawn(async move { listener.listen(child, &group, stdout, stderr).await });
        let (requests, queue) = unbounded_channel();
        tokio::spawn(feed(stdin, queue));
        Ok(Self { requests, state })
    }

    /// Whether it can still answer.
    pub(super) fn is_open(&self) -> bool {
        lock(&self.state.waiting).is_ok()
    }

    /// What the program says that belongs to no request.
    pub(super) fn output(&self) -> &PluginOutput {
        &self.state.output
    }

    /// Asks, and gives up after `limit`.
    pub(super) async fn ask(
        &self,
        id: u64,
        request: &Request,
        limit: Duration,
        output: &PluginOutput,
    ) -> Result<Answer, Fault> {
        let (sender, lines) = unbounded_channel();
        if let Ok(waiting) = lock(&self.state.waiting).as_mut() {
            waiting.insert(id, sender);
        }
        // Those who do not wait any more are forgotten, whichever way they went.
        let _forget = Forget { state: &self.state, id };
        // A program that has ended does not read; why it has is said by its end.
        let _ = self.requests.send(request.line());
        let ended = || {
            let why = lock(&self.state.waiting).as_ref().err().cloned();
            ProtocolError::Ended(why.unwrap_or_default())
        };
        within(limit, answer(lines, output))
            .await
            .map_err(|_| ProtocolError::Hang(stretch(limit)))
            .and_then(|answer| answer.ok_or_else(ended))
            .map_err(|what| self.state.output.fault(what))
    }
}

/// Writes requests until there are no more.
async fn feed(mut stdin: ChildStdin, mut requests: UnboundedReceiver<Vec<u8>>) {
    while let Some(request) = requests.recv().await {
        if stdin.write_all(&request).await.is_err() {
            return;
        }
    }
}

/// The answer to one request; `None` if the program ends before it.
async fn answer(mut lines: UnboundedReceiver<Line>, output: &PluginOutput) -> Option<Answer> {
    loop {
        match lines.recv().await? {
            Line::Progress(text) => output.progress(&text),
            Line::Warning(text) => output.warning(&text),
            Line::Result(result) => return Some(Ok(result)),
            Line::Error(problem) => return Some(Err(problem)),
        }
    }
}

impl State {
    /// Hands out lines until no more come, and says why.
    async fn listen(
        &self,
        mut child: Child,
        group: &Group,
        stdout: ChildStdout,
        stderr: ChildStderr,
    ) {
        let told = tokio::select! {
            told = self.hand_out(stdout) => told,
            // What a program says beside its answers is not what it ends with.
            Err(what) = read_stderr(stderr, &self.output) => Err(what),
        };
        let why = match told {
            Ok(()) => match within(GRACE, child.wait()).await {
                Ok(Ok(status)) => ProtocolError::NoResult(status),
                Ok(Err(error)) => ProtocolError::Read(error),
                Err(_) => ProtocolError::Lingering(GRACE),
            },
            Err(what) => what,
        };
        group.terminate();
        *lock(&self.waiting) = Err(why.to_string());
        let _ = within(GRACE, child.wait()).await;
    }

    async fn hand_out(&self, stdout: ChildStdout) -> Result<(), ProtocolError> {
        let mut stdout = BufReader::new(stdout);
        while let Some(line) = next_answer(&mut stdout).await? {
            let (id, said) = read(&line, &self.output)?;
            let Some(id) = id else {
                let line = self.output.presentable(&line);
                return Err(ProtocolError::Wrong(format!("a line without `id`: `{line}`")));
            };
            // Whoever asked may have given up by now.
            if let Some(sender) = lock(&self.waiting).as_ref().ok().and_then(|all| all.get(&id)) {
                let _ = sender.send(said);
            }
        }
        Ok(())
    }
}

struct Forget<'a> {
    state: &'a State,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Ok(waiting) = lock(&self.state.waiting).as_mut() {
            waiting.remove(&self.id);
        }
    }
}
