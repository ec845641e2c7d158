//! The step: what is to be done, and how it stands.

use ratatui_core::style::Style;
use ratatui_core::text::{Line, Span};

use super::look::{BOLD, DIM, Look, NORMAL};
use super::row::{columns, padded, space, span};
use super::text::{markdown, sentence, wrap};
use super::view::{self, Sign, View};
use super::words::{self, Words, words};
use crate::report::line::{one_line, width};

/// From so many columns on, what was seen stands beside what has to be.
const SIDE_BY_SIDE: usize = 72;
/// From so many columns on, labels have a column of their own.
const LABELS: usize = 50;

/// The step in rows of so many columns; with more rows between its parts, where there is room.
pub(super) fn body(view: &View, room: usize, roomy: bool, look: Look) -> Vec<Line<'static>> {
    let mut rows: Vec<Line> = Vec::new();
    let title = sentence(&view.step_title, room, BOLD, look);
    rows.extend(title.into_iter().map(Line::from));
    if roomy {
        rows.push(Line::default());
    }
    rows.extend(markdown(&view.goal, room, look));
    rows.push(Line::default());
    rows.extend(conditions(view, room, look));
    let facts = facts(view, room, look);
    if !facts.is_empty() {
        rows.push(Line::default());
        rows.extend(facts);
    }
    rows
}

/// What is said of the step as a whole, in rows; none, if its conditions say it all.
pub(super) fn standing(view: &View, room: usize, look: Look) -> Vec<Line<'static>> {
    let Some((sign, text)) = whole(view) else { return Vec::new() };
    let (mark, style) = look.sign(sign);
    let style = style.patch(BOLD);
    hung(vec![span(mark, style), space(1)], text, style, room, look)
}

fn whole(view: &View) -> Option<(Sign, &'static str)> {
    let words = words(view.language);
    let any = |sign| view.conditions.iter().any(|line| line.sign == sign);
    if view.can_next {
        Some((Sign::Passed, words.passed))
    } else if any(Sign::Lost) {
        Some((Sign::Lost, words.lost))
    } else if any(Sign::CannotTell) {
        Some((Sign::CannotTell, words.cannot_tell))
    } else {
        None
    }
}

/// A sentence beside what it begins with.
fn hung(
    head: Vec<Span<'static>>,
    text: &str,
    style: Style,
    room: usize,
    look: Look,
) -> Vec<Line<'static>> {
    let lead = columns(&head);
    let mut head = Some(head);
    sentence(text, room.saturating_sub(lead), style, look)
        .into_iter()
        .map(|line| {
            let mut row = head.take().unwrap_or_else(|| vec![space(lead)]);
            row.extend(line);
            row.into()
        })
        .collect()
}

fn conditions(view: &View, room: usize, look: Look) -> Vec<Line<'static>> {
    let lead = |line: &view::Line| 2 * line.depth + 2;
    let widest = view.conditions.iter().map(|line| lead(line) + width(&one_line(&line.words)));
    let left = widest.max().unwrap_or(0).clamp(room * 2 / 5, room * 3 / 5) + 3;
    let mut rows = Vec::new();
    for line in &view.conditions {
        let (mark, style) = look.sign(line.sign);
        let words_style = if line.sign == Sign::Waiting { DIM } else { NORMAL };
        let head = || vec![space(2 * line.depth), span(mark, style), space(1)];
        let seen = line.seen.as_deref().unwrap_or_default();
        if room >= SIDE_BY_SIDE {
            let words = hung(head(), &line.words, words_style, left - 3, look);
            let seen = match seen {
                "" => Vec::new(),
                seen => sentence(seen, room - left, DIM, look),
            };
            for at in 0..words.len().max(seen.len()) {
                let words = words.get(at).map(|row| row.spans.clone()).unwrap_or_default();
                let mut row = padded(words, left);
                row.extend(seen.get(at).cloned().unwrap_or_default());
                rows.push(row.into());
            }
        } else {
            rows.extend(hung(head(), &line.words, words_style, room, look));
            if !seen.is_empty() {
                rows.extend(hung(vec![space(lead(line))], seen, DIM, room, look));
            }
        }
    }
    rows
}

/// The command, the time and the prediction, one below the other.
fn facts(view: &View, room: usize, look: Look) -> Vec<Line<'static>> {
    let words = words(view.language);
    let mut facts: Vec<(&str, Vec<(String, Style)>)> = Vec::new();
    if let Some(command) = &view.look {
        facts.push((words.look, vec![(one_line(command), look.code())]));
    }
    if let Some(files) = &view.files {
        facts.push((words.files, vec![(one_line(files), NORMAL)]));
    }
    if let Some(left) = view.patience_left {
        facts.push((words.time_left, vec![(words::time(left, view.language), NORMAL)]));
    }
    if let Some(prediction) = &view.prediction {
        facts.push((words.predicted, told(prediction, words, look)));
    }
    let labels = facts.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    let mut rows = Vec::new();
    for (label, values) in facts {
        let column = if room >= LABELS { labels } else { width(label) };
        let mut head = padded(vec![space(2), span(label, DIM)], 2 + column + 2);
        let lead = if room >= LABELS { columns(&head) } else { 4 };
        let mut used = columns(&head);
        for (at, (text, style)) in values.into_iter().enumerate() {
            // In one piece where it fits, and else from the next row on.
            if at > 0 && used + 2 + width(&text) <= room {
                head.push(space(2));
                used += 2;
            } else if used > lead && (at > 0 || used + width(&text) > room) {
                rows.push(std::mem::replace(&mut head, vec![space(lead)]).into());
                used = lead;
            }
            let mut lines = wrap(&text, room.saturating_sub(used), 0).into_iter();
            let first = lines.next().unwrap_or_default();
            used += width(&first);
            head.push(span(first, style));
            for line in lines {
                used = lead + width(&line);
                let next = vec![space(lead), span(line, style)];
                rows.push(std::mem::replace(&mut head, next).into());
            }
        }
        rows.push(head.into());
    }
    rows
}

/// What the learner expected, and how it turned out.
fn told(prediction: &view::Prediction, words: &Words, look: Look) -> Vec<(String, Style)> {
    let said = (one_line(&prediction.said), NORMAL);
    match &prediction.truth {
        None => vec![said],
        Some(truth) if truth.right => {
            vec![said, (format!("✓ {}", words.right), look.good())]
        }
        Some(truth) => {
            let was = format!("✗ {}: {}", words.wrong, one_line(&truth.words));
            vec![said, (was, look.bad())]
        }
    }
}
