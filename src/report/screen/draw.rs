//! The picture as a whole: which part gets which rows.

use ratatui_core::terminal::Frame;
use ratatui_core::text::Line;

use super::below::{happenings, machines};
use super::body::{body, standing};
use super::look::{BOLD, DIM, Look, NORMAL};
use super::panel::{panel, wanted};
use super::place::Place;
use super::row::{ends, flow, indented, padded, rule, space, span};
use super::text::wrap;
use super::view::View;
use super::words::{self, words};
use crate::report::line::{cut, one_line, width};

/// The least room in which all this can be read.
const LEAST: (u16, u16) = (36, 14);
/// From so many columns on, a panel stands beside the rest.
const TWO_HALVES: usize = 110;
/// Below so many columns, words give way.
const NARROW: usize = 60;
/// From so many rows on, there are more of them between the parts.
const ROOMY: usize = 26;

/// Draws a view, as far as there is room for it, and tells the place that is shown: the one that was asked for, or the nearest
/// that there is.
pub fn draw(frame: &mut Frame, view: &View, place: Place, colour: bool) -> Place {
    let area = frame.area();
    let look = Look { colour };
    let (lines, place) = if area.width < LEAST.0 || area.height < LEAST.1 {
        let text = words::too_small(LEAST.0, LEAST.1, view.language);
        let lines = wrap(&text, area.width.into(), 0);
        (lines.into_iter().map(Line::from).collect(), place)
    } else {
        picture(view, (area.width.into(), area.height.into()), place, look)
    };
    for (y, line) in (area.y..area.bottom()).zip(&lines) {
        frame.buffer_mut().set_line(area.x, y, line, area.width);
    }
    place
}

fn picture(
    view: &View,
    (columns, rows): (usize, usize),
    place: Place,
    look: Look,
) -> (Vec<Line<'static>>, Place) {
    let mut lines = header(view, columns, look);
    let footer = footer(view, columns, look);
    let room = rows - lines.len() - footer.len();
    let place = match &view.panel {
        Some(shown) if columns >= TWO_HALVES => {
            let half = columns / 2;
            // What is scrolled is the panel.
            let (left, _) = parts(view, (half - 1, room), margin(columns), Place::default(), look);
            let (right, place) = panel(shown, view, (columns - half - 1, room), place, look);
            lines.extend(left.into_iter().zip(right).map(|(left, right)| {
                let mut row = padded(left.spans, half);
                row.extend(right.spans);
                row.into()
            }));
            place
        }
        Some(shown) => {
            let mut above = step(view, columns, margin(columns), false, look);
            let said = standing(view, columns - 2 * margin(columns), look);
            if !said.is_empty() {
                above.push(Line::default());
                above.extend(said.into_iter().map(|row| indented(row, margin(columns))));
            }
            let least = above.len().min(room / 3);
            let height = wanted(shown, columns - 2, look).clamp(5, room - least);
            let (drawn, place) = panel(shown, view, (columns - 2, height), place, look);
            lines.extend(fitted(above, room - height, 0).0);
            lines.extend(drawn.into_iter().map(|row| indented(row, 1)));
            place
        }
        None => {
            let (drawn, place) = parts(view, (columns, room), margin(columns), place, look);
            lines.extend(drawn);
            place
        }
    };
    lines.extend(footer);
    (lines, place)
}

/// How far texts stand from the edges.
fn margin(columns: usize) -> usize {
    if columns < NARROW { 1 } else { 2 }
}

fn step(view: &View, columns: usize, margin: usize, roomy: bool, look: Look) -> Vec<Line<'static>> {
    let rows = body(view, columns - 2 * margin, roomy, look);
    rows.into_iter().map(|row| indented(row, margin)).collect()
}

/// The step above, what happens and the machines below: just so many rows.
///
/// The lower parts keep their places as long as the step lets them, so that the picture stands still.
fn parts(
    view: &View,
    (columns, rows): (usize, usize),
    margin: usize,
    place: Place,
    look: Look,
) -> (Vec<Line<'static>>, Place) {
    let inner = columns - 2 * margin;
    let mut step = step(view, columns, margin, rows >= ROOMY, look);
    let standing = standing(view, inner, look);
    let standing: Vec<_> = standing.into_iter().map(|row| indented(row, margin)).collect();
    let for_standing = if standing.is_empty() { 0 } else { 1 + standing.len() };
    // A blank row parts the step from what is below it.
    let wanted = step.len() + for_standing + 1;

    let machines = machines(view, inner, (rows / 6).clamp(2, 6), look);
    let with_machines = 1 + machines.len();
    let fit = !view.machines.is_empty() && (rows >= 18 || wanted + with_machines + 3 <= rows);
    let for_machines = if fit { with_machines } else { 0 };
    let for_happenings = (rows - for_machines).saturating_sub(wanted).clamp(3, 2 + rows / 5);
    let for_step = rows - for_machines - for_happenings;

    // What is said of it as a whole comes after it, and where there is too little room, it stays in sight.
    let (below, kept) = if step.len() + for_standing <= for_step {
        if !standing.is_empty() {
            step.push(Line::default());
            step.extend(standing);
        }
        (step, Vec::new())
    } else {
        (step, standing)
    };
    let page = for_step - kept.len();
    let (mut lines, scroll, hidden) = fitted(below, page, place.scroll);
    lines.extend(kept);
    let words = words(view.language);
    let more = match (scroll > 0, hidden) {
        (false, false) => None,
        (false, true) => Some(words.below.to_owned()),
        (true, false) => Some(words.above.to_owned()),
        (true, true) => Some(format!("{} · {}", words.above, words.below)),
    };
    lines.push(rule(words.happenings, more.as_deref(), columns));
    let mut happened = happenings(view, inner, for_happenings - 1);
    happened.resize(for_happenings - 1, Line::default());
    lines.extend(happened.into_iter().map(|row| indented(row, margin)));
    if fit {
        lines.push(rule(words.machines, None, columns));
        lines.extend(machines.into_iter().map(|row| indented(row, margin)));
    }
    (lines, Place { scroll, page, ..place })
}

/// So many of these rows from a place on, which place that is, and whether there are more below.
fn fitted(
    mut rows: Vec<Line<'static>>,
    room: usize,
    scroll: usize,
) -> (Vec<Line<'static>>, usize, bool) {
    let scroll = scroll.min(rows.len().saturating_sub(room));
    rows.drain(..scroll);
    let hidden = rows.len() > room;
    rows.resize(room, Line::default());
    (rows, scroll, hidden)
}

/// The lesson, and how far one is in it.
fn header(view: &View, columns: usize, look: Look) -> Vec<Line<'static>> {
    let short = columns < NARROW;
    let margin = margin(columns);
    let done: String = (1..=view.of).map(|at| if at <= view.step { '■' } else { '□' }).collect();
    let mut right = vec![span(words::step(view, short), NORMAL)];
    if view.of <= 12 {
        right.extend([space(2), span(done, look.key())]);
    }
    right.push(space(margin));
    let taken = super::row::columns(&right) + margin + 2;
    let lesson = cut(&one_line(&view.lesson), columns.saturating_sub(taken));
    let title_room = columns.saturating_sub(taken + width(&lesson) + 2);
    let title = cut(&one_line(&view.title), title_room);
    let left = vec![space(margin), span(lesson, BOLD), space(2), span(title, NORMAL)];
    vec![ends(left, right, columns), rule("", None, columns)]
}

/// What was done last, and the keys.
fn footer(view: &View, columns: usize, look: Look) -> Vec<Line<'static>> {
    let margin = margin(columns);
    let inner = columns - 2 * margin;
    let words = words(view.language);
    let (shown, of) = view.hints;
    let hint = if of > 0 { format!("{} {shown}/{of}", words.hint) } else { words.hint.to_owned() };
    let keys = [
        ("h", hint.as_str(), of == 0 || shown < of),
        ("t", words.text, true),
        ("c", words.check, true),
        ("s", words.solve, true),
        ("x", words.reset, true),
        ("l", words.list, true),
        ("n", words.next, view.can_next),
        ("q", words.quit, true),
    ];
    let pieces = keys.map(|(key, label, works)| {
        let (key_style, style) = if works { (look.key(), NORMAL) } else { (DIM, DIM) };
        vec![span(key, key_style), space(1), span(label, style)]
    });
    let gap = if columns < NARROW { 2 } else { 3 };
    let notice = match &view.notice {
        Some(notice) => vec![span("» ", look.key()), span(cut(&one_line(notice), inner - 2), BOLD)],
        None => Vec::new(),
    };
    let rows = std::iter::once(Line::from(notice)).chain(flow(pieces.into(), gap, inner));
    rows.map(|row| indented(row, margin)).collect()
}
