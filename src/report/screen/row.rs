//! Rows of a screen: texts with styles, side by side.

use ratatui_core::style::Style;
use ratatui_core::text::{Line, Span};

use super::look::{DIM, NORMAL};

/// A text with its style.
pub(super) fn span(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// So many spaces.
pub(super) fn space(columns: usize) -> Span<'static> {
    span(" ".repeat(columns), NORMAL)
}

/// How many columns these take.
pub(super) fn columns(spans: &[Span]) -> usize {
    spans.iter().map(Span::width).sum()
}

/// A row that is so many columns wide, or wider by itself.
pub(super) fn padded(mut spans: Vec<Span<'static>>, to: usize) -> Vec<Span<'static>> {
    let room = to.saturating_sub(columns(&spans));
    spans.push(space(room));
    spans
}

/// The same row, so much further to the right.
pub(super) fn indented(line: Line<'static>, by: usize) -> Line<'static> {
    let mut spans = vec![space(by)];
    spans.extend(line.spans);
    spans.into()
}

/// A row with something at its right end. What is on the left is cut by whoever draws it.
pub(super) fn ends(
    left: Vec<Span<'static>>,
    right: Vec<Span<'static>>,
    columns_of_row: usize,
) -> Line<'static> {
    let mut spans = padded(left, columns_of_row.saturating_sub(columns(&right)));
    spans.extend(right);
    spans.into()
}

/// A rule across the screen, with a title, and a word at its end.
pub(super) fn rule(title: &str, end: Option<&str>, columns_of_row: usize) -> Line<'static> {
    let mut left = vec![span("──", DIM)];
    if !title.is_empty() {
        left.push(span(format!(" {title} "), NORMAL));
    }
    let end = end.map(|end| format!(" {end} ")).unwrap_or_default();
    let right = vec![span(end, NORMAL), span("──", DIM)];
    let room = columns_of_row.saturating_sub(columns(&left) + columns(&right));
    left.push(span("─".repeat(room), DIM));
    left.extend(right);
    left.into()
}

/// Pieces one after the other, in as many rows as they need.
pub(super) fn flow(
    pieces: Vec<Vec<Span<'static>>>,
    gap: usize,
    columns_of_row: usize,
) -> Vec<Line<'static>> {
    let mut rows: Vec<Vec<Span>> = vec![Vec::new()];
    for piece in pieces {
        let row = rows.last_mut().expect("one is there from the beginning");
        if row.is_empty() {
            *row = piece;
        } else if columns(row) + gap + columns(&piece) <= columns_of_row {
            row.push(space(gap));
            row.extend(piece);
        } else {
            rows.push(piece);
        }
    }
    rows.into_iter().map(Line::from).collect()
}
