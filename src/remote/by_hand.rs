//! What a person would do where a program does it: scripts and commands, noted in their order. That is what
//! `--explain` shows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncWrite;

use super::{Dialer, Engine, Error, Hear, Input, Remote, Script, Stream};
use crate::model::{Machine, MachineName, SshFiles, TlsFiles};

pub use super::commands::Commands;

/// Something that a person would do.
#[derive(Debug, Clone)]
pub enum Step {
    /// Run a script as root of a machine.
    Script {
        /// Which machine.
        machine: MachineName,
        /// The script.
        script: Script,
        /// The file of this computer that it reads.
        input: Option<String>,
    },
    /// Commands for the shell of this computer.
    Commands(Commands),
    /// The same, that make the machines and say what their addresses are: these stand in them as they are.
    Machines(Commands),
}

/// What stands in a value for a variable of the shell, where the value is known only once the commands before have run.
/// `what` may say more of it for those who look into values: it is left out in the end.
pub fn variable(name: &str, what: &str) -> String {
    format!("__{name}[{what}]__")
}

/// Puts the variables themselves in.
pub fn with_variables(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("__") {
        let (before, after) = (&rest[..start], &rest[start + 2..]);
        let name = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
        let name = name.unwrap_or_default();
        let tail = after[name.len()..].strip_prefix('[').and_then(|tail| tail.split_once("]__"));
        result.push_str(before);
        if let Some((_, tail)) = tail {
            result.push_str(&format!("${{{name}}}"));
            rest = tail;
        } else {
            result.push_str("__");
            rest = after;
        }
    }
    result + rest
}

/// What a person would have done so far.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<Step>>>);

impl Notes {
    /// Notes one step more.
    pub fn add(&self, step: Step) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    /// Notes commands.
    pub fn commands(&self, title: &str, why: &str, text: impl Into<String>) {
        self.add(Step::Commands(Commands::new(title, why, text)));
    }

    /// Takes all that was noted.
    pub fn take(&self) -> Vec<Step> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a machine that is not there would answer to a script, if not what its [new machine](Script::answered_when_new)
/// does.
type Answers = Arc<dyn Fn(MachineName, &Script) -> Option<String> + Send + Sync>;

/// Connections to machines that are not there: what would be done on them is noted.
pub struct NotingDialer {
    notes: Notes,
    answers: Answers,
}

impl NotingDialer {
    /// Connections to machines of which something is known beforehand.
    pub fn new(
        notes: Notes,
        answers: impl Fn(MachineName, &Script) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { notes, answers: Arc::new(answers) }
    }
}

struct NotingRemote {
    notes: Notes,
    answers: Answers,
    machine: MachineName,
}

impl NotingRemote {
    /// Notes a script, and answers as a new machine would.
    fn note(&self, script: &Script, input: Option<String>) -> String {
        let (machine, script) = (self.machine, script.clone());
        let usual = || script.answer_of_new_machine().unwrap_or_default().to_owned();
        let answer = (self.answers)(machine, &script).unwrap_or_else(usual);
        if !script.is_needless_when_new() {
            self.notes.add(Step::Script { machine, script, input });
        }
        answer
    }
}

#[async_trait]
impl Dialer for NotingDialer {
    async fn dial(
        &self,
        machine: &Machine,
        _files: &SshFiles,
        _deadline: Duration,
    ) -> Result<Arc<dyn Remote>, Error> {
        let (notes, answers) = (self.notes.clone(), Arc::clone(&self.answers));
        Ok(Arc::new(NotingRemote { notes, answers, machine: machine.id.name }))
    }

    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        _deadline: Duration,
    ) -> Result<Engine, Error> {
        Engine::unproven(machine, files)
    }
}

#[async_trait]
impl Remote for NotingRemote {
    async fn run(&self, script: &Script) -> Result<String, Error> {
        Ok(self.note(script, None))
    }

    async fn run_with_input(&self, script: &Script, input: Input) -> Result<String, Error> {
        Ok(self.note(script, Some(input.name().to_owned())))
    }

    async fn run_with_output(
        &self,
        script: &Script,
        _output: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<(), Error> {
        self.note(script, None);
        Ok(())
    }

    async fn attach(&self, _command: Option<&str>) -> Result<u32, Error> {
        Ok(0)
    }

    async fn command(&self, _command: &str, _hear: &mut Hear<'_>) -> Result<u32, Error> {
        Ok(0)
    }

    async fn open(&self, _host: &str, _port: u16) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(tokio::io::empty()))
    }

    fn by_hand(&self, commands: &dyn Fn() -> Commands) {
        self.notes.add(Step::Commands(commands()));
    }
}
