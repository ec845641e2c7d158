//! What plain Docker hosts and swarms have in common: engines behind mutual TLS.

use std::path::Path;
use std::time::Duration;

use crate::kind::{Certificate, Error};
use crate::model::{
    Access, EngineChannel, EngineOptions, Machine, MachineName, NoService, Service, TlsFiles,
};
use crate::provision::{self, Node};
use crate::remote::{Dialer, Engine};

/// The engine of a node.
///
/// # Errors
/// [`NoService`] if it has none.
pub fn engine(node: &Node) -> Result<&Engine, NoService> {
    let machine = node.machine();
    let lacking = || NoService { machine: machine.id.clone(), service: Service::Engine };
    node.runtime().ok_or_else(lacking)
}

/// Says where Docker's own packages come from, if those are to be installed.
pub(in crate::kind) fn settle(engine: &mut EngineOptions) -> bool {
    let is_published = engine.channel == EngineChannel::DockerCe;
    if is_published {
        engine.repository.get_or_insert_with(|| provision::DOCKER.repository());
    }
    is_published
}

/// The client's side of mutual TLS.
pub(super) fn client(directory: &Path) -> TlsFiles {
    TlsFiles::in_directory(&directory.join("pki/client"))
}

pub(in crate::kind) fn access(machine: &Machine, directory: &Path) -> Result<Access, Error> {
    let endpoint = machine.endpoint(Service::Engine)?;
    Ok(Access::Engine { endpoint, tls: client(directory) })
}

/// Whether the engine of a machine is a manager.
pub(in crate::kind) async fn manages(
    dialer: &dyn Dialer,
    directory: &Path,
    machine: &Machine,
    patience: Duration,
) -> bool {
    let Ok(engine) = dialer.engine(machine, &client(directory), patience).await else {
        return false;
    };
    engine.health().await.is_ok_and(|health| health.manager.is_some())
}

pub(in crate::kind) fn certificates(
    directory: &Path,
    machines: &[MachineName],
) -> Vec<Certificate> {
    let pki = directory.join("pki");
    let mut found = vec![Certificate::read("authority", pki.join("ca.pem"))];
    found.push(Certificate::read("client", pki.join("client/cert.pem")));
    for machine in machines {
        let name = machine.to_string();
        found.push(Certificate::read(&name, pki.join(&name).join("cert.pem")));
    }
    found
}
