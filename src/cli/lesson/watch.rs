//! `dojo lesson watch`.

use std::process::ExitCode;

use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::services::Context;
use crate::lesson::Outcome;

use super::args::Watch;
use super::{check, eyes, session, step, verdict};

pub(super) async fn run(context: &Context, _args: &Watch) -> Result<ExitCode, Error> {
    let mut session = session(context)?;
    let eyes = eyes(context, &session).await?;
    output::line(&step::heading(&session))?;
    if let Some(notice) = check::elsewhere(context, &session) {
        output::line(&notice)?;
    }
    let mut told = String::new();
    let mut last = None;
    let watched = session.follow(&eyes, |session, verdict| {
        last = Some(verdict.verdict);
        let now = verdict::told(session, &verdict);
        if now != told {
            output::line("")?;
            output::write(now.as_bytes())?;
            told = now;
        }
        if verdict.verdict == Outcome::Passed {
            output::write(check::passed(context, session)?.as_bytes())?;
        }
        Ok::<_, Error>(verdict.verdict != Outcome::Passed)
    });
    watched.await?;
    Ok(last.map_or(ExitCode::SUCCESS, check::code))
}
