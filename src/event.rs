//! What is happening, as plain data. Nothing here draws; [`report`](crate::report) does.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::model::MachineName;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum Subject {
    /// The cluster as a whole.
    Cluster,
    /// One machine.
    Machine(MachineName),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.pad("cluster"),
            Self::Machine(name) => name.fmt(f),
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub subject: Subject,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A step began: "boot", "start Docker".
    Started {
        /// The step, as a short imperative.
        step: String,
    },
    /// More about the step under way: a line of its output, an amount done.
    Detail {
        /// One line.
        text: String,
    },
    /// The step is done.
    Finished {
        /// The step.
        step: String,
        /// How long it took.
        elapsed: Duration,
    },
    /// The step failed.
    Failed {
        /// The step.
        step: String,
        /// Why, with its causes.
        error: String,
        /// How long it took to fail.
        elapsed: Duration,
    },
    /// Something the user should know although nothing failed.
    Warning {
        /// One sentence, lower case, without a full stop.
        text: String,
    },
    /// Nothing more will happen to this subject.
    Ready,
}

/// Takes events as they happen. Called from many tasks at once, so it must be quick and never block
/// for long.
pub trait Reporter: Send + Sync {
    /// Takes one event.
    fn report(&self, event: &Event);
}

/// Takes every event and does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: &Event) {}
}

/// A reporter together with the subject that events are about. Cheap to clone.
#[derive(Clone)]
pub struct Progress {
    reporter: Arc<dyn Reporter>,
    subject: Subject,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl Progress {
    /// Progress of the cluster as a whole.
    pub fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self { reporter, subject: Subject::Cluster }
    }

    /// Progress of one machine.
    #[must_use]
    pub fn machine(&self, name: MachineName) -> Self {
        Self { reporter: Arc::clone(&self.reporter), subject: Subject::Machine(name) }
    }

    /// Runs a step: says that it began, and then how it ended and how long it took. The pair cannot
    /// be forgotten, because there is no other way to start a step.
    pub async fn step<T, E: std::error::Error>(
        &self,
        step: impl Into<String>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let step = step.into();
        let begin = Instant::now();
        self.say(Kind::Started { step: step.clone() });
        let result = work.await;
        let elapsed = begin.elapsed();
        self.say(match &result {
            Ok(_) => Kind::Finished { step, elapsed },
            Err(error) => Kind::Failed { step, error: chain(error), elapsed },
        });
        result
    }

    /// Tells more about the step under way.
    pub fn detail(&self, text: impl Into<String>) {
        self.say(Kind::Detail { text: text.into() });
    }

    /// Tells the user something although nothing failed.
    pub fn warn(&self, text: impl Into<String>) {
        self.say(Kind::Warning { text: text.into() });
    }

    /// Says that nothing more will happen to this subject.
    pub fn ready(&self) {
        self.say(Kind::Ready);
    }

    fn say(&self, kind: Kind) {
        self.reporter.report(&Event { subject: self.subject, kind });
    }
}

/// An error and all its causes in one line, outermost first. A cause whose text already stands in
/// the one before is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
