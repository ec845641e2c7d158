//! `dojo lesson solve`.

use std::env;
use std::sync::Arc;

use crate::cli::error::Error;
use crate::cli::kubectl::cache;
use crate::cli::output;
use crate::cli::services::Context;
use crate::event::Progress;
use crate::kind;
use crate::learn::{self, Session, Shell};
use crate::lesson::Lesson;
use crate::model::{Machine, Tool};
use crate::remote::Dialer;
use crate::store::Record;
use crate::workflow;

use super::args::Solve;
use super::reach::session;
use super::{tell, words};

pub(super) async fn run(context: &Context, args: &Solve) -> Result<(), Error> {
    let mut session = session(context)?;
    if args.show {
        let commands = &session.step()?.solve;
        return output::write(format!("{}\n", commands.join("\n")).as_bytes());
    }
    let shell = shell(context, &session).await?;
    let commands = session.solving()?;
    context.interrupt.begin();
    context.interrupt.or(learn::run(&shell, &commands)).await.ok_or(Error::CutOff {
        left: "what the solution had done until then is done",
        hint: "`dojo lesson check` says how it stands, `dojo lesson reset` puts the cluster back",
    })??;
    let ways = [("dojo lesson check".to_owned(), words::HOW_TO_CHECK)];
    output::write(tell::commands(&ways, session.attempt.language).as_bytes())
}

/// What the learner's commands run in.
pub(super) async fn shell(context: &Context, session: &Session) -> Result<Shell, Error> {
    let record = session.check_cluster(context.home.record(&session.attempt.cluster)?)?;
    let shell = shell_on(context, &record, &session.lesson).await?;
    Ok(match &session.attempt.directory {
        Some(directory) => Shell { directory: directory.clone(), ..shell },
        None => shell,
    })
}

/// What commands for a cluster run in: here, unless another directory is said.
pub(super) async fn shell_on(
    context: &Context,
    record: &Record,
    lesson: &Lesson,
) -> Result<Shell, Error> {
    let name = &record.spec.name;
    let failed = |operation| move |source| Error::Io { operation, source };
    let kubernetes = match kind::of(record.spec.orchestrator).tool() {
        Tool::Docker => None,
        Tool::Kubectl => {
            let files = context.ssh(name);
            let progress = Progress::new(Arc::clone(&context.reporter));
            let dialer =
                |machine: &Machine| Arc::new(context.dialer(record, machine)) as Arc<dyn Dialer>;
            let program = workflow::kubectl(record, &cache()?, &files, dialer, &progress).await?;
            context.open_tunnels(record, &record.machines).await?;
            Some((context.home.directory(name).join("kubeconfig"), program))
        }
    };
    Ok(Shell {
        directory: env::current_dir().map_err(failed("find the current directory"))?,
        context: name.context(),
        kubernetes,
        namespace: lesson.namespace.clone(),
        dojo: env::current_exe().map_err(failed("find this program"))?,
        lessons: None,
    })
}
