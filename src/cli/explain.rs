//! `dojo up --explain`: every step, why it is done, and how to do it by hand.

use crate::bootstrap::{kubeadm, swarm};
use crate::model::{KubernetesVersion, MachineName, Orchestrator, Role, Service};
use crate::provision::{self, Source};
use crate::spec::ClusterSpec;
use crate::workflow;

use super::error::Error;

/// The steps of `up` for a reader who wants to do the same by hand.
pub(super) fn text(spec: &ClusterSpec) -> Result<String, Error> {
    let mut text = String::new();
    let mut number = 0;
    let mut step = |title: &str, why: &str, commands: &str| {
        number += 1;
        text.push_str(&format!("# {number}. {title}\n"));
        for line in wrap(why, 78) {
            text.push_str(&format!("#    {line}\n"));
        }
        text.push('\n');
        text.push_str(commands.trim_end());
        text.push_str("\n\n");
    };
    let names: Vec<String> = spec.machines().iter().map(|m| m.name.to_string()).collect();
    step(
        &format!("make the machines {}", names.join(", ")),
        "Each is a container that boots systemd and sshd like a real machine, on a network of the \
         cluster's own with an address that stays. Its SSH host key is made here and put into it \
         before it first starts, so that the first connection already knows whom it talks to.",
        &format!(
            "docker network create --label {label}={name} dojo-{name}\n\
             docker create --hostname {first} --network dojo-{name} --ip ADDRESS \\\n  \
               --label {label}={name} --publish 127.0.0.1::22 --publish 127.0.0.1::{port} MACHINE_IMAGE\n\
             docker cp ssh_host_ed25519_key CONTAINER:/etc/ssh/\n\
             docker start CONTAINER",
            label = crate::driver::LABEL_CLUSTER,
            first = names.first().map_or("", String::as_str),
            port = match spec.orchestrator {
                Orchestrator::Kubernetes => Service::Api.port(),
                Orchestrator::Swarm | Orchestrator::None => Service::Engine.port(),
            },
            name = spec.name,
        ),
    );
    match spec.orchestrator {
        Orchestrator::Swarm | Orchestrator::None => docker(spec, &mut step),
        Orchestrator::Kubernetes => kubernetes(spec, &mut step)?,
    }
    Ok(text)
}

/// Takes a title, a reason and commands.
type Step<'a> = dyn FnMut(&str, &str, &str) + 'a;

fn docker(spec: &ClusterSpec, step: &mut Step<'_>) {
    for script in provision::explain(&spec.engine) {
        step(&format!("on each machine: {}", script.title), script.why, &script.explain());
    }
    if spec.orchestrator == Orchestrator::Swarm {
        for (title, why, commands) in swarm::explain() {
            step(title, why, commands);
        }
    }
    step(
        "point docker at it",
        "A docker context holds the address and the client's certificate. The one that was selected \
         before is remembered, and `dojo down` selects it again.",
        &format!(
            "docker context create {context} \\\n  \
               --docker host=tcp://ADDRESS:PORT,ca=ca.pem,cert=cert.pem,key=key.pem\n\
             docker context use {context}",
            context = spec.name.context()
        ),
    );
}

fn kubernetes(spec: &ClusterSpec, step: &mut Step<'_>) -> Result<(), Error> {
    let Some(release) = workflow::release(spec)? else { return Ok(()) };
    for script in provision::explain_kubernetes(&release, Role::ControlPlane) {
        step(&format!("on each machine: {}", script.title), script.why, &script.explain());
    }
    let version = match &release.source {
        Source::Bundle(bundle) => bundle.version(),
        Source::Packages { version, .. } => *version,
        Source::Present => KubernetesVersion::USUAL,
    };
    let names: Vec<MachineName> = spec.machines().iter().map(|m| m.name).collect();
    for (machine, script) in kubeadm::explain(&spec.name, &names, &spec.kubernetes, version) {
        step(&format!("on {machine}: {}", script.title), script.why, &script.explain());
    }
    step(
        "point kubectl at it",
        "The administrator's kubeconfig lies on the control plane. A context of its own is added to \
         yours, and what is in there already stays as it is.",
        &format!(
            "ssh control-plane-1 cat /etc/kubernetes/admin.conf > {context}.conf\n\
             KUBECONFIG=~/.kube/config:{context}.conf kubectl config view --flatten > merged\n\
             mv merged ~/.kube/config\n\
             kubectl config use-context kubernetes-admin@{name}\n\
             kubectl get nodes",
            context = spec.name.context(),
            name = spec.name,
        ),
    );
    Ok(())
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
