//! The step that is being done, as text: `text`, `answer`, `hint`, `next`.

use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::services::Context;
use crate::learn::Session;
use crate::lesson::StepText;
use crate::model::Language;

use super::words::{self, Words};
use super::{begin, eyes, session};

/// `dojo lesson text`.
pub(super) fn text(context: &Context) -> Result<(), Error> {
    output::write(told(&session(context)?).as_bytes())
}

/// `dojo lesson answer`.
pub(super) fn answer(context: &Context, args: &super::args::Answer) -> Result<(), Error> {
    let session = session(context)?;
    session.answer(&args.options)?;
    if context.quiet {
        return Ok(());
    }
    // Whether it is right, the cluster will tell.
    output::line(&format!(
        "{}: {}",
        words::PREDICTED.of(session.attempt.language),
        chosen(&session.step_text(), &args.options)
    ))
}

/// `dojo lesson hint`.
pub(super) fn hint(context: &Context) -> Result<(), Error> {
    let mut session = session(context)?;
    let language = session.attempt.language;
    let of = session.step_text().hints.len();
    match session.hint()? {
        Some((hint, number, of)) => {
            output::line(&format!("{} {number}/{of}: {}", words::HINT.of(language), hint.text))
        }
        None if session.attempt.step.hints >= of => output::line(words::NO_MORE_HINTS.of(language)),
        None => output::line(words::NO_HINTS_YET.of(language)),
    }
}

/// `dojo lesson next`.
pub(super) async fn next(context: &Context) -> Result<(), Error> {
    let mut session = session(context)?;
    let eyes = eyes(context, &session).await?;
    if session.next(&eyes).await? {
        return output::write(told(&session).as_bytes());
    }
    let text = format!(
        "{}\n\n{}",
        words::LESSON_PASSED.of(session.attempt.language),
        ended(context, &session)?
    );
    output::write(text.as_bytes())
}

/// What can be done after a lesson.
pub(super) fn ended(context: &Context, session: &Session) -> Result<String, Error> {
    let next = begin::next(context, Some(&session.attempt.lesson))?;
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
    let mut parts = vec![heading(session), text.goal.clone()];
    parts.push(format!("{}: {}", words::WHY.of(language), text.why));
    let mut ways = Vec::new();
    if let Some(ask) = &text.ask {
        let mut question = format!("{}: {}", words::QUESTION.of(language), ask.question);
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
