//! `dojo lesson watch`.

use std::process::ExitCode;

use crate::cli::error::Error;
use crate::cli::output;
use crate::cli::services::Context;
use crate::event::{Progress, chain};
use crate::learn::{Session, follow};
use crate::lesson::Outcome;
use crate::report::screen::{Error as NoScreen, Screen};

use super::args::Watch;
use super::reach::{eyes, session};
use super::{check, screen, tell, verdict};

pub(super) async fn run(context: &Context, args: &Watch) -> Result<ExitCode, Error> {
    let session = session(context)?;
    if !args.plain && !context.quiet {
        match Screen::open() {
            Ok(screen) => return screen::run(context, session, screen).await,
            Err(NoScreen::NotATerminal) => {}
            Err(error) => {
                let progress = Progress::new(context.reporter.clone());
                progress.warn(format!("no full screen: {}", chain(&error)));
            }
        }
    }
    plain(context, session).await
}

/// A line for each change.
async fn plain(context: &Context, mut session: Session) -> Result<ExitCode, Error> {
    let eyes = eyes(context, &session).await?;
    let mut heading = tell::heading(&session);
    output::line(&heading)?;
    if let Some(notice) = check::elsewhere(context, &session) {
        output::line(&notice)?;
    }
    let mut told = String::new();
    let mut last = None;
    let watched = follow(&mut session, &eyes, |session, verdict| {
        last = Some(verdict.verdict);
        let step = tell::heading(session);
        if step != heading {
            output::line(&format!("\n{step}"))?;
            heading = step;
        }
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
    // Ctrl-C is how it is left.
    context.interrupt.begin();
    context.interrupt.or(watched).await.transpose()?;
    Ok(last.map_or(ExitCode::SUCCESS, check::code))
}
