//! The way from a cluster to the user's own `docker` and `kubectl`, and back.

use std::net::SocketAddr;

use crate::context::{self, DockerContext, KubeContext, KubeContexts, kubeconfig};
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::model::{Access, ClusterName, KubeCredentials, Orchestrator};
use crate::spec::ClusterSpec;
use crate::store::{Entry, Record};

use super::{Error, Services};

/// Whether the cluster's context could be written, so that no cluster is made in vain.
pub(super) fn check(
    services: &Services,
    spec: &ClusterSpec,
    cluster_id: &str,
) -> Result<(), Error> {
    let name = spec.name.context();
    match spec.orchestrator {
        Orchestrator::Kubernetes => services.kube_contexts.check(&name, cluster_id)?,
        Orchestrator::Swarm | Orchestrator::None => services.contexts.check(&name, cluster_id)?,
    }
    Ok(())
}

/// Writes the cluster's context and selects it, if the user wants that; whether it is selected now.
pub(super) fn write(
    services: &Services,
    entry: &Entry,
    record: &Record,
    access: &Access,
    select: bool,
) -> Result<bool, Error> {
    let name = record.spec.name.context();
    failpoint::reached("context.write.before");
    let current = match access {
        Access::Engine { endpoint, tls } => {
            services.contexts.write(&DockerContext {
                name: name.clone(),
                description: match record.spec.orchestrator {
                    Orchestrator::None => {
                        format!("the first Docker host of {}, at {endpoint}", record.spec.name)
                    }
                    _ => format!("swarm {}, by its manager at {endpoint}", record.spec.name),
                },
                endpoint: *endpoint,
                tls: tls.clone(),
                cluster: record.spec.name.to_string(),
                cluster_id: record.cluster_id.clone(),
            })?;
            services.contexts.current()?
        }
        Access::Kubernetes { endpoint, credentials } => {
            services.kube_contexts.write(&kube_context(record, *endpoint, credentials))?;
            services.kube_contexts.current()?
        }
    };
    failpoint::reached("context.write.after");
    let selected = current.as_deref() == Some(&name);
    if select && !selected {
        failpoint::reached("context.select.before");
        match access {
            Access::Engine { .. } => drop(services.contexts.select(&name)?),
            Access::Kubernetes { .. } => drop(services.kube_contexts.select(&name)?),
        }
        failpoint::reached("context.select.after");
    }
    if let Access::Kubernetes { endpoint, credentials } = access {
        // One of its own as well, for `status` and for people who keep their files apart.
        let own = KubeContexts::new([entry.kubeconfig()]);
        own.write(&kube_context(record, *endpoint, credentials))?;
        own.select(&name)?;
    }
    Ok(select || selected)
}

fn kube_context(
    record: &Record,
    endpoint: SocketAddr,
    credentials: &KubeCredentials,
) -> KubeContext {
    KubeContext {
        name: record.spec.name.context(),
        server: format!("https://{endpoint}"),
        ca: credentials.ca.clone(),
        cert: credentials.cert.clone(),
        key: credentials.key.clone(),
        cluster: record.spec.name.to_string(),
        cluster_id: record.cluster_id.clone(),
    }
}

/// Takes the cluster's contexts away, of whichever kind. Those that were selected before are selected
/// again.
pub(super) fn forget(
    services: &Services,
    name: &ClusterName,
    record: Option<&Record>,
    progress: &Progress,
) -> Result<(), Error> {
    let id = record.map(|r| r.cluster_id.as_str());
    // Whose a context in a damaged file is can no longer be told, so it stays; the machines go all the same.
    match services.contexts.remove(&name.context(), id) {
        Err(error @ context::Error::Damaged { .. }) => progress.warn(chain(&error)),
        result => drop(result?),
    }
    match services.kube_contexts.remove(&name.context(), id) {
        Err(error @ kubeconfig::Error::Damaged { .. }) => progress.warn(chain(&error)),
        result => drop(result?),
    }
    Ok(())
}
