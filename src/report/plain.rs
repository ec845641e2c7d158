//! One line an event, for logs of other programs and for people without a terminal.
//!
//! ```text
//! manager-1: start Docker: ok (0.42 s)
//! worker-2: start Docker: failed (2.00 s): exit status 1
//! cluster: warning: no IPVS in this kernel
//! manager-1: ready
//! ```
//!
//! Every line begins with what it is about, so `grep ^worker-2:` tells one machine's story. A step
//! is told when it ends; steps of several machines run at once, and a line each is enough.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::line;
use crate::event::{Event, Kind, Reporter, Subject};

/// Writes one line an event.
pub struct Plain {
    out: Mutex<Box<dyn Write + Send>>,
    details: bool,
}

impl Plain {
    /// Writes to `out`; with `details`, also what happens within a step.
    pub fn new(out: impl Write + Send + 'static, details: bool) -> Self {
        Self { out: Mutex::new(Box::new(out)), details }
    }
}

impl Reporter for Plain {
    fn report(&self, event: &Event) {
        let Some(text) = text(event, self.details) else {
            return;
        };
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that has gone away is no reason to stop the work.
        let _ = out.write_all(text.as_bytes());
    }
}

fn text(event: &Event, details: bool) -> Option<String> {
    let said = match &event.kind {
        Kind::Finished { step, elapsed } => format!("{step}: ok ({:.2} s)", elapsed.as_secs_f64()),
        Kind::Failed { step, error, elapsed } => {
            // Further lines are indented, so that none of them can pass for one of ours.
            let error = line::lines(error).join("\n    ");
            format!("{step}: failed ({:.2} s): {error}", elapsed.as_secs_f64())
        }
        Kind::Warning { text } => format!("warning: {}", line::one_line(text)),
        Kind::Started { step } if details => format!("{step} …"),
        Kind::Detail { text } if details => format!("  {}", line::one_line(text)),
        // The summary says so for the cluster.
        Kind::Ready if event.subject != Subject::Cluster => "ready".to_owned(),
        Kind::Started { .. } | Kind::Detail { .. } | Kind::Ready => return None,
    };
    Some(format!("{}: {said}\n", event.subject))
}
