//! Scripts in, results out.

use std::time::Duration;

use async_trait::async_trait;
use russh::ChannelMsg;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::marked::Marked;
use crate::pace::within;
use crate::remote::{Error, Hear, Input, Printed, Remote, Script, Stream};

use super::sending::{Sending, Unsent};
use super::session::{Session, exit_status};
use super::{attach, forward};

/// How long output may still come once a script has ended: something it left running in the
/// background may hold its output open for ever.
const LINGER: Duration = Duration::from_secs(2);
/// How much of a failed script's standard error an error shows.
const STDERR_LINES: usize = 20;
const STDERR_BYTES: usize = 8 * 1024;

impl Session {
    /// Runs a script that `sending` carries to it, and returns its standard output, unless that goes to
    /// `output`.
    async fn execute(
        &self,
        script: &Script,
        sending: Sending,
        output: Option<&mut (dyn AsyncWrite + Send + Unpin)>,
    ) -> Result<String, Error> {
        let result =
            within(script.patience, Box::pin(self.converse(script, sending, output))).await;
        result.unwrap_or_else(|_| {
            Err(Error::Hangs {
                machine: self.machine.clone(),
                title: script.title.to_string(),
                waited: script.patience,
            })
        })
    }

    async fn converse(
        &self,
        script: &Script,
        sending: Sending,
        mut output: Option<&mut (dyn AsyncWrite + Send + Unpin)>,
    ) -> Result<String, Error> {
        const OPERATION: &str = "run a script";
        let (mut incoming, outgoing) = self.channel().await?.split();
        let (stdout, stderr) = (sending.marks.stream(), sending.marks.stream());
        let name = sending.input.as_ref().map(|input| input.name().to_owned());
        let collect = async {
            let mut collected = Collected::of(stdout, stderr);
            loop {
                let message = if collected.status.is_some() {
                    within(LINGER, incoming.wait()).await.unwrap_or(None)
                } else {
                    incoming.wait().await
                };
                let end = matches!(message, Some(ChannelMsg::Close) | None);
                collected.take(message);
                if let Some(output) = &mut output
                    && let Err(error) =
                        output.write_all(&std::mem::take(&mut collected.stdout)).await
                {
                    collected.unkept = Some(error);
                    return collected;
                }
                if end {
                    return collected;
                }
            }
        };
        let send = sending.send(&outgoing, self.root);
        // The script may end before it has read everything, so only the outcome is waited for.
        tokio::pin!(send, collect);
        let collected = tokio::select! {
            collected = &mut collect => collected,
            result = &mut send => {
                if let Err(Unsent::Source(source)) = result {
                    // Gives the script the time to take back what it has begun.
                    let _ = within(LINGER, &mut collect).await;
                    let input = name.unwrap_or_default();
                    return Err(Error::Input { machine: self.machine.clone(), input, source });
                }
                // When sending fails otherwise, the outcome tells why.
                collect.await
            }
        };
        // Nothing is left to say if this fails: the outcome is known.
        let _ = outgoing.close().await;
        if let Some(source) = collected.unkept {
            return Err(Error::Output { machine: self.machine.clone(), source });
        }
        match collected.status {
            Some(status) if !collected.marked.0.has_begun() => Err(Error::NotBegun {
                machine: self.machine.clone(),
                title: script.title.to_string(),
                status,
                said: collected.ahead(),
            }),
            Some(0) => Ok(String::from_utf8_lossy(&collected.stdout).into_owned()),
            Some(status) => Err(Error::Script {
                machine: self.machine.clone(),
                title: script.title.to_string(),
                status,
                stderr: tail(&collected.stderr),
            }),
            None => Err(self.broken(OPERATION, collected.reason()).await),
        }
    }
}

#[async_trait]
impl Remote for Session {
    async fn run(&self, script: &Script) -> Result<String, Error> {
        self.execute(script, Sending::alone(script), None).await
    }

    async fn run_with_input(&self, script: &Script, input: Input) -> Result<String, Error> {
        self.execute(script, Sending::with_input(script, input), None).await
    }

    async fn run_with_output(
        &self,
        script: &Script,
        output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<(), Error> {
        self.execute(script, Sending::alone(script), Some(output)).await.map(drop)
    }

    async fn attach(&self, command: Option<&str>) -> Result<u32, Error> {
        attach::attach(self, command).await
    }

    async fn command(&self, command: &str, hear: &mut Hear<'_>) -> Result<u32, Error> {
        const OPERATION: &str = "run a command";
        let (mut incoming, outgoing) = self.channel().await?.split();
        // When asking fails, the connection is broken, and reading below tells why.
        let _ = outgoing.exec(true, command).await;
        let _ = outgoing.eof().await;
        let (mut status, mut reason) = (None, "the channel was closed without an exit status");
        while let Some(message) = incoming.wait().await {
            match message {
                ChannelMsg::Data { data } => hear(Printed::Output, &data),
                ChannelMsg::ExtendedData { data, .. } => hear(Printed::Error, &data),
                ChannelMsg::Failure => {
                    reason = "sshd refused to run a command";
                    break;
                }
                ChannelMsg::Close => break,
                message => status = exit_status(&message).or(status),
            }
        }
        match status {
            Some(status) => Ok(status),
            None => Err(self.broken(OPERATION, reason.to_owned()).await),
        }
    }

    async fn open(&self, host: &str, port: u16) -> Result<Box<dyn Stream>, Error> {
        forward::open(self, host, port).await
    }
}

/// What came back from a script.
struct Collected {
    /// Standard output and error as they come.
    marked: (Marked, Marked),
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    status: Option<u32>,
    refused: bool,
    /// Why output could not be passed on.
    unkept: Option<std::io::Error>,
}

impl Collected {
    fn of(stdout: Marked, stderr: Marked) -> Self {
        Self {
            marked: (stdout, stderr),
            stdout: Vec::new(),
            stderr: Vec::new(),
            status: None,
            refused: false,
            unkept: None,
        }
    }

    /// Takes a message, or the end.
    fn take(&mut self, message: Option<ChannelMsg>) {
        let Some(message) = message else {
            self.stdout.extend(self.marked.0.rest());
            self.stderr.extend(self.marked.1.rest());
            return;
        };
        match message {
            ChannelMsg::Close => self.take(None),
            ChannelMsg::Data { data } => self.stdout.extend(self.marked.0.push(&data)),
            ChannelMsg::ExtendedData { data, .. } => {
                self.stderr.extend(self.marked.1.push(&data));
                if self.stderr.len() > 2 * STDERR_BYTES {
                    self.stderr.drain(..self.stderr.len() - STDERR_BYTES);
                }
            }
            ChannelMsg::Failure => self.refused = true,
            message => self.status = exit_status(&message).or(self.status),
        }
    }

    /// What was printed instead of running the script.
    fn ahead(&self) -> String {
        let (stdout, stderr) = (self.marked.0.ahead(), self.marked.1.ahead());
        tail(&[stdout, stderr].join(&b"\n"[..]))
    }

    fn reason(&self) -> String {
        let reason = if self.refused {
            "sshd refused to run a command"
        } else {
            "the channel was closed without an exit status"
        };
        reason.to_owned()
    }
}

/// The last lines of a text, without the control characters that would act on a terminal.
fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let last = lines[lines.len().saturating_sub(STDERR_LINES)..].join("\n");
    last.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_shown_and_they_cannot_act_on_a_terminal() {
        let lines: Vec<_> = (0..50).map(|n| format!("line {n}")).collect();
        let tail = tail(format!("{}\n\x1b]0;x\x07end\n", lines.join("\n")).as_bytes());
        assert_eq!(tail.lines().count(), STDERR_LINES);
        assert!(tail.starts_with("line 31\n"), "{tail}");
        assert!(tail.ends_with("\n]0;xend"), "{tail}");
    }
}
