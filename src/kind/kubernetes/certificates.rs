//! Certificates of Kubernetes: the administrator's on this computer, and those that kubeadm has made on the
//! control planes, asked of them.

use std::path::{Path, PathBuf};

use tokio::time::{Instant, timeout_at};

use crate::durable;
use crate::event::chain;
use crate::kind::Certificate;
use crate::model::{KubeCredentials, Machine, SshFiles};
use crate::pki;
use crate::remote::{Dialer, Script};

/// Where kubeadm keeps what it makes ("PKI certificates and requirements", kubernetes.io).
const DIRECTORIES: [&str; 2] = ["/etc/kubernetes/pki/", "/etc/kubernetes/"];

/// What the cluster's own kubeconfig holds. What is on the nodes they have to be asked for: see [`on_node`].
pub(super) fn of_administrator(file: &Path) -> Vec<Certificate> {
    let credentials = durable::read_to_string(file, durable::KEY).map_err(|e| e.to_string());
    let credentials =
        credentials.and_then(|t| KubeCredentials::from_kubeconfig(&t).map_err(|e| chain(&e)));
    let one = |owner: &str, part: fn(&KubeCredentials) -> &str| Certificate {
        owner: owner.to_owned(),
        file: file.to_owned(),
        says: credentials
            .as_ref()
            .map_err(String::clone)
            .and_then(|c| pki::describe(part(c)).map_err(|e| chain(&e))),
    };
    vec![one("authority", |c| &c.ca), one("administrator", |c| &c.cert)]
}

/// The certificates that a control plane has; one entry with the reason if it does not answer until `end`.
pub async fn on_node(
    dialer: &dyn Dialer,
    machine: &Machine,
    files: &SshFiles,
    end: Instant,
) -> Vec<Certificate> {
    let script = Script::new(
        "read its certificates",
        "kubeadm keeps them on each control plane, and `kubeadm certs check-expiration` shows them there.",
        include_str!("../../../templates/kubernetes/certs.sh"),
    );
    let ask = async {
        let patience = end.saturating_duration_since(Instant::now());
        dialer.dial(machine, files, patience).await?.run(&script).await
    };
    let why = match timeout_at(end, ask).await {
        Ok(Ok(said)) => return parse(machine, &said),
        Ok(Err(error)) => chain(&error),
        Err(_) => "no answer in time".to_owned(),
    };
    let owner = machine.id.name.to_string();
    vec![Certificate { owner, file: PathBuf::from(DIRECTORIES[0]), says: Err(why) }]
}

fn parse(machine: &Machine, said: &str) -> Vec<Certificate> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in said.lines() {
        match (line.strip_prefix("# "), found.last_mut()) {
            (Some(file), _) => found.push((file, String::new())),
            (None, Some((_, text))) => text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    let one = |(file, text): (&str, String)| Certificate {
        owner: format!("{} {}", machine.id.name, short(file)),
        file: PathBuf::from(file),
        says: pki::describe(&text).map_err(|e| chain(&e)),
    };
    found.into_iter().map(one).collect()
}

/// What `kubeadm certs` calls it, or nearly so: `apiserver`, `etcd/peer`, `admin.conf`.
fn short(file: &str) -> String {
    let within = DIRECTORIES.iter().find_map(|directory| file.strip_prefix(directory));
    let within = Path::new(within.unwrap_or(file));
    let stem = if within.extension().is_some_and(|e| e == "crt") {
        within.with_extension("")
    } else {
        within.to_owned()
    };
    stem.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_called_as_kubeadm_calls_them() {
        let files = [
            "/etc/kubernetes/pki/apiserver.crt",
            "/etc/kubernetes/pki/etcd/peer.crt",
            "/etc/kubernetes/admin.conf",
        ];
        assert_eq!(files.map(short), ["apiserver", "etcd/peer", "admin.conf"]);
    }
}
