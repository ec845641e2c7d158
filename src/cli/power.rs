//! `dojo start`, `stop`, `restart`, `kill`, `pause`, `unpause` and `repair`.

use crate::driver::Force;
use crate::model::{ClusterName, MachineName, counted};
use crate::workflow::{self, Services};

use super::args::{Kill, Repair, Targets};
use super::error::{About as _, Error};
use super::output;
use super::services::Context;
use super::tally::Tally;

/// A cluster, or one machine of it.
pub(super) type Target = (ClusterName, Option<MachineName>);

fn targets(context: &Context, args: &Targets) -> Result<Vec<Target>, Error> {
    if args.targets.is_empty() {
        return Ok(vec![context.meant(None)?]);
    }
    args.targets.iter().map(|text| context.meant(Some(text))).collect()
}

/// One failure keeps no other target from its turn.
async fn each(
    context: &Context,
    args: &Targets,
    done: &str,
    work: impl AsyncFn(&Services, &Target) -> Result<(), workflow::Error>,
) -> Result<(), Error> {
    let targets = targets(context, args)?;
    let mut tally = Tally::new(targets.len());
    for target in targets {
        let (cluster, machine) = &target;
        match Box::pin(one(context, &target, &work)).await {
            Ok(()) if context.quiet => {}
            Ok(()) => {
                let name = machine.map_or(cluster.to_string(), |m| format!("{cluster}/{m}"));
                output::line(&format!("{name} is {done}"))?;
            }
            Err(error) => tally.failed(error),
        }
        if context.interrupt.raised() {
            break;
        }
    }
    tally.end()
}

async fn one(
    context: &Context,
    target: &Target,
    work: impl AsyncFn(&Services, &Target) -> Result<(), workflow::Error>,
) -> Result<(), Error> {
    let (cluster, machine) = target;
    loop {
        context.record(cluster).about(cluster)?;
        let services = context.services_of(cluster).await.about(cluster)?;
        match work(&services, target).await {
            // What is asked is asked of the cluster as it is now.
            Err(workflow::Error::Changed(_)) => {}
            other => break other.about(cluster)?,
        }
    }
    // Of a whole cluster, `start` writes the context itself, and after `stop` there is nothing to lead to.
    if machine.is_some() {
        context.follow(&context.record(cluster)?).await;
    }
    Ok(())
}

async fn start_one(services: &Services, target: &Target) -> Result<(), workflow::Error> {
    match target {
        (cluster, None) => workflow::start(services, cluster).await.map(|_| ()),
        (cluster, Some(machine)) => workflow::start_machine(services, cluster, *machine).await,
    }
}

pub(super) async fn start(context: &Context, args: Targets) -> Result<(), Error> {
    each(context, &args, "running", start_one).await
}

pub(super) async fn stop(context: &Context, args: Targets) -> Result<(), Error> {
    each(context, &args, "stopped", async |services, (cluster, machine)| {
        workflow::stop(services, cluster, *machine).await
    })
    .await
}

pub(super) async fn restart(context: &Context, args: Targets) -> Result<(), Error> {
    each(context, &args, "running again", async |services, target| {
        workflow::restart(services, &target.0, target.1).await
    })
    .await
}

pub(super) async fn kill(context: &Context, args: Kill) -> Result<(), Error> {
    for text in &args.targets {
        match context.meant(Some(text))? {
            (cluster, None) if !args.all => {
                context.record(&cluster)?;
                return Err(Error::Usage(format!(
                    "`{cluster}` is a cluster: `dojo kill --all {cluster}` kills all its machines, and \
                     `dojo kill {cluster}/MACHINE` one of them"
                )));
            }
            (_, Some(_)) if args.all => {
                let problem = format!("`{text}` is a machine, and --all is for clusters");
                return Err(Error::Usage(problem));
            }
            _ => {}
        }
    }
    let targets = Targets { targets: args.targets };
    each(context, &targets, "off", async |services, (cluster, machine)| {
        workflow::force(services, cluster, *machine, Force::Kill).await
    })
    .await
}

pub(super) async fn provision(context: &Context, args: Targets) -> Result<(), Error> {
    each(context, &args, "provisioned", async |services, (cluster, machine)| {
        workflow::provision(services, cluster, *machine).await
    })
    .await
}

pub(super) async fn pause(context: &Context, args: Targets) -> Result<(), Error> {
    each(context, &args, "paused", async |services, (cluster, machine)| {
        workflow::force(services, cluster, *machine, Force::Pause).await
    })
    .await
}

pub(super) async fn unpause(context: &Context, args: Targets) -> Result<(), Error> {
    each(context, &args, "running again", async |services, (cluster, machine)| {
        workflow::force(services, cluster, *machine, Force::Unpause).await
    })
    .await
}

pub(super) async fn repair(context: &Context, args: Repair) -> Result<(), Error> {
    let spec = args.place.spec(args.name.clone())?;
    let services = context.services(&spec).await?;
    let record = workflow::repair(&services, &spec, args.forget).await.about(&args.name)?;
    let machines = counted(record.machines.len(), "machine");
    output::line(&format!("{} has a record again, of {machines}", args.name))?;
    output::line(&format!("  dojo up {:<20}go on from here", args.name))
}
