//! For those who write lessons: `dojo lesson new`, `lint` and `prove`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::args::DataFormat;
use crate::cli::error::{About as _, Error};
use crate::cli::output;
use crate::cli::services::Context;
use crate::cli::up::absolute;
use crate::durable;
use crate::learn::{self, Beginning, Case, Prover};
use crate::lesson::{Lesson, lint};
use crate::model::{ClusterName, Language};
use crate::workflow::{self, DownOptions, UpOptions};

use super::args::{Lint, New, Prove};
use super::{begin, solve, tell};

/// The files of a lesson that is to be written.
const SKELETON: [(&str, &str); 3] = [
    ("lesson.md", include_str!("../../../templates/new-lesson/lesson.md")),
    ("lesson.ko.md", include_str!("../../../templates/new-lesson/lesson.ko.md")),
    ("files/stack.yaml", include_str!("../../../templates/new-lesson/files/stack.yaml")),
];

/// `dojo lesson new`.
pub(super) fn new(context: &Context, args: &New) -> Result<(), Error> {
    for (name, text) in SKELETON {
        let path = args.directory.join(name);
        let failed = |source| {
            Error::Lesson(learn::Error::File { operation: "make", path: path.clone(), source })
        };
        fs::create_dir_all(durable::directory_of(&path)).map_err(failed)?;
        if !durable::create(&path, text.as_bytes(), 0o644).map_err(failed)? {
            let path = path.display();
            return Err(Error::Usage(format!("`{path}` is there already, and stays as it is")));
        }
    }
    if context.quiet {
        return Ok(());
    }
    let directory = tell::shown(&args.directory);
    output::write(
        output::columns(&[
            vec![format!("  dojo lesson lint {directory}"), "tell what it lacks".to_owned()],
            vec![format!("  dojo lesson prove {directory}"), "try it on a cluster".to_owned()],
            vec![format!("  dojo lesson start --from {directory}"), "learn it".to_owned()],
        ])
        .as_bytes(),
    )
}

/// `dojo lesson lint`.
pub(super) fn check(args: &Lint) -> Result<ExitCode, Error> {
    let flaws = lint(&learn::read(&args.directory)?);
    for flaw in &flaws {
        output::line(&args.directory.join(flaw.to_string()).display().to_string())?;
    }
    Ok(if flaws.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `dojo lesson prove`.
pub(super) async fn prove(context: &Context, args: &Prove) -> Result<ExitCode, Error> {
    let (lesson, from) = lesson(&args.lesson)?;
    let record = args.record.as_deref().map(absolute).transpose()?;
    if let (Some(from), Some(record)) = (&from, &record)
        && record.starts_with(from)
    {
        return Err(Error::Usage("evidence is no part of a lesson: keep it elsewhere".to_owned()));
    }
    let name: ClusterName = match &args.cluster {
        Some(name) => name.clone(),
        None => format!("prove-{}", learn::usual_name(&lesson)).parse()?,
    };
    let was_there = context.home.record(&name).about(&name)?.is_some();
    let bundle = args.bundle.as_deref();
    let made = begin::make(context, &lesson, name.clone(), bundle, UpOptions::BY_THE_WAY).await;
    let (services, of_cluster) = made?;
    let within = tempfile::tempdir()
        .map_err(|source| Error::Io { operation: "make a directory", source })?;
    let prover = Prover {
        services: &services,
        record: &of_cluster,
        shell: solve::shell_on(context, &of_cluster, &lesson).await?,
        keep: record,
    };
    let within = within.path().to_owned();
    let beginning = Beginning { lesson, from, language: Language::En, within };
    let tell = |case: &Case| {
        if args.output == DataFormat::Table {
            // What is wrong is told again by the exit code.
            let _ = output::line(&told(case));
        }
    };
    let proof = Box::pin(prover.prove(beginning, tell));
    let cases = context.interrupt.or(proof).await.ok_or(Error::Interrupted)?.about(&name)?;
    if args.output == DataFormat::Json {
        output::json(&cases)?;
    }
    if !was_there && !args.keep {
        let services = context.services_of(&name).await.about(&name)?;
        workflow::down(&services, &name, DownOptions::default()).await.about(&name)?;
    }
    let is_proven = cases.iter().all(|case| case.problem.is_none());
    Ok(if is_proven { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A lesson in a directory, or one that is built in.
fn lesson(text: &str) -> Result<(Lesson, Option<PathBuf>), Error> {
    let directory = Path::new(text);
    if directory.is_dir() {
        let directory = absolute(directory)?;
        return Ok((learn::read(&directory)?, Some(directory)));
    }
    Ok((learn::find(text)?, None))
}

fn told(case: &Case) -> String {
    let Case { step, case, problem, seconds } = case;
    match problem {
        None => format!("ok      {step} {case} ({seconds:.1} s)"),
        Some(problem) => format!("FAILED  {step} {case} ({seconds:.1} s): {problem}"),
    }
}
