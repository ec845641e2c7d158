//! One JSON object an event, one line an object.
//!
//! | key | value | in |
//! |---|---|---|
//! | `time` | when, UTC, RFC 3339 with milliseconds | every object |
//! | `subject` | `cluster`, or a machine's name such as `worker-1` | every object |
//! | `event` | `started`, `detail`, `finished`, `failed`, `warning`, `done` | every object |
//! | `step` | the step, as a short imperative | `started`, `finished`, `failed` |
//! | `seconds` | how long the step took | `finished`, `failed` |
//! | `error` | why, with its causes | `failed` |
//! | `text` | what there is to tell | `detail`, `warning` |
//!
//! `done` means that nothing more will happen to the subject; it ended well unless `failed` came
//! before. Keys may be added; readers should ignore those they do not know.
//!
//! ```json
//! {"time":"2026-01-02T03:04:05.678Z","subject":"worker-1","event":"finished","step":"boot","seconds":0.42}
//! ```

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::event::{Event, Kind, Reporter};

/// Writes one JSON object an event.
pub struct Json {
    out: Mutex<Box<dyn Write + Send>>,
}

impl Json {
    /// Writes to `out`, each object at once.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self { out: Mutex::new(Box::new(out)) }
    }
}

impl Reporter for Json {
    fn report(&self, event: &Event) {
        let line = render(event, Timestamp::now());
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that has gone away is no reason to stop the work.
        let _ = out.write_all(line.as_bytes());
    }
}

#[derive(Serialize)]
struct Object<'a> {
    time: String,
    subject: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

/// The object of an event, with its line end.
fn render(event: &Event, time: Timestamp) -> String {
    let mut object = Object {
        time: format!("{time:.3}"),
        subject: event.subject.to_string(),
        event: "done",
        step: None,
        seconds: None,
        error: None,
        text: None,
    };
    match &event.kind {
        Kind::Started { step } => {
            object.event = "started";
            object.step = Some(step);
        }
        Kind::Detail { text } => {
            object.event = "detail";
            object.text = Some(text);
        }
        Kind::Finished { step, elapsed } => {
            object.event = "finished";
            object.step = Some(step);
            object.seconds = Some(seconds(*elapsed));
        }
        Kind::Failed { step, error, elapsed } => {
            object.event = "failed";
            object.step = Some(step);
            object.seconds = Some(seconds(*elapsed));
            object.error = Some(error);
        }
        Kind::Warning { text } => {
            object.event = "warning";
            object.text = Some(text);
        }
        Kind::Ready => {}
    }
    // Strings and numbers always have a JSON form.
    let mut line = serde_json::to_string(&object).unwrap_or_default();
    line.push('\n');
    line
}

/// Seconds to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
