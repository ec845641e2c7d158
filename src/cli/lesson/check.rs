//! `dojo lesson check`.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::cli::args::DataFormat;
use crate::cli::error::Error;
use crate::cli::exit::CANNOT_TELL;
use crate::cli::output;
use crate::cli::services::Context;
use crate::cli::switch::overridden;
use crate::kind;
use crate::learn::{Eyes, Session, follow};
use crate::lesson::{Outcome, Verdict, sentence};
use crate::model::Tool;
use crate::pace::within;

use super::args::Check;
use super::reach::{eyes, session};
use super::{tell, verdict, words};

const NOT_YET: u8 = 1;
const LOST: u8 = 5;

/// A verdict, as `-o json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View<'a> {
    lesson: &'a str,
    step: &'a str,
    /// Why, in the learner's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
    /// The command that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    look: Option<&'a str>,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

impl<'a> View<'a> {
    pub(super) fn of(session: &'a Session, verdict: &'a Verdict) -> Self {
        let deciding = verdict.told.deciding();
        Self {
            lesson: &session.lesson.id,
            step: &session.attempt.step.id,
            says: sentence(deciding, session.attempt.language),
            look: deciding.look.as_deref().filter(|_| verdict.verdict != Outcome::Passed),
            verdict,
        }
    }
}

pub(super) async fn run(context: &Context, args: &Check) -> Result<ExitCode, Error> {
    let mut session = session(context)?;
    let eyes = eyes(context, &session).await?;
    let verdict = match args.observe {
        Some(time) => observed(&mut session, &eyes, time).await?,
        None => session.check(&eyes).await?,
    };
    session.tried(&verdict)?;
    match args.output {
        DataFormat::Json => output::json(&View::of(&session, &verdict))?,
        DataFormat::Table => output::write(text(context, &session, &verdict)?.as_bytes())?,
    }
    Ok(code(verdict.verdict))
}

/// The exit code of a verdict.
pub(super) fn code(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::NotYet => ExitCode::from(NOT_YET),
        Outcome::Lost => ExitCode::from(LOST),
        Outcome::CannotTell => ExitCode::from(CANNOT_TELL),
    }
}

/// Looks for a time, or until the step is passed.
async fn observed(session: &mut Session, eyes: &Eyes, time: Duration) -> Result<Verdict, Error> {
    let mut last = session.check(eyes).await?;
    if last.verdict != Outcome::Passed {
        let watched = follow(session, eyes, |_, verdict| {
            let passed = verdict.verdict == Outcome::Passed;
            last = verdict;
            Ok::<_, Error>(!passed)
        });
        if let Ok(ended) = within(time, watched).await {
            ended?;
        }
    }
    Ok(last)
}

fn text(context: &Context, session: &Session, verdict: &Verdict) -> Result<String, Error> {
    let language = session.attempt.language;
    let word = verdict::word(verdict.verdict).of(language);
    let mut text = format!("{}: {word}\n", tell::heading(session));
    text.push_str(&verdict::told(session, verdict));
    if let Some(notice) = elsewhere(context, session) {
        text.push_str(&format!("\n{notice}\n"));
    }
    match verdict.verdict {
        Outcome::Passed => text.push_str(&passed(context, session)?),
        Outcome::Lost => {
            let ways = [("dojo lesson reset".to_owned(), words::HOW_TO_RESET)];
            text.push_str(&format!("\n{}", tell::commands(&ways, language)));
        }
        Outcome::CannotTell => {
            let cluster = &session.attempt.cluster;
            let ways = [
                (format!("dojo status {cluster}"), words::HOW_IT_IS),
                ("dojo lesson reset".to_owned(), words::HOW_TO_RESET),
            ];
            text.push_str(&format!("\n{}", tell::commands(&ways, language)));
        }
        Outcome::NotYet => {}
    }
    Ok(text)
}

/// What is told once a step is passed.
pub(super) fn passed(context: &Context, session: &Session) -> Result<String, Error> {
    let language = session.attempt.language;
    let mut text = String::new();
    if let Some(after) = session.step_text().after {
        text.push_str(&format!("\n{}\n", tell::flowed(&after)));
    }
    text.push('\n');
    if session.is_last() {
        text.push_str(&format!("{}\n\n", words::LESSON_PASSED.of(language)));
        text.push_str(&tell::ended(context, session)?);
    } else {
        let ways = [("dojo lesson next".to_owned(), words::HOW_TO_GO_ON)];
        text.push_str(&tell::commands(&ways, language));
    }
    Ok(text)
}

/// That the learner's commands go to another cluster than that of the lesson, if it is so.
pub(super) fn elsewhere(context: &Context, session: &Session) -> Option<String> {
    let wanted = session.attempt.cluster.context();
    let tool = kind::of(session.lesson.cluster.orchestrator).tool();
    let selected = match tool {
        Tool::Docker => {
            if let Some(why) = overridden(&wanted) {
                return Some(why);
            }
            context.contexts.current().ok()?
        }
        Tool::Kubectl => context.kube_contexts.current().ok()?,
    };
    if selected.as_deref() == Some(&wanted) {
        return None;
    }
    let selected = selected.unwrap_or_else(|| "default".to_owned());
    let cluster = &session.attempt.cluster;
    Some(format!(
        "`dojo use {cluster}` selects this lesson's cluster: {tool} uses context {selected}"
    ))
}
