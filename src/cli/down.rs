//! `dojo down`.

use crate::model::ClusterName;
use crate::workflow::{self, DownOptions, Services};

use super::args::Down;
use super::costs::asked;
use super::error::{About as _, Error};
use super::habits::of_machine;
use super::output;
use super::services::{Context, DEFAULT_CLUSTER};
use super::tally::Tally;

pub(super) async fn run(context: &Context, args: Down) -> Result<(), Error> {
    let names: Vec<ClusterName> = if args.all {
        all(context, &args).await?
    } else if args.names.is_empty() {
        vec![unnamed(context, &args)?]
    } else {
        args.names.clone()
    };
    let mut tally = Tally::new(names.len());
    for name in names {
        if let Err(error) = one(context, &name, &args).await.about(&name) {
            tally.failed(error);
        }
    }
    tally.end()
}

/// The cluster that is meant when none is named. Somebody at a terminal may have meant another one, so they
/// are asked; scripts say what they mean.
fn unnamed(context: &Context, args: &Down) -> Result<ClusterName, Error> {
    let name: ClusterName = DEFAULT_CLUSTER.parse()?;
    let is_here = context.home.directory(&name).exists();
    let question = format!("Remove cluster {name}? [y/N] ");
    if is_here && !args.yes && context.can_ask() && !asked(&question) {
        return Err(Error::Unasked);
    }
    Ok(name)
}

/// The clusters of which this computer has a record; and those that it has none of, if they are asked for
/// by name of the driver.
async fn all(context: &Context, args: &Down) -> Result<Vec<ClusterName>, Error> {
    let mut names: Vec<ClusterName> =
        context.home.list()?.into_iter().map(|(name, _)| name).collect();
    if args.yes && args.elsewhere.driver.is_some() {
        let services =
            context.services_anywhere(&args.elsewhere.spec(DEFAULT_CLUSTER.parse()?)?).await?;
        let machines = services.driver.list(None).await.map_err(workflow::Error::from)?;
        for machine in machines {
            if args.other_homes || !context.home.is_other(machine.home.as_deref())? {
                names.push(machine.id.cluster);
            }
        }
        names.sort();
        names.dedup();
    }
    Ok(names)
}

async fn one(context: &Context, name: &ClusterName, args: &Down) -> Result<(), Error> {
    loop {
        match once(context, name, args).await {
            // Another command has made it, or made something else of it, while this one waited.
            Err(Error::Workflow(workflow::Error::Changed(_))) => {}
            other => break other,
        }
    }
}

async fn once(context: &Context, name: &ClusterName, args: &Down) -> Result<(), Error> {
    let Down { yes, abandon, forget, other_homes, .. } = *args;
    let services = context.services_to_remove(name, &args.elsewhere, abandon, forget).await?;
    let given_up = if abandon { missing(context, &services, name).await? } else { Vec::new() };
    let known = context.home.directory(name).exists();
    let options = DownOptions { without_record: yes, other_homes, forget };
    let result = match workflow::down(&services, name, options).await {
        Err(workflow::Error::NoRecord { cluster, machines }) if !yes && context.can_ask() => {
            if !ask(&cluster, machines.len()) {
                return Err(workflow::Error::NoRecord { cluster, machines }.into());
            }
            let options = DownOptions { without_record: true, ..options };
            workflow::down(&services, name, options).await
        }
        other => other,
    };
    let machines = result?;
    if context.quiet {
        return Ok(());
    }
    if !known && machines == 0 {
        if let Ok(machine) = name.as_str().parse() {
            return Err(Error::Usage(of_machine("NAME", machine)));
        }
        return output::line(&format!("there is no cluster {name}"));
    }
    if !given_up.is_empty() {
        output::line(&format!("given up, with what is on them: {}", given_up.join(", ")))?;
    }
    output::line(&format!("{name} is gone"))
}

/// The machines of the record that are not there.
async fn missing(
    context: &Context,
    services: &Services,
    name: &ClusterName,
) -> Result<Vec<String>, Error> {
    let there = services.driver.list(Some(name)).await?;
    let known = context.home.record(name).ok().flatten().map(|r| r.machines).unwrap_or_default();
    let gone = known.iter().filter(|m| there.iter().all(|t| t.id != m.id));
    Ok(gone.map(|m| format!("{} ({})", m.id.name, m.handle)).collect())
}

fn ask(cluster: &ClusterName, machines: usize) -> bool {
    let question = format!(
        "{machines} machines of a cluster {cluster} exist, of which this computer has no record. \
         Remove them? [y/N] "
    );
    asked(&question)
}
