//! A panel: a hint, the text of a step, a list, a question.

use ratatui_core::style::Style;
use ratatui_core::text::{Line, Span};

use super::look::{BOLD, DIM, Look, NORMAL};
use super::place::Place;
use super::row::{columns, padded, space, span};
use super::text::{markdown, wrap};
use super::view::{Panel, View};
use super::words::{Words, words};
use crate::report::line::{cut, one_line, width};

/// Columns that its border and the room beside it take.
const SIDES: usize = 4;
/// From so many columns on, it also says what the arrows do.
const ARROWS: usize = 50;

/// How many rows it would like to have.
pub(super) fn wanted(panel: &Panel, room: usize, look: Look) -> usize {
    contents(panel, room.saturating_sub(SIDES), Place::default(), look).0.len() + 2
}

/// The panel in just so many rows and columns, and the place that is shown.
pub(super) fn panel(
    panel: &Panel,
    view: &View,
    (room, rows): (usize, usize),
    place: Place,
    look: Look,
) -> (Vec<Line<'static>>, Place) {
    let inner = room.saturating_sub(SIDES);
    let (lines, cursor) = contents(panel, inner, place, look);
    let page = rows.saturating_sub(2).max(1);
    let deepest = lines.len().saturating_sub(page);
    let mut scroll = place.scroll.min(deepest);
    if let (Some((first, last)), true) = (cursor, place.follows) {
        scroll = scroll.max((last + 1).saturating_sub(page)).min(first);
    }
    let place = Place {
        scroll,
        cursor: place.cursor.min(panel.choices.len().saturating_sub(1)),
        page,
        ..place
    };
    let words = words(view.language);
    let above = if scroll > 0 { words.above } else { "" };
    let below = if scroll < deepest { words.below } else { "" };
    let mut drawn = vec![edge(('╭', '╮'), (&panel.title, BOLD), above, room)];
    for at in scroll..scroll + page {
        let line = lines.get(at).map(|line| line.spans.clone()).unwrap_or_default();
        let mut row = vec![span("│", DIM), space(1)];
        row.extend(padded(line, inner));
        row.extend([space(1), span("│", DIM)]);
        drawn.push(row.into());
    }
    let keys = keys(panel, deepest > 0, room >= ARROWS, words);
    drawn.push(edge(('╰', '╯'), (&keys, DIM), below, room));
    (drawn, place)
}

/// The keys that work in it.
fn keys(panel: &Panel, scrolls: bool, arrows: bool, words: &Words) -> String {
    let mut keys = Vec::new();
    if panel.choices.len() > 1 && arrows {
        keys.push(words.arrows);
    }
    if panel.several() {
        keys.extend([words.mark, words.confirm]);
    } else if !panel.choices.is_empty() {
        keys.push(words.choose);
    } else if scrolls {
        keys.push(words.scroll);
    }
    keys.push(words.close);
    keys.join(" · ")
}

/// `╭─ Hint 2 of 4 ───── ↑ more ─╮`
fn edge(
    (from, to): (char, char),
    (said, style): (&str, Style),
    end: &str,
    room: usize,
) -> Line<'static> {
    let end = if end.is_empty() { String::new() } else { format!(" {end} ") };
    let said = cut(&one_line(said), room.saturating_sub(6 + width(&end)));
    let said = if said.is_empty() { said } else { format!(" {said} ") };
    let left = vec![span(format!("{from}─"), DIM), span(said, style)];
    let line = room.saturating_sub(columns(&left) + width(&end) + 2);
    let mut spans = left;
    spans.push(span("─".repeat(line), DIM));
    spans.push(span(end, NORMAL));
    spans.push(span(format!("─{to}"), DIM));
    spans.into()
}

/// What stands in it, and from which row to which the choice is that the cursor is on.
fn contents(
    panel: &Panel,
    room: usize,
    place: Place,
    look: Look,
) -> (Vec<Line<'static>>, Option<(usize, usize)>) {
    let mut lines = markdown(&panel.text, room, look);
    if !lines.is_empty() && !panel.choices.is_empty() {
        lines.push(Line::default());
    }
    let mut cursor = None;
    let several = panel.several();
    for (at, choice) in panel.choices.iter().enumerate() {
        let here = at == place.cursor.min(panel.choices.len() - 1);
        let style = if here { look.cursor() } else { NORMAL };
        let box_ = match choice.chosen {
            Some(true) => "[x] ",
            Some(false) => "[ ] ",
            None if several => "    ",
            None => "",
        };
        // Only what one key can say has a number.
        let number = if panel.choices.len() <= 9 { format!("{}  ", at + 1) } else { String::new() };
        let head = format!("{} {number}{box_}", if here { "›" } else { " " });
        let lead = width(&head);
        let first = lines.len();
        let words = wrap(&one_line(&choice.words), room.saturating_sub(lead), 0);
        for (row, words) in words.into_iter().enumerate() {
            let head: Span = if row == 0 { span(head.clone(), style) } else { space(lead) };
            lines.push(vec![head, span(words, style)].into());
        }
        if here {
            cursor = Some((first, lines.len() - 1));
        }
    }
    (lines, cursor)
}
