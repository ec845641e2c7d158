//! `dojo up --explain`: every step, why it is done, and how to do it by hand.

use crate::bootstrap::{kubeadm, swarm};
use crate::driver;
use crate::model::{
    DriverName, KubernetesVersion, MachineName, Orchestrator, Proxies, Role, Service,
};
use crate::provision;
use crate::remote::Script;
use crate::spec::ClusterSpec;
use crate::workflow;

use super::error::Error;

/// The steps of `up` for a reader who wants to do the same by hand.
pub(super) fn text(spec: &ClusterSpec, proxies: Option<&Proxies>) -> Result<String, Error> {
    let mut steps = Steps::default();
    machines(spec, &mut steps);
    let proxies = proxies.filter(|_| spec.drivers().contains(&DriverName::Docker));
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
    shown: Vec<(String, usize)>,
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
            self.shown.push((script.body().to_owned(), self.number + 1));
            script.explain()
        };
        self.add(&format!("on {place}: {}", script.title), &script.why, &commands);
    }
}

fn machines(spec: &ClusterSpec, steps: &mut Steps) {
    let machines = spec.machines();
    let names: Vec<String> = machines.iter().map(|m| m.name.to_string()).collect();
    let names = names.join(", ");
    let first = machines.first().map(|m| m.name.to_string()).unwrap_or_default();
    let port = match spec.orchestrator {
        Orchestrator::Kubernetes => Service::Api.port(),
        Orchestrator::Swarm | Orchestrator::Engines => Service::Engine.port(),
    };
    let (name, label) = (&spec.name, driver::LABEL_CLUSTER);
    let routing = match spec.orchestrator {
        // Pods have addresses of their own, which EC2 knows nothing of.
        Orchestrator::Kubernetes => {
            "\naws ec2 modify-instance-attribute --instance-id INSTANCE --no-source-dest-check"
        }
        Orchestrator::Swarm | Orchestrator::Engines => "",
    };
    match spec.driver() {
        DriverName::Docker => steps.add(
            &format!("make the machines {names}"),
            "Each is a container that boots systemd and sshd like a real machine, on a network of the \
             cluster's own with an address that stays. Its SSH host key is made here and put into it \
             before it first starts, so that the first connection already knows whom it talks to.",
            &format!(
                "docker network create --label {label}={name} dojo-{name}\n\
                 docker create --hostname {first} --network dojo-{name} --ip ADDRESS \\\n  \
                   --label {label}={name} --publish 127.0.0.1::22 --publish 127.0.0.1::{port} MACHINE_IMAGE\n\
                 docker cp ssh_host_ed25519_key CONTAINER:/etc/ssh/\n\
                 docker start CONTAINER"
            ),
        ),
        DriverName::Ec2 => steps.add(
            &format!("make the machines {names}"),
            "Each is an instance of Amazon EC2. A security group of the cluster's own lets you in and \
             the members talk to each other, and nobody else. Its SSH host key is made here and comes \
             with the user data, so that the first connection already knows whom it talks to. An \
             instance that shuts down is gone, so a forgotten one can end itself.",
            &format!(
                "aws ec2 create-security-group --group-name dojo-{name} --description 'cluster {name}'\n\
                 aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port 22 \\\n  \
                   --cidr YOUR_ADDRESS/32\n\
                 aws ec2 authorize-security-group-ingress --group-id GROUP --protocol tcp --port {port} \\\n  \
                   --cidr YOUR_ADDRESS/32\n\
                 aws ec2 authorize-security-group-ingress --group-id GROUP --protocol all --source-group GROUP\n\
                 # for each of them:\n\
                 aws ec2 run-instances --image-id DEBIAN_13 --instance-type t3.medium \\\n  \
                   --security-group-ids GROUP --user-data file://KEYS_AND_TIMER \\\n  \
                   --metadata-options HttpTokens=required,HttpPutResponseHopLimit=1 \\\n  \
                   --instance-initiated-shutdown-behavior terminate \\\n  \
                   --tag-specifications 'ResourceType=instance,Tags=[{{Key={label},Value={name}}}]'{routing}"
            ),
        ),
        _ => steps.add(
            &format!("find machines to be {names}"),
            "Any computers with systemd and Debian or Ubuntu will do, if you can log in over SSH as \
             root, or as a user with sudo that asks for no password, and they reach each other.",
            "ssh-keyscan -t ed25519 ADDRESS   # compare it with what the machine itself says",
        ),
    }
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
