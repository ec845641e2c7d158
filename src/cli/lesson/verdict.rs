//! A verdict as text.

use crate::learn::Session;
use crate::lesson::{Outcome, Told, Verdict, label, sentence};
use crate::model::Language;
use crate::report::screen::Sign;

use super::tell::chosen;
use super::view::sign;
use super::words::{self, Words};

/// How a condition stands, as lines show it.
fn mark(told: &Told) -> char {
    match sign(told) {
        Sign::Passed => '✓',
        Sign::Waiting => '·',
        Sign::NotYet | Sign::Unmet => '✗',
        Sign::Lost => '!',
        Sign::CannotTell => '?',
    }
}

/// The word of an outcome.
pub(super) fn word(outcome: Outcome) -> Words {
    match outcome {
        Outcome::Passed => words::PASSED,
        Outcome::NotYet => words::NOT_YET,
        Outcome::Lost => words::LOST,
        Outcome::CannotTell => words::CANNOT_TELL,
    }
}

/// All that is to be told of a verdict: the condition that decides in full, the others in a line each.
pub(super) fn told(session: &Session, verdict: &Verdict) -> String {
    let language = session.attempt.language;
    let mut text = String::new();
    add(&verdict.told, 0, verdict.told.deciding(), language, &mut text);
    if let Some(prediction) = &verdict.prediction
        && verdict.verdict == Outcome::Passed
    {
        let step = session.step_text();
        let said = chosen(&step, &prediction.said);
        text.push_str(&format!("{}: {said} ", words::PREDICTED.of(language)));
        if prediction.right {
            text.push_str(&format!("({})\n", words::RIGHT.of(language)));
        } else {
            let truth = chosen(&step, &prediction.truth);
            text.push_str(&format!("({}: {truth})\n", words::IT_WAS.of(language)));
        }
    }
    text
}

fn add(told: &Told, depth: usize, deciding: &Told, language: Language, text: &mut String) {
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{} {}\n", mark(told), label(told, language)));
    if std::ptr::eq(told, deciding) && !told.is_passed() {
        if let Some(sentence) = sentence(told, language) {
            text.push_str(&format!("{indent}    {sentence}\n"));
        }
        if let Some(look) = &told.look {
            text.push_str(&format!("{indent}    {}: {look}\n", words::LOOK.of(language)));
        }
    }
    for part in &told.parts {
        add(part, depth + 1, deciding, language, text);
    }
}
