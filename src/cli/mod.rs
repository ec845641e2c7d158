//! The command line: arguments in, summary and exit code out. This is the composition root; nothing
//! below it reads arguments or prints.

mod active;
mod answer;
mod args;
mod beside;
mod bundle;
mod certs;
mod copy;
mod costs;
mod data_format;
mod down;
mod driver_flags;
mod env;
mod error;
mod examples;
mod exit;
mod extend;
mod failure;
mod faults;
mod filter;
mod flags;
mod follow;
mod forward;
mod habits;
mod help;
mod hints;
mod image;
mod import;
mod inspect;
mod kubectl;
mod lab_images;
mod lesson;
mod lifetime;
mod list;
mod logs;
mod machine;
mod meant;
mod mount;
mod output;
mod overruled;
mod own_images;
mod place;
mod pointed;
mod power;
mod scale;
mod services;
mod share;
mod side;
mod snapshot;
mod ssh;
mod status;
mod status_of_machine;
mod sweep;
mod switch;
mod tally;
mod template;
mod trust;
mod tunnels;
mod up;
mod upgrade;
mod view;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::pace;

use args::{
    BundleCommand, CertsCommand, Cli, Command, ContextCommand, ImageCommand, ImportCommand,
};
use error::Error;
use flags::DriverFlagsGiven;
use services::Context;

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = parse(&arguments);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return failure::tell(&Error::Io { operation: "start", source: error });
        }
    };
    let code = runtime.block_on(async {
        match cli {
            Ok((cli, flags)) => {
                let ended = run(cli, flags, &arguments).await;
                ended.unwrap_or_else(|error| failure::tell(&error))
            }
            Err(refusal) => help::tell(refusal, arguments.clone()).await,
        }
    });
    // A read of standard input that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    code
}

/// What the arguments say, and which flags of drivers are among them.
fn parse(arguments: &[OsString]) -> Result<(Cli, DriverFlagsGiven), clap::Error> {
    let matches = Cli::command().try_get_matches_from(arguments);
    let mut matches = matches.map_err(|refusal| habits::explained(refusal, arguments))?;
    let flags = DriverFlagsGiven::of(&matches, arguments);
    let cli = Cli::from_arg_matches_mut(&mut matches);
    Ok((cli.map_err(|error| error.format(&mut Cli::command()))?, flags))
}

async fn run(cli: Cli, flags: DriverFlagsGiven, arguments: &[OsString]) -> Result<ExitCode, Error> {
    pace::from_env()?;
    // What `up` makes may come from several drivers, some of which the record alone knows of.
    if !matches!(cli.command, Command::Up(_)) {
        flags.refuse_strays()?;
    }
    let context = Context::new(&cli.global, flags)?;
    context.listen_for_interrupts();
    let mut command = cli.command;
    let interrupt = context.interrupt.clone();
    loop {
        // Boxed, because it holds the state of every command.
        let work = interrupt.until_begun(Box::pin(one(&context, command)));
        match (work.await.unwrap_or(Err(Error::Interrupted)), parse(arguments)) {
            // Nothing was done yet, and what is asked is asked of the cluster as it is now.
            (Err(error), Ok((again, _))) if error::is_changed(&error) => command = again.command,
            (ended, _) => return ended,
        }
    }
}

async fn one(context: &Context, command: Command) -> Result<ExitCode, Error> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Up(args) => up::run(context, args).await.map(done),
        Command::Down(args) => down::run(context, args).await.map(done),
        Command::Sweep(args) => sweep::run(context, &args).await.map(done),
        Command::Ls(args) => list::run(context, &args).await,
        Command::Status(args) => Box::pin(status::run(context, args)).await,
        Command::Logs(args) => logs::run(context, args).await,
        Command::Inspect(args) => inspect::run(context, args).map(done),
        Command::Use(args) => Box::pin(switch::run(context, &args)).await.map(done),
        Command::Kubeconfig(args) => share::kubeconfig(context, args).await.map(done),
        Command::Context { command: ContextCommand::Export(args) } => {
            share::export(context, &args).await.map(done)
        }
        Command::Env(args) => env::run(context, &args).await.map(done),
        Command::Active => active::run(context),
        Command::Config(args) => machine::config(context, &args).await.map(done),
        Command::Ip(args) => machine::ip(context, &args).map(done),
        Command::Url(args) => machine::url(context, &args).map(done),
        Command::Ssh(args) => ssh::run(context, args).await,
        Command::Cp(args) => copy::run(context, args).await.map(done),
        Command::Mount(args) => mount::run(context, args).await.map(done),
        Command::Kubectl(args) => kubectl::run(context, args).await,
        Command::Forward(args) => forward::run(context, args).await,
        Command::View(args) => view::run(context, args).await,
        Command::Watch(args) => watch::run(context, args).await,
        Command::Start(args) => power::start(context, args).await.map(done),
        Command::Scale(args) => scale::run(context, &args).await.map(done),
        Command::Extend(args) => extend::run(context, args).await.map(done),
        Command::Upgrade(args) => upgrade::run(context, args).await.map(done),
        Command::Stop(args) => power::stop(context, args).await.map(done),
        Command::Restart(args) => power::restart(context, args).await.map(done),
        Command::Kill(args) => power::kill(context, args).await.map(done),
        Command::Provision(args) => power::provision(context, args).await.map(done),
        Command::Pause(args) => power::pause(context, args).await.map(done),
        Command::Unpause(args) => power::unpause(context, args).await.map(done),
        Command::Break(args) => Box::pin(faults::run(context, args)).await,
        Command::Unbreak(args) => Box::pin(faults::unbreak(context, args)).await.map(done),
        Command::Snapshot { command } => Box::pin(snapshot::run(context, command)).await,
        Command::Repair(args) => power::repair(context, args).await.map(done),
        Command::Doctor(args) => status::doctor(context, args).await,
        Command::Import { command: ImportCommand::DockerMachine(args) } => {
            Box::pin(import::docker_machine(context, args)).await.map(done)
        }
        Command::Image { command: ImageCommand::Build(args) } => {
            image::build(context, args).await.map(done)
        }
        Command::Image { command: ImageCommand::Load(args) } => {
            image::load(context, args).await.map(done)
        }
        Command::Bundle { command: BundleCommand::Create(args) } => {
            Box::pin(bundle::create(context, args)).await.map(done)
        }
        Command::Bundle { command: BundleCommand::Inspect(args) } => {
            bundle::inspect(&args).map(done)
        }
        Command::Bundle { command: BundleCommand::Verify(args) } => {
            bundle::verify(context, &args).map(done)
        }
        Command::Lesson { command } => Box::pin(lesson::run(context, command)).await,
        Command::Certs { command: CertsCommand::Show(args) } => {
            certs::show(context, args).await.map(done)
        }
        Command::Certs { command: CertsCommand::Renew(args) } => {
            certs::renew(context, args).await.map(done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "dojo", &mut script);
            output::write(&script).map(done)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|source| Error::Io { operation: "render the manual page", source })?;
            output::write(&page).map(done)
        }
    }
}
