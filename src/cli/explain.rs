//! `dojo up --explain`: every step, why it is done, and how to do it by hand.

use crate::bootstrap::{kubeadm, swarm};
use crate::driver::{ByHand, registry};
use crate::model::{KubernetesVersion, MachineName, Orchestrator, Proxies, Role, Service};
use crate::provision;
use crate::remote::Script;
use crate::spec::ClusterSpec;
use crate::workflow;

use super::error::Error;

/// The steps of `up` for a reader who wants to do the same by hand.
pub(super) fn text(spec: &ClusterSpec, proxies: Option<&Proxies>) -> Result<String, Error> {
    let mut steps = Steps::default();
    machines(spec, &mut steps);
    let shared = spec.drivers().iter().any(|driver| registry::kind(driver).shares_proxies());
    let proxies = proxies.filter(|_| shared);
    if let Some(proxies) = proxies.filter(|proxies| proxies.on_loopback().is_none()) {
        steps.script("each machine", &provision::use_proxies(Some(proxies)));
    }
    match spec.orchestrator {
        Orchestrator::Swarm | Orchestrator::Engines => docker(spec, &mut steps),
        Orchestrator::Kubernetes => kubernetes(spec, &mut steps)?,
    }
    Ok(steps.text)
}

/// What has been told so far.
#[derive(Default)]
struct Steps {
    text: String,
    number: usize,
    /// Scripts that were shown, each with the number of its step.
    shown: Vec<(&'static str, usize)>,
}

impl Steps {
    fn add(&mut self, title: &str, why: &str, commands: &str) {
        self.number += 1;
        self.text.push_str(&format!("# {}. {title}\n", self.number));
        for line in wrap(why, 78) {
            self.text.push_str(&format!("#    {line}\n"));
        }
        self.text.push('\n');
        self.text.push_str(commands.trim_end());
        self.text.push_str("\n\n");
    }

    /// Shows a script once; where it runs again, only what is different.
    fn script(&mut self, place: &str, script: &Script) {
        let shown = self.shown.iter().find(|(body, _)| *body == script.body());
        let commands = if let Some((_, step)) = shown {
            script.explain_inputs() + &format!("# … and what step {step} has from `#!/bin/sh` on")
        } else {
            self.shown.push((script.body(), self.number + 1));
            script.explain()
        };
        self.add(&format!("on {place}: {}", script.title), script.why, &commands);
    }
}

fn machines(spec: &ClusterSpec, steps: &mut Steps) {
    let machines = spec.machines();
    let names: Vec<String> = machines.iter().map(|m| m.name.to_string()).collect();
    let port = match spec.orchestrator {
        Orchestrator::Kubernetes => Service::Api.port(),
        Orchestrator::Swarm | Orchestrator::Engines => Service::Engine.port(),
    };
    let (cluster, orchestrator) = (&spec.name, spec.orchestrator);
    let by_hand = ByHand { cluster, orchestrator, names: &names, port };
    let step = registry::kind(&spec.driver()).by_hand(&by_hand);
    steps.add(&step.title, step.why, &step.commands);
}

fn docker(spec: &ClusterSpec, steps: &mut Steps) {
    for script in provision::explain(&spec.engine) {
        steps.script("each machine", &script);
    }
    if spec.orchestrator == Orchestrator::Swarm {
        for (title, why, commands) in swarm::explain() {
            steps.add(title, why, commands);
        }
    }
    steps.add(
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

fn kubernetes(spec: &ClusterSpec, steps: &mut Steps) -> Result<(), Error> {
    let Some(release) = workflow::release(spec)? else { return Ok(()) };
    for script in provision::explain_kubernetes(&release, Role::ControlPlane) {
        steps.script("each machine", &script);
    }
    let version = release.source.version().unwrap_or(KubernetesVersion::NEWEST);
    let names: Vec<MachineName> = spec.machines().iter().map(|m| m.name).collect();
    for (machine, script) in kubeadm::explain(&spec.name, &names, &spec.kubernetes, version) {
        steps.script(&machine.to_string(), &script);
    }
    steps.add(
        "point kubectl at it",
        "The administrator's kubeconfig lies on the control plane. A context of its own is added to \
         yours, and what is in there already stays as it is.",
        &format!(
            "ssh control-plane-1 sudo cat /etc/kubernetes/admin.conf > {context}.conf\n\
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
