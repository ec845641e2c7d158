//! Shows what is happening: [`event`](crate::event)s in, text on standard error or in a file out.
//!
//! - [`terminal`]: one living line a machine
//! - [`plain`]: one line an event, for logs of other programs
//! - [`json`]: one JSON object an event, for programs
//! - [`log`]: the same objects in a file, for later
//!
//! And [`screen`] shows a lesson.

mod board;
pub mod json;
mod layout;
mod line;
pub mod log;
mod paint;
pub mod plain;
pub mod screen;
pub mod terminal;

use std::env;
use std::io::{self, IsTerminal};
use std::sync::Arc;

use crate::event::{Event, Kind, Reporter, Subject};

pub use json::Json;
pub(crate) use line::wrap;
pub use log::LogFile;
pub use plain::Plain;
pub use terminal::Terminal;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people if standard error is a terminal that a person looks at, else plain.
    #[default]
    Auto,
    /// For people: one line a machine, redrawn in place. Plain where there is no terminal.
    Human,
    /// One line an event.
    Plain,
    /// One JSON object an event.
    Json,
}

/// The reporter to standard error. `verbosity` is -1 for failures and warnings only, 0 for steps,
/// and 1 or more for all there is to tell.
pub fn choose(format: Format, verbosity: i8) -> Arc<dyn Reporter> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let terminal = io::stderr().is_terminal() && set("TERM").is_some_and(|term| term != "dumb");
    let human = match format {
        Format::Auto => terminal && set("CI").is_none(),
        Format::Human => terminal,
        Format::Plain | Format::Json => false,
    };
    let verbose = verbosity > 0;
    let reporter: Arc<dyn Reporter> = match format {
        Format::Json => Arc::new(Json::new(io::stderr())),
        // Nothing to redraw when only failures are shown.
        _ if human && verbosity >= 0 => {
            Arc::new(Terminal::stderr(set("NO_COLOR").is_none(), verbose))
        }
        _ => Arc::new(Plain::new(io::stderr(), verbose)),
    };
    if verbosity < 0 { Arc::new(Quiet(reporter)) } else { reporter }
}

/// Says that nothing more will happen, so that what is printed next does not collide with lines
/// that are still redrawn. For the end of a run however it ended; more than once does no harm.
pub fn finish(reporter: &dyn Reporter) {
    reporter.report(&Event { subject: Subject::Cluster, kind: Kind::Ready });
}

/// Tells several reporters.
pub struct Tee(pub Vec<Arc<dyn Reporter>>);

impl Reporter for Tee {
    fn report(&self, event: &Event) {
        for reporter in &self.0 {
            reporter.report(event);
        }
    }
}

/// Passes on only failures and warnings.
pub struct Quiet(pub Arc<dyn Reporter>);

impl Reporter for Quiet {
    fn report(&self, event: &Event) {
        if matches!(event.kind, Kind::Failed { .. } | Kind::Warning { .. }) {
            self.0.report(event);
        }
    }
}
