//! The same in lines: for those who have it read to them, and for logs.

use super::view::{Happening, Line, Sign, View};
use super::words::{said, step, words};
use crate::report::line::{lines, one_line};

/// What is new in a view, a line each: without colours and without signs. With nothing before, all of it.
pub fn plain(view: &View, before: Option<&View>) -> Vec<String> {
    let same = |old: &&View| (&old.lesson, old.step) == (&view.lesson, view.step);
    let step_before = before.filter(same);
    let mut out = Vec::new();
    if step_before.is_none() {
        let name = one_line(&view.step_title);
        out.push(format!("{}, {}: {name}", one_line(&view.lesson), step(view, false)));
        out.extend(lines(&view.goal));
    }
    let old = before.map(|old| old.happenings.as_slice()).unwrap_or_default();
    out.extend(added(old, &view.happenings).iter().map(happened));
    for (at, line) in view.conditions.iter().enumerate() {
        let old = step_before.and_then(|old| old.conditions.get(at));
        if !old.is_some_and(|old| old.sign == line.sign && old.words == line.words) {
            out.push(stands(line, view));
        }
    }
    let words = words(view.language);
    let mut fresh = |of: fn(&View) -> Option<String>, label: &str| {
        let now = of(view);
        if now != step_before.and_then(of)
            && let Some(now) = now
        {
            out.push(if label.is_empty() { now } else { format!("{label}: {now}") });
        }
    };
    fresh(|view| view.look.as_deref().map(one_line), words.look);
    fresh(predicted, words.predicted);
    fresh(|view| view.notice.as_deref().map(one_line), "");
    if view.can_next && !step_before.is_some_and(|old| old.can_next) {
        out.push(words.is_passed.to_owned());
    }
    let lost = |view: &View| view.conditions.iter().any(|line| line.sign == Sign::Lost);
    if lost(view) && !step_before.is_some_and(lost) {
        out.push(words.is_lost.to_owned());
    }
    if let Some(panel) = &view.panel
        && before.and_then(|old| old.panel.as_ref()) != Some(panel)
    {
        out.push(format!("{}:", one_line(&panel.title)));
        let text = lines(&panel.text).into_iter().filter(|line| !line.trim().starts_with("```"));
        out.extend(text.map(|line| format!("  {line}")));
        for (at, choice) in panel.choices.iter().enumerate() {
            let mark = match choice.chosen {
                Some(true) => "[x] ",
                Some(false) => "[ ] ",
                None => "",
            };
            out.push(format!("  {} {mark}{}", at + 1, one_line(&choice.words)));
        }
    }
    out
}

/// What has come behind what was there. Of the old ones, the first may have been forgotten meanwhile.
fn added<'a>(old: &[Happening], new: &'a [Happening]) -> &'a [Happening] {
    let known = (0..=old.len().min(new.len()))
        .rev()
        .find(|known| old[old.len() - known..] == new[..*known])
        .unwrap_or(0);
    &new[known..]
}

fn happened(happening: &Happening) -> String {
    let parts = [&happening.at, &happening.place, &happening.words].map(|part| one_line(part));
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// `passed: a replica was replaced (web.2, 14:02:09)`
fn stands(line: &Line, view: &View) -> String {
    let stands = said(line.sign, view.language);
    let seen = line.seen.as_deref().map(one_line).filter(|seen| !seen.is_empty());
    let seen = seen.map(|seen| format!(" ({seen})")).unwrap_or_default();
    format!("{stands}: {}{seen}", one_line(&line.words))
}

fn predicted(view: &View) -> Option<String> {
    let prediction = view.prediction.as_ref()?;
    let words = words(view.language);
    let truth = prediction.truth.as_ref().map(|truth| {
        if truth.right {
            format!(" ({})", words.right)
        } else {
            format!(" ({}: {})", words.wrong, one_line(&truth.words))
        }
    });
    Some(format!("{}{}", one_line(&prediction.said), truth.unwrap_or_default()))
}
