//! `dojo use`.

use crate::context::overriding_env;
use crate::kind;
use crate::model::{ClusterName, Machine, Tool};
use crate::store::{Record, Selection};
use crate::workflow;

use super::args::Use;
use super::error::{About as _, Error};
use super::output;
use super::services::{Context, machine_of};

pub(super) async fn run(context: &Context, args: &Use) -> Result<(), Error> {
    let before = Selection {
        docker: context.contexts.current()?,
        kubectl: context.kube_contexts.current()?,
    };
    let asked = args.name.as_deref().map(|text| context.meant(Some(text))).transpose()?;
    let cluster = asked.as_ref().map(|(cluster, _)| cluster);
    let after = match &asked {
        Some((name, machine)) => {
            let record = context.record(name)?;
            let machine = machine.map(|machine| machine_of(&record, machine)).transpose()?;
            let selected = Some(match machine {
                Some(machine) => context_of(&record, machine)?,
                None => name.context(),
            });
            let services = context.services_to_reach(&record);
            if let Some((files, variable)) = workflow::other_files(&services, &record) {
                let (cluster, files) = (name.clone(), files.to_vec());
                return Err(Error::OtherFiles { cluster, files, variable });
            }
            // What it is about is the user's choice, which stands however the machines are.
            context.try_open_ways(&record, &record.machines).await;
            context.follow(&record).await;
            match kind::of(record.spec.orchestrator).tool() {
                Tool::Kubectl => Selection { kubectl: selected, ..before.clone() },
                Tool::Docker => Selection { docker: selected, ..before.clone() },
            }
        }
        None if args.previous => {
            let previous = context.home.previous()?;
            previous.ok_or_else(|| Error::Usage("nothing was selected before".to_owned()))?
        }
        None => {
            let clusters = context.home.list()?;
            let ours = |selected: &String| clusters.iter().any(|(c, _)| c.context() == *selected);
            // docker has a context of its own to go back to; kubectl has none, so what is not ours stays.
            Selection { docker: None, kubectl: before.kubectl.clone().filter(|c| !ours(c)) }
        }
    };
    if before.docker != after.docker {
        match &after.docker {
            Some(name) => drop(about(cluster, context.contexts.select(name))?),
            None => context.contexts.deselect()?,
        }
    }
    if before.kubectl != after.kubectl {
        match &after.kubectl {
            Some(name) => drop(about(cluster, context.kube_contexts.select(name))?),
            None => context.kube_contexts.deselect()?,
        }
    }
    if before != after {
        context.home.remember(&before)?;
    }
    if context.quiet {
        return Ok(());
    }
    // Whoever names a cluster wants to know of its tool; else what has changed is told.
    let kubernetes = cluster.is_some() && after.kubectl == cluster.map(ClusterName::context);
    if kubernetes || before.kubectl != after.kubectl {
        let name = after.kubectl.as_deref().unwrap_or("none");
        output::line(&format!("kubectl now uses context {name}"))?;
    }
    if !kubernetes && (before.docker != after.docker || before.kubectl == after.kubectl) {
        let name = after.docker.as_deref().unwrap_or("default");
        output::line(&match overridden(name) {
            None => format!("docker now uses context {name}"),
            Some(why) => format!("context {name} is selected, but {why}"),
        })?;
    }
    Ok(())
}

/// The name of a machine's own context.
fn context_of(record: &Record, machine: &Machine) -> Result<String, Error> {
    let kind = kind::of(record.spec.orchestrator);
    if kind.has_context_per_machine() {
        return Ok(machine.id.context());
    }
    let (cluster, id) = (&record.spec.name, &machine.id);
    let instead = match kind.tool() {
        Tool::Docker => format!("`eval \"$(dojo env {id})\"` points one shell at this machine"),
        Tool::Kubectl => format!("`dojo ssh {id}` opens a shell on this machine"),
    };
    Err(Error::Usage(format!(
        "`{cluster}` is {}, which has one context as a whole: `dojo use {cluster}`; {instead}",
        kind.noun()
    )))
}

fn about<T, E: Into<Error>>(
    cluster: Option<&ClusterName>,
    result: Result<T, E>,
) -> Result<T, Error> {
    match cluster {
        Some(name) => result.about(name),
        None => result.map_err(Into::into),
    }
}

/// Why docker does not use the selected context in this shell, and what helps.
pub(super) fn overridden(context: &str) -> Option<String> {
    let variables = overriding_env(context);
    if variables.is_empty() {
        return None;
    }
    let (are, win) = if variables.len() == 1 { ("is", "wins") } else { ("are", "win") };
    let remedy = if std::env::var_os("DOJO_MACHINE").is_some() {
        "eval \"$(dojo env --unset)\"".to_owned()
    } else {
        format!("unset {}", variables.join(" "))
    };
    let variables = variables.join(" and ");
    Some(format!("{variables} {are} set and {win} over the selected context; `{remedy}` first"))
}
