//! Which clusters plain `docker` and plain `kubectl` lead to in this shell.

use std::env;

use crate::model::{ClusterName, Machine, MachineId, Service};
use crate::store::Listed;

use super::services::Context;

impl Context {
    /// The clusters that docker and kubectl lead to, docker's first. What the environment says wins over the
    /// selected context, as it does for docker.
    pub(super) fn pointed_at(&self, listed: &[Listed]) -> Vec<ClusterName> {
        let kubectl = self.kubectl_pointed_at(listed);
        self.docker_pointed_at(listed).into_iter().chain(kubectl).collect()
    }

    /// The cluster that docker leads to.
    pub(super) fn docker_pointed_at(&self, listed: &[Listed]) -> Option<ClusterName> {
        match variable("DOCKER_HOST") {
            Some(_) => machine_by_host(listed).map(|machine| machine.cluster),
            None => self.docker_context().and_then(|context| by_context(listed, &context)),
        }
    }

    /// The machine that docker leads to, where it is one alone and not whichever of a cluster answers.
    pub(super) fn machine_pointed_at(&self, listed: &[Listed]) -> Option<MachineId> {
        if variable("DOCKER_HOST").is_some() {
            return machine_by_host(listed);
        }
        let machine = MachineId::from_context(&self.docker_context()?)?;
        listed.iter().any(|(name, _)| *name == machine.cluster).then_some(machine)
    }

    /// The context that docker uses where no host is named to it.
    fn docker_context(&self) -> Option<String> {
        variable("DOCKER_CONTEXT").or_else(|| self.contexts.current().ok().flatten())
    }

    /// The cluster that kubectl leads to.
    pub(super) fn kubectl_pointed_at(&self, listed: &[Listed]) -> Option<ClusterName> {
        let selected = self.kube_contexts.current().ok().flatten();
        selected.and_then(|context| by_context(listed, &context))
    }
}

/// The machine whose engine `DOCKER_HOST` names, as `dojo env` says it. Where several have that address, it is the
/// one that `DOJO_MACHINE` names, else the first.
fn machine_by_host(listed: &[Listed]) -> Option<MachineId> {
    let host = variable("DOCKER_HOST")?;
    let meant = variable("DOJO_MACHINE");
    let records = listed.iter().filter_map(|(_, record)| record.as_ref().ok()?.as_ref());
    let engine = |machine: &&Machine| {
        machine.endpoint(Service::Engine).is_ok_and(|engine| format!("tcp://{engine}") == host)
    };
    let mut there: Vec<&MachineId> =
        records.flat_map(|record| &record.machines).filter(engine).map(|m| &m.id).collect();
    there.sort_by_key(|id| meant.as_deref() != Some(&*id.to_string()));
    there.first().map(|id| (*id).clone())
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The cluster that a context is of: its own, or that of one of its machines.
fn by_context(listed: &[Listed], context: &str) -> Option<ClusterName> {
    let machine = MachineId::from_context(context);
    let own = machine.map_or_else(|| context.to_owned(), |machine| machine.cluster.context());
    listed.iter().map(|(name, _)| name).find(|name| name.context() == own).cloned()
}
