//! What a program says beside its result: told as it comes, kept for errors, and never with a secret in it.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::fault::{Fault, ProtocolError, StderrTail};
use crate::driver::lock::lock;
use crate::event::Progress;
use crate::model::Secret;

/// How many lines of output explain a failure.
const TAIL: usize = 12;
/// The most characters of a line that are shown.
const WIDTH: usize = 300;
/// The most characters that are shown of what a program says of its failure.
const MESSAGE: usize = 4096;
/// Lines of a key that are shorter than this say nothing about it.
const REVEALING: usize = 16;
/// Stands in every private key that OpenSSH and OpenSSL write.
const MARK: &str = "PRIVATE KEY-----";

/// Listens to one run of a program.
pub(super) struct PluginOutput {
    driver: String,
    progress: Progress,
    secrets: Mutex<Vec<Secret>>,
    last: Mutex<VecDeque<String>>,
}

impl PluginOutput {
    /// For a run of a driver's program that is given a secret, or none.
    pub(super) fn new(driver: &str, progress: Progress, secret: Option<&Secret>) -> Self {
        let output = Self {
            driver: driver.to_owned(),
            progress,
            secrets: Mutex::default(),
            last: Mutex::default(),
        };
        if let Some(secret) = secret {
            output.hide(secret);
        }
        output
    }

    /// Shows no line any more that has one of a secret in it.
    pub(super) fn hide(&self, secret: &Secret) {
        let lines = secret.expose().lines();
        let lines = lines.filter(|line| line.len() >= REVEALING && !line.contains(MARK));
        lock(&self.secrets).extend(lines.map(Secret::new));
    }

    /// A line of standard error.
    pub(super) fn stderr_line(&self, line: &[u8]) {
        let line = self.presentable(line);
        if !line.is_empty() {
            self.progress.detail(format!("{}: {line}", self.driver));
            self.remember(line);
        }
    }

    /// What is happening, in the program's words.
    pub(super) fn progress(&self, text: &str) {
        let text = self.presentable(text.as_bytes());
        self.progress.detail(text.clone());
        self.remember(text);
    }

    /// What the user should know, in the program's words.
    pub(super) fn warning(&self, text: &str) {
        let text = self.presentable(text.as_bytes());
        self.progress.warn(format!("driver `{}`: {text}", self.driver));
        self.remember(text);
    }

    /// A line as it may be shown: without secrets, control characters and what is too much.
    pub(super) fn presentable(&self, line: &[u8]) -> String {
        self.shown(line, WIDTH)
    }

    /// The same of what a program says of its failure, which may take many words.
    pub(super) fn message(&self, text: &str) -> String {
        self.shown(text.as_bytes(), MESSAGE)
    }

    fn shown(&self, line: &[u8], most: usize) -> String {
        let text = String::from_utf8_lossy(line);
        let is_secret = |secret: &Secret| text.contains(secret.expose());
        if text.contains(MARK) || lock(&self.secrets).iter().any(is_secret) {
            return "(a line with a private key in it)".to_owned();
        }
        let plain = |c: char| if c.is_whitespace() { ' ' } else { c };
        let plain: String = text.chars().map(plain).filter(|c| !c.is_control()).collect();
        let text = plain.trim_end();
        match text.char_indices().nth(most) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        }
    }

    /// The error for what the program did.
    pub(super) fn fault(&self, what: ProtocolError) -> Fault {
        let last = lock(&self.last);
        let last = StderrTail(last.iter().cloned().collect());
        Fault { driver: self.driver.clone(), what, last }
    }

    fn remember(&self, line: String) {
        let mut last = lock(&self.last);
        if last.len() == TAIL {
            last.pop_front();
        }
        last.push_back(line);
    }
}
