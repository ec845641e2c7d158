//! Which clusters plain `docker` and plain `kubectl` lead to in this shell.

use std::env;

use crate::model::{ClusterName, Service};
use crate::store::{Listed, Record};

use super::services::Context;

impl Context {
    /// The clusters that docker and kubectl lead to, docker's first. What the environment says wins over the
    /// selected context, as it does for docker.
    pub(super) fn pointed_at(&self, listed: &[Listed]) -> Vec<ClusterName> {
        let variable = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let docker = match (variable("DOCKER_HOST"), variable("DOCKER_CONTEXT")) {
            (Some(host), _) => by_host(listed, &host),
            (None, Some(context)) => by_context(listed, &context),
            (None, None) => {
                let selected = self.contexts.current().ok().flatten();
                selected.and_then(|context| by_context(listed, &context))
            }
        };
        let kubectl = self.kube_contexts.current().ok().flatten();
        let kubectl = kubectl.and_then(|context| by_context(listed, &context));
        docker.into_iter().chain(kubectl).collect()
    }
}

fn by_context(listed: &[Listed], context: &str) -> Option<ClusterName> {
    listed.iter().map(|(name, _)| name).find(|name| name.context() == context).cloned()
}

/// The cluster of the machine whose engine that is, as `dojo env` says it.
fn by_host(listed: &[Listed], host: &str) -> Option<ClusterName> {
    let leads_there = |record: &Record| {
        let mut engines = record.machines.iter().filter_map(|m| m.endpoint(Service::Engine).ok());
        engines.any(|engine| format!("tcp://{engine}") == host)
    };
    let found = listed.iter().find(|(_, record)| matches!(record, Ok(Some(r)) if leads_there(r)));
    found.map(|(name, _)| name.clone())
}
