//! `dojo lesson`.

mod args;
mod author;
mod begin;
mod check;
mod export;
mod list;
mod order;
mod reach;
mod reset;
mod screen;
mod solve;
mod step;
mod tell;
mod verdict;
mod view;
mod watch;
mod words;

use std::process::ExitCode;

use super::error::Error;
use super::services::Context;

pub(super) use args::LessonCommand;
pub(super) use view::of as view_of;

pub(super) async fn run(context: &Context, command: LessonCommand) -> Result<ExitCode, Error> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        LessonCommand::Ls(args) => list::run(context, &args).map(done),
        LessonCommand::Start(args) => begin::run(context, args).await.map(done),
        LessonCommand::Text => step::text(context).map(done),
        LessonCommand::Answer(args) => step::answer(context, &args).map(done),
        LessonCommand::Hint => step::hint(context).map(done),
        LessonCommand::Next => step::next(context).await.map(done),
        LessonCommand::Check(args) => {
            check::run(context, &args).await.map_err(|error| Error::Untold(Box::new(error)))
        }
        LessonCommand::Watch(args) => watch::run(context, &args).await,
        LessonCommand::Solve(args) => solve::run(context, &args).await.map(done),
        LessonCommand::Reset(args) => reset::run(context, &args).await.map(done),
        LessonCommand::Export(args) => export::run(context, &args).map(done),
        LessonCommand::New(args) => author::new(context, &args).map(done),
        LessonCommand::Lint(args) => author::check(&args),
        LessonCommand::Prove(args) => author::prove(context, &args).await,
    }
}
