//! What stands on the terminal: one row for the cluster, then one a machine, in name order. No
//! terminal is touched here; events and times go in, lines come out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::line::{cut, duration, one_line, width};
use super::paint::{Paint, Tone};
use crate::event::{Event, Kind, Subject};

/// Shorter times would only flicker while a step is under way.
const SHOWN_FROM: Duration = Duration::from_secs(1);

/// The widest column for steps; a longer step is cut while it is under way.
const WIDEST_STEP: usize = 32;

/// One picture after another make a turning wheel.
const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Every subject and how far it is.
#[derive(Debug, Default)]
pub(super) struct Board {
    rows: BTreeMap<Subject, Row>,
    // Only grows, so that columns stay where they are.
    step_width: usize,
}

/// One subject.
#[derive(Debug)]
struct Row {
    begun: Instant,
    ended: Instant,
    // Steps may be nested or run at once; the latest is shown.
    open: Vec<Step>,
    last: Option<Closed>,
    ready: bool,
    // Steps that took long enough to be worth remembering at the end.
    long: Vec<Closed>,
}

/// A step under way.
#[derive(Debug)]
struct Step {
    name: String,
    since: Instant,
    detail: String,
}

/// A step that ended.
#[derive(Debug, Clone)]
struct Closed {
    name: String,
    took: Duration,
    error: Option<String>,
}

/// How a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Working,
    Waiting,
    Done,
    Failed,
    Unfinished,
}

/// One line, before it is laid out.
#[derive(Debug)]
struct Line {
    mark: Mark,
    subject: Subject,
    text: String,
    time: Option<Duration>,
    tail: String,
}

/// How much room there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Board {
    /// Takes one event. Warnings stand on no row.
    pub(super) fn apply(&mut self, event: &Event, now: Instant) {
        if matches!(event.kind, Kind::Warning { .. }) {
            return;
        }
        let row = self.rows.entry(event.subject).or_insert_with(|| Row {
            begun: now,
            ended: now,
            open: Vec::new(),
            last: None,
            ready: false,
            long: Vec::new(),
        });
        row.ended = now;
        match &event.kind {
            Kind::Started { step } => {
                let name = one_line(step);
                self.step_width = self.step_width.max(width(&name)).min(WIDEST_STEP);
                row.ready = false;
                // A new attempt at what failed.
                row.last = row.last.take().filter(|last| last.error.is_none());
                row.open.push(Step {
                    name,
                    since: now,
                    detail: String::new(),
                });
            }
            Kind::Detail { text } => {
                if let Some(step) = row.open.last_mut() {
                    step.detail = one_line(text);
                }
            }
            Kind::Finished { step, elapsed } => row.close(step, *elapsed, None),
            Kind::Failed {
                step,
                error,
                elapsed,
            } => row.close(step, *elapsed, Some(one_line(error))),
            Kind::Ready => row.ready = true,
            Kind::Warning { .. } => {}
        }
    }

    /// The lines while work goes on. `turn` counts the pictures of the wheel.
    pub(super) fn live(&self, now: Instant, turn: usize, size: Size, paint: Paint) -> Vec<String> {
        let mut lines: Vec<Line> = self
            .rows
            .iter()
            .map(|(subject, row)| row.live(*subject, now))
            .collect();
        // The terminal's last line stays free for the cursor.
        let room = size.rows.saturating_sub(1).max(1);
        let hidden = (lines.len() + 1).saturating_sub(room);
        if lines.len() > room {
            // What is done can best be spared.
            let mut spare = hidden;
            lines.retain(|line| {
                let drop = spare > 0 && line.mark == Mark::Done;
                spare -= usize::from(drop);
                !drop
            });
            lines.truncate(room - 1);
        }
        let more = self.rows.len() - lines.len();
        let wheel = WHEEL[turn % WHEEL.len()];
        let mut drawn = lay_out(&lines, self.step_width, wheel, size.columns, paint);
        if more > 0 {
            drawn.push(paint.tone(Tone::Dim, &format!("  … {more} more")));
        }
        drawn
    }

    /// The lines that remain: how each machine ended, and the cluster's longer steps.
    pub(super) fn record(&self, paint: Paint) -> Vec<String> {
        let machines = self.rows.keys().any(|subject| *subject != Subject::Cluster);
        let lines: Vec<Line> = self
            .rows
            .iter()
            .flat_map(|(subject, row)| row.record(*subject, machines))
            .collect();
        let steps = lines.iter().map(|line| width(&line.text)).max();
        lay_out(&lines, steps.unwrap_or(0), " ", usize::MAX, paint)
    }
}

impl Row {
    fn close(&mut self, step: &str, took: Duration, error: Option<String>) {
        let name = one_line(step);
        if let Some(at) = self.open.iter().rposition(|open| open.name == name) {
            self.open.remove(at);
        }
        let closed = Closed { name, took, error };
        if took >= SHOWN_FROM && closed.error.is_none() {
            self.long.push(closed.clone());
        }
        self.last = Some(closed);
    }

    fn live(&self, subject: Subject, now: Instant) -> Line {
        if let Some(step) = self.open.last() {
            return Line {
                mark: Mark::Working,
                subject,
                text: step.name.clone(),
                time: Some(now.saturating_duration_since(step.since)).filter(|t| *t >= SHOWN_FROM),
                tail: step.detail.clone(),
            };
        }
        let mut line = self.end(subject);
        if line.mark == Mark::Done && !self.ready {
            line.mark = Mark::Waiting;
            line.time = None;
        }
        line
    }

    fn record(&self, subject: Subject, machines: bool) -> Vec<Line> {
        if let Some(step) = self.open.last() {
            return vec![Line {
                mark: Mark::Unfinished,
                subject,
                text: step.name.clone(),
                time: None,
                tail: "unfinished".to_owned(),
            }];
        }
        let end = self.end(subject);
        if subject != Subject::Cluster {
            return vec![end];
        }
        let mut lines: Vec<Line> = self.long.iter().map(|step| step.line(subject)).collect();
        // With machines to speak for it, the cluster's last step says nothing.
        if end.mark == Mark::Failed || (lines.is_empty() && !machines) {
            lines.extend(self.last.as_ref().map(|last| last.line(subject)));
        }
        lines
    }

    /// The row when nothing is under way.
    fn end(&self, subject: Subject) -> Line {
        let failed = self.last.as_ref().filter(|last| last.error.is_some());
        if let Some(failed) = failed {
            return failed.line(subject);
        }
        let total = self.ended.saturating_duration_since(self.begun);
        let last = self.last.as_ref().map(|last| last.name.clone());
        Line {
            mark: Mark::Done,
            subject,
            text: last.filter(|_| !self.ready).unwrap_or("ready".to_owned()),
            // One that was ready before took no time, and 0.0 s would be odd.
            time: Some(total).filter(|_| self.last.is_some()),
            tail: String::new(),
        }
    }
}

impl Closed {
    fn line(&self, subject: Subject) -> Line {
        Line {
            mark: if self.error.is_some() {
                Mark::Failed
            } else {
                Mark::Done
            },
            subject,
            text: self.name.clone(),
            time: Some(self.took),
            tail: self.error.clone().unwrap_or_default(),
        }
    }
}

/// `✓ manager-1  ready  1.9 s`, all in columns; what does not fit is cut.
fn lay_out(
    lines: &[Line],
    step_width: usize,
    wheel: &str,
    columns: usize,
    paint: Paint,
) -> Vec<String> {
    let subject_width = lines.iter().map(|line| width(&line.subject.to_string()));
    let subject_width = subject_width.max().unwrap_or(0).max("manager-1".len());
    let times: Vec<String> = lines
        .iter()
        .map(|line| line.time.map(duration).unwrap_or_default())
        .collect();
    let time_width = times.iter().map(|time| width(time)).max().unwrap_or(0);
    let time_width = time_width.max("12.3 s".len());
    // The last column stays free: some terminals wrap as soon as it is written.
    let room = columns.saturating_sub(1 + 2 + subject_width + 2);
    let step_width = step_width.max("ready".len()).min(room);
    let tail_room = room.saturating_sub(step_width + 2 + time_width + 2);

    let mut drawn = Vec::with_capacity(lines.len());
    for (line, time) in lines.iter().zip(&times) {
        let (tone, mark) = match line.mark {
            Mark::Working => (Tone::Cyan, wheel),
            Mark::Waiting => (Tone::Dim, "·"),
            Mark::Done => (Tone::Green, "✓"),
            Mark::Failed => (Tone::Red, "✗"),
            Mark::Unfinished => (Tone::Yellow, "–"),
        };
        let text = cut(&line.text, step_width);
        let text = format!("{text}{}", " ".repeat(step_width - width(&text)));
        let text = match line.mark {
            Mark::Waiting => paint.tone(Tone::Dim, &text),
            _ => text,
        };
        let mut shown = format!(
            "{} {:subject_width$}  {text}",
            paint.tone(tone, mark),
            line.subject
        );
        if room >= step_width + 2 + time_width {
            let time = format!("{time:>time_width$}");
            shown.push_str("  ");
            shown.push_str(&paint.tone(Tone::Dim, &time));
        }
        // A few letters of a detail tell nobody anything.
        if tail_room >= 8 && !line.tail.is_empty() {
            let tone = match line.mark {
                Mark::Failed => Tone::Red,
                _ => Tone::Dim,
            };
            shown.push_str("  ");
            shown.push_str(&paint.tone(tone, &cut(&line.tail, tail_room)));
        }
        drawn.push(shown.trim_end().to_owned());
    }
    drawn
}
