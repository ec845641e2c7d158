//! The way from a cluster to the user's own `docker` and `kubectl`, and back.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::context::{self, DockerContext, KubeContext, KubeContexts, kubeconfig};
use crate::event::{Progress, chain};
use crate::failpoint;
use crate::kind;
use crate::model::{
    Access, ClusterName, KubeCredentials, Machine, MachineId, Service, TlsFiles, Tool,
};
use crate::spec::ClusterSpec;
use crate::store::{Entry, Record};

use super::place::absolute;
use super::{Error, Services};

/// Whether the cluster's context could be written, so that no cluster is made in vain.
pub(super) fn check(services: &Services, spec: &ClusterSpec, record: &Record) -> Result<(), Error> {
    let (name, id) = (spec.name.context(), &record.cluster_id);
    match kind::of(spec.orchestrator).tool() {
        Tool::Kubectl => services.kubectl_contexts(Some(record)).check(&name, id)?,
        Tool::Docker => services.docker_contexts(Some(record)).check(&name, id)?,
    }
    for machine in of_machines(spec) {
        services.docker_contexts(Some(record)).check(&machine.context(), id)?;
    }
    Ok(())
}

/// The machines of a cluster that have contexts of their own.
fn of_machines(spec: &ClusterSpec) -> Vec<MachineId> {
    if !kind::of(spec.orchestrator).has_context_per_machine() {
        return Vec::new();
    }
    let id = |name| MachineId { cluster: spec.name.clone(), name };
    spec.machines().into_iter().map(|machine| id(machine.name)).collect()
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
    let docker = services.docker_contexts(Some(record));
    let kubectl = services.kubectl_contexts(Some(record));
    failpoint::reached("context.write.before");
    let current = match access {
        Access::Engine { endpoint, tls } => {
            let kind = kind::of(record.spec.orchestrator);
            let description = kind.described(&record.spec.name, *endpoint);
            let tls = tls.clone();
            docker.write(&docker_context(record, name.clone(), description, *endpoint, tls))?;
            docker.current()?
        }
        Access::Kubernetes { endpoint, credentials } => {
            kubectl.write(&kube_context(record, *endpoint, credentials))?;
            kubectl.current()?
        }
    };
    failpoint::reached("context.write.after");
    tell_of_other_files(services, record);
    let selected = current.as_deref() == Some(&name);
    if select && !selected {
        failpoint::reached("context.select.before");
        match access {
            Access::Engine { .. } => drop(docker.select(&name)?),
            Access::Kubernetes { .. } => drop(kubectl.select(&name)?),
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

/// Writes the contexts that machines have of their own beside that of their cluster, of those that are there.
pub(super) fn write_of_machines(
    services: &Services,
    record: &Record,
    machines: &[&Machine],
) -> Result<(), Error> {
    let docker = services.docker_contexts(Some(record));
    let directory = services.home.directory(&record.spec.name);
    let kind = kind::of(record.spec.orchestrator);
    let own = of_machines(&record.spec);
    for machine in machines.iter().filter(|machine| own.contains(&machine.id)) {
        if let Access::Engine { endpoint, tls } = kind.access(machine, &directory)? {
            docker.write(&of_machine(record, machine.id.context(), machine, endpoint, tls))?;
        }
    }
    Ok(())
}

/// A docker context, of whichever name, that leads to the engine of a machine.
pub(super) fn of_machine(
    record: &Record,
    context: String,
    machine: &Machine,
    endpoint: SocketAddr,
    tls: TlsFiles,
) -> DockerContext {
    let description = format!("{} of {}, at {endpoint}", machine.id.name, record.spec.name);
    docker_context(record, context, description, endpoint, tls)
}

fn docker_context(
    record: &Record,
    name: String,
    description: String,
    endpoint: SocketAddr,
    tls: TlsFiles,
) -> DockerContext {
    DockerContext {
        name,
        description,
        endpoint,
        tls,
        cluster: record.spec.name.to_string(),
        cluster_id: record.cluster_id.clone(),
    }
}

/// Takes away the contexts of machines that the record's spec does not have.
pub(super) fn forget_departed(services: &Services, record: &Record) -> Result<(), Error> {
    let docker = services.docker_contexts(Some(record));
    let own = of_machines(&record.spec);
    for context in docker.list_of(&record.cluster_id)? {
        if MachineId::from_context(&context).is_some_and(|machine| !own.contains(&machine)) {
            docker.remove(&context, Some(&record.cluster_id))?;
        }
    }
    Ok(())
}

/// The commands by which a person has docker or kubectl point at a cluster with such an access.
pub(super) fn by_hand(
    spec: &ClusterSpec,
    leader: &Machine,
    machines: &[&Machine],
    access: &Access,
) -> String {
    let (name, context) = (&spec.name, spec.name.context());
    match access {
        Access::Engine { endpoint, .. } => {
            let mut text = create_by_hand(&context, *endpoint);
            let own = of_machines(spec);
            for machine in machines.iter().filter(|machine| own.contains(&machine.id)) {
                if let Ok(endpoint) = machine.endpoint(Service::Engine) {
                    text.push_str(&create_by_hand(&machine.id.context(), endpoint));
                }
            }
            text + &format!("docker context use {context}\ndocker info\n")
        }
        Access::Kubernetes { .. } => format!(
            "on {leader} cat /etc/kubernetes/admin.conf >{context}.conf\n\
             chmod 600 {context}.conf\n\
             # Beside what is in yours already, which stays as it is.\n\
             mkdir -p ~/.kube\n\
             KUBECONFIG=~/.kube/config:{context}.conf kubectl config view --flatten >merged.conf\n\
             chmod 600 merged.conf\n\
             mv merged.conf ~/.kube/config\n\
             kubectl config use-context kubernetes-admin@{name}\n\
             kubectl get nodes\n",
            leader = leader.id.name,
        ),
    }
}

fn create_by_hand(context: &str, endpoint: SocketAddr) -> String {
    format!(
        "docker context create {context} --docker \\\n  \
           \"host=tcp://{endpoint},ca=pki/ca.pem,cert=pki/client/cert.pem,key=pki/client/key.pem\"\n"
    )
}

/// Tells if the user's tool reads other files by now than those that the context is in.
fn tell_of_other_files(services: &Services, record: &Record) {
    if let Some((files, variable)) = other_files(services, record) {
        let files = files.iter().map(|file| format!("`{}`", file.display()));
        Progress::new(Arc::clone(&services.reporter)).warn(format!(
            "context `{}` is in {}, whatever {variable} says now",
            record.spec.name.context(),
            files.collect::<Vec<_>>().join(", ")
        ));
    }
}

/// The files that a cluster's context is in, if the user's tool reads others by now, and the variable that names
/// them to it.
pub fn other_files<'a>(
    services: &Services,
    record: &'a Record,
) -> Option<(&'a [PathBuf], &'static str)> {
    let files = record.contexts.as_ref()?;
    match kind::of(record.spec.orchestrator).tool() {
        Tool::Kubectl => {
            let read: Vec<_> = services.kube_contexts.paths().iter().map(|p| absolute(p)).collect();
            (read != files.kubectl).then_some((&*files.kubectl, "KUBECONFIG"))
        }
        Tool::Docker => {
            let read = absolute(services.contexts.directory());
            (read != files.docker).then_some((std::slice::from_ref(&files.docker), "DOCKER_CONFIG"))
        }
    }
}

pub(super) fn kube_context(
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

/// Takes the contexts of the clusters with these ids away, of whichever kind. Those that were selected before are
/// selected again. Returns what could not be taken away, and why.
pub(super) fn forget(
    services: &Services,
    name: &ClusterName,
    record: Option<&Record>,
    ids: &BTreeSet<String>,
    progress: &Progress,
) -> Vec<String> {
    let mut left = Vec::new();
    let context = name.context();
    for id in ids {
        let docker = services.docker_contexts(record);
        // Those of machines go first, so that the cluster's is selected for them until it goes as well.
        let mut names = docker.list_of(id).unwrap_or_else(|error| {
            left.push(format!("docker contexts: {}", chain(&error)));
            Vec::new()
        });
        names.retain(|name| *name != context);
        names.push(context.clone());
        for name in names {
            // Whose a context in a damaged file is can no longer be told, so it stays; the machines go all the same.
            match docker.remove(&name, Some(id)) {
                Err(error @ context::Error::Damaged { .. }) => progress.warn(chain(&error)),
                Err(error) => left.push(format!("docker context `{name}`: {}", chain(&error))),
                Ok(_) => {}
            }
        }
        match services.kubectl_contexts(record).remove(&context, Some(id)) {
            Err(error @ kubeconfig::Error::Damaged { .. }) => progress.warn(chain(&error)),
            Err(error) => left.push(format!("kubectl context `{context}`: {}", chain(&error))),
            Ok(_) => {}
        }
    }
    left
}
