//! `dojo kubeconfig` and `dojo context export`: what others, or CI, need to reach a cluster.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use crate::durable;
use crate::event::Progress;
use crate::kind;
use crate::model::Tool;
use crate::workflow::{self, Reader};

use super::args::{ContextExport, Kubeconfig};
use super::error::{About as _, Error};
use super::output;
use super::services::{Context, machine_of};

pub(super) async fn kubeconfig(context: &Context, args: Kubeconfig) -> Result<(), Error> {
    let name = context.cluster(args.name)?;
    let record = context.record(&name)?;
    let kind = kind::of(record.spec.orchestrator);
    if kind.tool() != Tool::Kubectl {
        return Err(Error::Usage(format!(
            "`{name}` is {}, which kubectl does not speak to: `dojo context export {name} FILE` is for docker",
            kind.noun()
        )));
    }
    let services = context.services_to_reach(&record);
    let shared = workflow::shared_kubeconfig(&services, &record, reader(args.external));
    let shared = shared.about(&name)?;
    context.try_open_ways(&record, &record.machines).await;
    put(args.output.as_deref(), shared.alone().as_bytes(), args.force)?;
    warn(context, &format!("whoever has it is administrator of cluster `{name}`"));
    Ok(())
}

pub(super) async fn export(context: &Context, args: &ContextExport) -> Result<(), Error> {
    let (name, machine) = context.meant(args.target.as_deref())?;
    let record = context.record(&name)?;
    let kind = kind::of(record.spec.orchestrator);
    let machine = machine.map(|machine| machine_of(&record, machine)).transpose()?;
    if kind.tool() != Tool::Docker {
        return Err(Error::Usage(format!(
            "`{name}` is {}, which docker does not speak to: `dojo kubeconfig {name}` is for kubectl",
            kind.noun()
        )));
    }
    let to_terminal = args.file == Path::new("-") && std::io::stdout().is_terminal();
    if to_terminal {
        let problem = "a tar archive is nothing for a terminal: name a file, or `-` in a pipe";
        return Err(Error::Usage(problem.to_owned()));
    }
    let services = context.services_to_reach(&record);
    let reader = reader(args.external);
    let shared = workflow::shared_context(&services, &record, machine, reader).about(&name)?;
    let archive = shared.archive()?;
    context.try_open_ways(&record, &record.machines).await;
    put(Some(&args.file), &archive, args.force)?;
    // The engines of a cluster all let in the same client.
    warn(context, &format!("whoever has it is root on all machines of cluster `{name}`"));
    Ok(())
}

fn reader(external: bool) -> Reader {
    if external { Reader::Elsewhere } else { Reader::Here }
}

fn warn(context: &Context, whose: &str) {
    Progress::new(Arc::clone(&context.reporter)).warn(format!("{whose}; keep it like a password"));
}

/// Writes secrets to a file that only its owner reads, or to standard output.
fn put(file: Option<&Path>, bytes: &[u8], force: bool) -> Result<(), Error> {
    let Some(path) = file.filter(|file| *file != Path::new("-")) else {
        return output::write(bytes);
    };
    let unwritable = |source| Error::Unwritable { path: path.to_owned(), source };
    if force {
        return durable::replace(path, bytes, 0o600).map_err(unwritable);
    }
    if durable::create(path, bytes, 0o600).map_err(unwritable)? {
        Ok(())
    } else {
        Err(Error::Exists(path.to_owned()))
    }
}
