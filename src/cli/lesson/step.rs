//! The step that is being done, as text: `text`, `answer`, `hint`, `next`.

use crate::cli::error::{About as _, Error};
use crate::cli::output;
use crate::cli::services::Context;
use crate::learn::{Eyes, Session};

use super::reach::{cluster_of, session};
use super::tell::{chosen, ended, flowed, told};
use super::words::{self, Words};

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
    match session.hint()? {
        Some((hint, number, of)) => {
            let text = format!("{} {number}/{of}: {}", words::HINT.of(language), hint.text);
            output::line(&flowed(&text))
        }
        None => output::line(no_hint(&session).of(language)),
    }
}

/// Why there is no hint.
pub(super) fn no_hint(session: &Session) -> Words {
    let (given, all) = session.hint_counts();
    if given == all { words::NO_MORE_HINTS } else { words::NO_HINTS_YET }
}

/// `dojo lesson next`.
pub(super) async fn next(context: &Context) -> Result<(), Error> {
    let mut session = session(context)?;
    let (services, record) = cluster_of(context, &session).await?;
    let name = &record.spec.name;
    let eyes = Eyes::on(&services, &record).await.about(name)?;
    if session.next(&services, &eyes).await.about(name)? {
        return output::write(told(&session).as_bytes());
    }
    let text = format!(
        "{}\n\n{}",
        words::LESSON_PASSED.of(session.attempt.language),
        ended(context, &session)?
    );
    output::write(text.as_bytes())
}
