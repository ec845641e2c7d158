//! The way of a script, and of what it reads, to a shell on the other side.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use russh::ChannelWriteHalf;
use russh::client::Msg;

use crate::marked::Marks;
use crate::remote::{Input, Script};

/// What goes to a shell.
pub(super) struct Sending {
    shell: String,
    /// Whether it runs with the rights of the login user.
    is_of_login_user: bool,
    script: String,
    /// What is around all that the script prints.
    pub(super) marks: Marks,
    pub(super) input: Option<Input>,
}

/// Why not all of it went.
pub(super) enum Unsent {
    /// The source of the input failed.
    Source(io::Error),
    /// The channel is closed or broken; what comes back on it tells why.
    Channel,
}

impl From<russh::Error> for Unsent {
    fn from(_: russh::Error) -> Self {
        Self::Channel
    }
}

/// Stands after the last byte of an input, so that an end can be told from a break.
const ALL_OF_IT: &[u8] = b".";

impl Sending {
    /// A script that reads nothing.
    pub(super) fn alone(script: &Script) -> Self {
        let (marks, is_of_login_user) = (Marks::random(), script.is_of_login_user());
        let script = marks.around(script.render().expose()) + "\n";
        Self { shell: "sh -s".to_owned(), is_of_login_user, script, marks, input: None }
    }

    /// A script that reads an input on descriptor 3.
    pub(super) fn with_input(script: &Script, input: Input) -> Self {
        let (marks, is_of_login_user) = (Marks::random(), script.is_of_login_user());
        let script = marks.around(script.render().expose());
        let shell = format!("sh -c '{}'", bootstrap(script.len(), input.length()));
        Self { shell, is_of_login_user, script, marks, input: Some(input) }
    }

    /// Sends it all. If the input's source fails, the other side is told that nothing more comes.
    pub(super) async fn send(
        self,
        channel: &ChannelWriteHalf<Msg>,
        root: bool,
    ) -> Result<(), Unsent> {
        let is_right_user = root || self.is_of_login_user;
        let command = if is_right_user { self.shell } else { format!("sudo -n {}", self.shell) };
        channel.exec(true, command).await?;
        channel.data_bytes(self.script.into_bytes()).await?;
        let mut result = Ok(());
        if let Some(input) = self.input {
            let mut pieces = std::pin::pin!(input.pieces());
            while let Some(piece) = pieces.next().await {
                match piece {
                    Ok(piece) => channel.data_bytes(piece).await?,
                    Err(error) => {
                        result = Err(Unsent::Source(error));
                        break;
                    }
                }
            }
            if result.is_ok() {
                channel.data_bytes(Bytes::from_static(ALL_OF_IT)).await?;
            }
        }
        channel.eof().await?;
        result
    }
}

/// The command that takes a script and then its input from standard input; it says nothing but their
/// lengths in bytes, because others can see it.
///
/// A broken connection looks to the script like the end of its input. So the input goes through a pipe
/// whose other end stays open until it is certain that all of it has come; if it has not, every process
/// of this command is ended (sshd runs each command in a session of its own). A script that ends before
/// it has read everything makes `dd` fail, and that is nobody's fault. `head` would do what `dd` does, in
/// an eighth of the pieces and half as fast.
fn bootstrap(script: usize, input: u64) -> String {
    format!(
        "s=$(head -c {script}); \
         {{ dd bs=64k count={input} iflag=count_bytes,fullblock || exit; [ \"$(head -c 1)\" = . ] || kill 0; }} 2>/dev/null | \
         eval \"$s\" 3<&0 </dev/null"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::{Command, Output, Stdio};

    use super::*;

    /// Runs a shell in a process group of its own, as sshd does.
    fn sh(args: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new("sh")
            .args(args)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // It may end before it has read everything.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().unwrap()
        })
    }

    fn run(script: &str) -> Output {
        sh(&["-s"], script.as_bytes())
    }

    /// A script as it is sent, and what it printed.
    fn alone(script: &str) -> Output {
        let marks = Marks::random();
        within(&marks, run(&(marks.around(script) + "\n")))
    }

    /// Runs a script with an input of which so many of the last bytes do not arrive.
    fn run_with(script: &str, input: &[u8], missing: usize) -> Output {
        let marks = Marks::random();
        let script = marks.around(script);
        let command = bootstrap(script.len(), input.len() as u64);
        let sent = [script.as_bytes(), input, ALL_OF_IT].concat();
        within(&marks, sh(&["-c", &command], &sent[..sent.len().saturating_sub(missing)]))
    }

    fn within(marks: &Marks, mut output: Output) -> Output {
        let mut stream = marks.stream();
        output.stdout = stream.push(&output.stdout);
        output.stdout.extend(stream.rest());
        output
    }

    #[test]
    fn a_command_that_reads_its_input_does_not_eat_the_script() {
        let output = alone("A='1'\ncat\necho after $A # no newline at the end");
        assert_eq!(output.stdout, b"after 1\n");
    }

    #[test]
    fn an_exit_within_the_script_is_its_status() {
        assert_eq!(alone("exit 7\n").status.code(), Some(7));
        assert_eq!(alone("set -e\nfalse\necho no\n").status.code(), Some(1));
        assert_eq!(run_with("exit 7", b"input", 0).status.code(), Some(7));
        assert_eq!(run_with("set -e\nfalse\necho no\n", b"input", 0).status.code(), Some(1));
    }

    #[test]
    fn an_input_is_on_descriptor_3_and_nowhere_else() {
        let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        let script = "A='it''s'\nprintf '%s' \"$A$(cat)\"\ncat <&3\necho end # no newline";
        let output = run_with(script, &input, 0);
        assert!(output.stdout == [b"its", &input[..], b"end\n"].concat());
        assert_eq!(run_with("cat <&3; echo end", b"", 0).stdout, b"end\n");
    }

    #[test]
    fn a_script_that_does_not_read_everything_keeps_its_status() {
        // A dot is what would be taken for the end of the input.
        for byte in [b'.', b'x'] {
            let input = vec![byte; 1_000_000];
            assert_eq!(run_with("head -c 9 <&3; exit 3", &input, 0).status.code(), Some(3));
            assert_eq!(run_with("exit 0", &input, 0).status.code(), Some(0));
        }
    }

    #[test]
    fn half_an_input_ends_the_script_before_it_sees_the_end() {
        let script = "trap 'echo cleaned; exit 9' TERM\ncat <&3 >/dev/null\necho 'it ended'";
        let input = vec![b'.'; 200_000];
        for missing in [1, 2, 100_000, 200_001, 200_002, 200_030, 300_000] {
            let output = run_with(script, &input, missing);
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(!said.contains("it ended"), "{missing} bytes missing: {said}");
            assert_eq!(output.status.signal(), Some(15), "{missing} bytes missing: {output:?}");
        }
    }
}
