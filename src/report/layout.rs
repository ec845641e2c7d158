//! Lines in columns, cut to the width of the terminal.

use std::time::Duration;

use super::line::{cut, duration, width};
use super::paint::{Paint, Tone};
use crate::event::Subject;

/// One picture after another make a turning wheel.
const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Working,
    Waiting,
    Done,
    Failed,
    Unfinished,
}

/// One line, before it is laid out.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) mark: Mark,
    pub(super) subject: Subject,
    pub(super) text: String,
    pub(super) time: Option<Duration>,
    pub(super) tail: String,
}

/// How much room there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// `✓ manager-1  ready  1.9 s`, all in columns; what does not fit is cut.
/// `turn` counts the pictures of the wheel.
pub(super) fn lay_out(
    lines: &[Line],
    step_width: usize,
    turn: usize,
    columns: usize,
    paint: Paint,
) -> Vec<String> {
    let subject_width = lines.iter().map(|line| width(&line.subject.to_string()));
    let subject_width = subject_width.max().unwrap_or(0).max("manager-1".len());
    let times: Vec<String> =
        lines.iter().map(|line| line.time.map(duration).unwrap_or_default()).collect();
    let time_width = times.iter().map(|time| width(time)).max().unwrap_or(0);
    let time_width = time_width.max("12.3 s".len());
    // The last column stays free: some terminals wrap as soon as it is written.
    let room = columns.saturating_sub(1 + 2 + subject_width + 2);

    let wheel = WHEEL[turn % WHEEL.len()];
    let mut drawn = Vec::with_capacity(lines.len());
    for (line, time) in lines.iter().zip(&times) {
        let (tone, mark) = match line.mark {
            Mark::Working => (Tone::Cyan, wheel),
            Mark::Waiting => (Tone::Dim, "·"),
            Mark::Done => (Tone::Green, "✓"),
            Mark::Failed => (Tone::Red, "✗"),
            Mark::Unfinished => (Tone::Yellow, "–"),
        };
        // The cluster's steps may be longer than the column of the machines'.
        let step_width = match line.subject {
            Subject::Cluster => step_width.max(width(&line.text)).min(room),
            Subject::Machine(_) => step_width.min(room),
        };
        let tail_room = room.saturating_sub(step_width + 2 + time_width + 2);
        let text = cut(&line.text, step_width);
        let text = format!("{text}{}", " ".repeat(step_width - width(&text)));
        let text = match line.mark {
            Mark::Waiting => paint.tone(Tone::Dim, &text),
            _ => text,
        };
        let mut shown =
            format!("{} {:subject_width$}  {text}", paint.tone(tone, mark), line.subject);
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
