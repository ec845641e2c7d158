//! What happens, and the machines: the lower part of the screen.

use ratatui_core::text::{Line, Span};

use super::look::{DIM, Look, NORMAL};
use super::row::{columns, padded, space, span};
use super::text::wrap;
use super::view::{Happening, Health, Machine, Tile, View};
use super::words::{more_machines, words};
use crate::report::line::{cut, one_line, width};

/// From so many columns on, moments and places are columns of their own.
const IN_COLUMNS: usize = 60;

/// The newest of what has happened, in at most so many rows.
pub(super) fn happenings(view: &View, room: usize, most: usize) -> Vec<Line<'static>> {
    let newest = &view.happenings[view.happenings.len().saturating_sub(most)..];
    if newest.is_empty() {
        return vec![span(words(view.language).nothing_yet, DIM).into()];
    }
    let widest =
        |of: fn(&Happening) -> &str| newest.iter().map(|h| width(of(h))).max().unwrap_or(0);
    let at = widest(|happening| &happening.at);
    let place = widest(|happening| &happening.place).min(room / 4);
    let mut rows: Vec<Vec<Line>> = Vec::new();
    for happening in newest {
        let mut told: Vec<Line> = Vec::new();
        let moment = one_line(&happening.at);
        let on = one_line(&happening.place);
        let said = one_line(&happening.words);
        let (head, lead) = if room >= IN_COLUMNS {
            let mut head = padded(vec![span(moment, DIM)], at + 2);
            head.push(span(cut(&on, place), NORMAL));
            let lead = if place == 0 { at + 2 } else { at + 2 + place + 2 };
            (padded(head, lead), lead)
        } else {
            let head = [moment, on].into_iter().filter(|part| !part.is_empty());
            let head: Vec<Span> = head.flat_map(|part| [span(part, DIM), space(1)]).collect();
            let lead = columns(&head);
            (head, lead)
        };
        // On a narrow screen, further rows begin further to the left.
        let hang = if room >= IN_COLUMNS { lead } else { 2 };
        let filled = format!("{}{said}", "x".repeat(lead));
        let mut head = Some(head);
        for line in wrap(&filled, room, hang) {
            told.push(match head.take() {
                Some(mut head) => {
                    head.push(span(line.chars().skip(lead).collect::<String>(), NORMAL));
                    head.into()
                }
                None => span(line, NORMAL).into(),
            });
        }
        rows.push(told);
    }
    // Whole ones, the newest in any case.
    let mut used = 0;
    let fit = rows.iter().rev().take_while(|told| {
        used += told.len();
        used <= most
    });
    let fit = fit.count().max(1);
    rows.drain(..rows.len() - fit);
    rows.into_iter().flatten().take(most).collect()
}

/// The machines, in at most so many rows. Where there is too little room, those that are well are left out first.
pub(super) fn machines(view: &View, room: usize, most: usize, look: Look) -> Vec<Line<'static>> {
    let names = view.machines.iter().map(|machine| width(&one_line(&machine.name)));
    let names = names.max().unwrap_or(0).min(room.saturating_sub(2));
    // Rather shorten what is said of each than leave some out.
    let across = view.machines.len().div_ceil(most.max(1)).max(1);
    let limit = ((room + GAP) / across).saturating_sub(GAP).max(names + TILES).min(room);
    let cells: Vec<Vec<Span>> =
        view.machines.iter().map(|machine| cell(machine, names, limit, look)).collect();
    let cell_width = cells.iter().map(|cell| columns(cell)).max().unwrap_or(0);
    let across = ((room + GAP) / (cell_width + GAP)).max(1);
    let places = across * most;
    let mut shown: Vec<usize> = (0..cells.len()).collect();
    if shown.len() > places {
        // One place says how many more there are.
        let room_for = places.saturating_sub(1);
        shown.sort_by_key(|at| (calm_on(&view.machines[*at]), *at));
        shown.truncate(room_for);
        shown.sort_unstable();
    }
    let left_out = cells.len() - shown.len();
    let mut pieces: Vec<Vec<Span>> = shown.into_iter().map(|at| cells[at].clone()).collect();
    if left_out > 0 {
        pieces.push(vec![span(more_machines(left_out, view.language), DIM)]);
    }
    pieces
        .chunks(across)
        .map(|row| {
            let mut spans = Vec::new();
            for (at, piece) in row.iter().enumerate() {
                spans = padded(spans, at * (cell_width + GAP));
                spans.extend(piece.clone());
            }
            spans.into()
        })
        .collect()
}

/// Columns between two machines.
const GAP: usize = 4;

/// Columns that what runs on a machine has at least.
const TILES: usize = 20;

/// How little there is to look at: less, the worse its worst part is.
fn calm_on(machine: &Machine) -> usize {
    // Tasks that have ended are nothing to look at.
    let tiles = machine.tiles.iter().filter(|tile| tile.health != Health::Off);
    tiles.map(|tile| calm(tile.health)).chain([calm(machine.health)]).min().unwrap_or(3)
}

fn calm(health: Health) -> usize {
    match health {
        Health::Bad | Health::Unknown => 0,
        Health::Changing => 1,
        Health::Off => 2,
        Health::Good => 3,
    }
}

/// `● worker-1  web.2 ✗  web.3 ✓`
fn cell(machine: &Machine, names: usize, room: usize, look: Look) -> Vec<Span<'static>> {
    let (mark, style) = look.machine(machine.health);
    let name = cut(&one_line(&machine.name), names);
    let mut spans = vec![span(mark, style), space(1), span(name, NORMAL)];
    if !machine.tiles.is_empty() {
        spans = padded(spans, 2 + names);
    }
    let mut tiles: Vec<&Tile> = machine.tiles.iter().collect();
    let all: usize = tiles.iter().map(|tile| 2 + width(&one_line(&tile.label)) + 2).sum();
    if columns(&spans) + all > room {
        tiles.sort_by_key(|tile| (tile.health == Health::Off, calm(tile.health)));
    }
    for (at, tile) in tiles.iter().enumerate() {
        let (mark, style) = look.tile(tile.health);
        let label = one_line(&tile.label);
        let more = format!("  +{}", machine.tiles.len() - at);
        let is_last = at + 1 == machine.tiles.len();
        let reserved = if is_last { 0 } else { more.len() };
        if columns(&spans) + 2 + width(&label) + 2 + reserved > room {
            spans.push(span(more, DIM));
            break;
        }
        spans.extend([space(2), span(label, NORMAL), space(1), span(mark, style)]);
    }
    spans
}
