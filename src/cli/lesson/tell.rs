//! A lesson as text.

use std::env;
use std::path::{Path, PathBuf};

use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::services::Context;
use crate::learn::{Handout, Session};
use crate::lesson::StepText;
use crate::model::Language;
use crate::report::screen::reflowed;

use super::order;
use super::words::{self, Words};

/// How long lines of text are at most, in columns.
const LONGEST: usize = 100;

/// What can be done after a lesson.
pub(super) fn ended(context: &Context, session: &Session) -> Result<String, Error> {
    let next = order::next(context, Some(&session.attempt.lesson))?;
    let mut ways = Vec::new();
    if let Some(lesson) = next {
        ways.push((format!("dojo lesson start {}", lesson.id), words::NEXT_LESSON));
    }
    ways.push((format!("dojo down {}", session.attempt.cluster), words::HOW_TO_LEAVE));
    Ok(commands(&ways, session.attempt.language))
}

/// The text of the step with what can be done.
pub(super) fn told(session: &Session) -> String {
    let language = session.attempt.language;
    let text = session.step_text();
    let mut parts = vec![heading(session), flowed(&text.goal)];
    parts.push(flowed(&format!("{}: {}", words::WHY.of(language), text.why)));
    let mut ways = Vec::new();
    if let Some(ask) = &text.ask {
        let question = format!("{}: {}", words::QUESTION.of(language), ask.question);
        let mut question = flowed(&question);
        for (key, words) in &ask.options {
            question.push_str(&format!("\n  {key}: {words}"));
        }
        parts.push(question);
        let options: Vec<_> = ask.options.iter().map(|(key, _)| key.as_str()).collect();
        ways.push((format!("dojo lesson answer {}", options.join("|")), words::HOW_TO_ANSWER));
    }
    ways.push(("dojo lesson watch".to_owned(), words::HOW_TO_WATCH));
    ways.push(("dojo lesson check".to_owned(), words::HOW_TO_CHECK));
    ways.push(("dojo lesson hint".to_owned(), words::HOW_TO_HINT));
    parts.push(commands(&ways, language));
    parts.join("\n\n")
}

/// A text of a lesson in lines that fit the terminal. A program gets it as it was written.
pub(super) fn flowed(text: &str) -> String {
    match output::terminal_columns() {
        // Lines that are too long are hard to read.
        Some(columns) => reflowed(text, columns.min(LONGEST)),
        None => text.to_owned(),
    }
}

/// Where files are kept that the learner had changed.
pub(super) fn kept(handout: &Handout, language: Language) -> String {
    let words = words::KEPT.of(language);
    handout.kept.iter().map(|path| format!("{words}: {}\n", shown(path))).collect()
}

/// Which step of which lesson it is.
pub(super) fn heading(session: &Session) -> String {
    let (number, of) = (session.number() + 1, session.lesson.steps.len());
    let step = words::STEP.of(session.attempt.language);
    format!("{} · {step} {number}/{of}: {}", session.lesson.id, session.attempt.step.id)
}

/// Commands, and what each is for.
pub(super) fn commands(ways: &[(String, Words)], language: Language) -> String {
    let rows: Vec<Vec<String>> = ways
        .iter()
        .map(|(command, words)| vec![format!("  {command}"), words.of(language).to_owned()])
        .collect();
    output::columns(&rows)
}

/// Options in the words of the lesson.
pub(super) fn chosen(text: &StepText, options: &[String]) -> String {
    let words = |key: &String| {
        let all = text.ask.iter().flat_map(|ask| &ask.options);
        all.clone().find(|(it, _)| it == key).map_or(key.clone(), |(_, words)| words.clone())
    };
    options.iter().map(words).collect::<Vec<_>>().join(" ")
}

/// A path as one would type it here.
pub(super) fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let path = path.strip_prefix(&here).unwrap_or(path).display().to_string();
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { path } else { crate::remote::quote(&path) }
}
