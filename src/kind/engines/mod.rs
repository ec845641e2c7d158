//! Plain Docker hosts: each has an engine behind mutual TLS, and none knows of the others. A swarm stands on the
//! same engines.

mod images;
mod install;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::bootstrap::Bootstrapper;
use crate::model::{
    Access, ClusterName, EngineChannel, EngineOptions, KubernetesOptions, Machine, MachineName,
    NoService, Role, Service, TlsFiles, Tool, counted,
};
use crate::provision::{self, Install, Node};
use crate::remote::{Dialer, Engine, NodeHealth};

use super::{Certificate, Error, ImageError, ImageStore, Kind};

/// Plain Docker hosts.
#[derive(Debug, Clone, Copy)]
pub struct Engines;

#[async_trait]
impl Kind for Engines {
    fn noun(&self) -> &'static str {
        "plain Docker hosts"
    }

    fn state(&self) -> &'static str {
        "its services, networks, secrets and configs"
    }

    fn sized(&self, machines: usize) -> String {
        counted(machines, "plain Docker host")
    }

    fn first_look(&self) -> (&'static str, &'static str) {
        ("docker info", "see the first of them")
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Engine]
    }

    fn usual(&self, machines: u16, _workers: u16) -> Vec<(Role, u16)> {
        vec![(Role::Engine, machines)]
    }

    fn refuse_count(&self, machines: usize) -> Result<(), String> {
        if machines == 0 { Err("there are no machines in it".to_owned()) } else { Ok(()) }
    }

    fn bootstrapper(&self) -> Option<&'static dyn Bootstrapper> {
        None
    }

    fn has_engines(&self) -> bool {
        true
    }

    fn settle(&self, engine: &mut EngineOptions, _kubernetes: &mut KubernetesOptions) -> bool {
        settle(engine)
    }

    fn install(
        &self,
        engine: EngineOptions,
        _kubernetes: KubernetesOptions,
        _made: bool,
    ) -> Result<Box<dyn Install>, Error> {
        Ok(Box::new(install::Docker(engine)))
    }

    fn service(&self) -> Service {
        Service::Engine
    }

    fn tool(&self) -> Tool {
        Tool::Docker
    }

    fn context_roles(&self) -> &'static [Role] {
        // The context is of the first machine, and no other one is the same.
        &[]
    }

    fn described(&self, cluster: &ClusterName, endpoint: SocketAddr) -> String {
        format!("the first Docker host of {cluster}, at {endpoint}")
    }

    fn access(&self, machine: &Machine, directory: &Path) -> Result<Access, Error> {
        access(machine, directory)
    }

    async fn answers(
        &self,
        dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        patience: Duration,
    ) -> bool {
        manages(dialer, directory, machine, patience).await
    }

    fn is_healthy(&self, _machine: &Machine, _health: &NodeHealth) -> bool {
        true
    }

    fn certificates(&self, directory: &Path, machines: &[MachineName]) -> Vec<Certificate> {
        certificates(directory, machines)
    }

    fn images(&self, node: &Node) -> Result<Box<dyn ImageStore>, ImageError> {
        images::of(node)
    }

    async fn reach_images(
        &self,
        dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        patience: Duration,
    ) -> Result<Box<dyn ImageStore>, ImageError> {
        images::reach(dialer, directory, machine, patience).await
    }
}

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
pub(super) fn settle(engine: &mut EngineOptions) -> bool {
    let is_published = engine.channel == EngineChannel::DockerCe;
    if is_published {
        engine.repository.get_or_insert_with(|| provision::DOCKER.repository());
    }
    is_published
}

/// The client's side of mutual TLS.
fn client(directory: &Path) -> TlsFiles {
    TlsFiles::in_directory(&directory.join("pki/client"))
}

pub(super) fn access(machine: &Machine, directory: &Path) -> Result<Access, Error> {
    let endpoint = machine.endpoint(Service::Engine)?;
    Ok(Access::Engine { endpoint, tls: client(directory) })
}

/// Whether the engine of a machine is a manager.
pub(super) async fn manages(
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

pub(super) fn certificates(directory: &Path, machines: &[MachineName]) -> Vec<Certificate> {
    let pki = directory.join("pki");
    let mut found = vec![Certificate::read("authority", pki.join("ca.pem"))];
    found.push(Certificate::read("client", pki.join("client/cert.pem")));
    for machine in machines {
        let name = machine.to_string();
        found.push(Certificate::read(&name, pki.join(&name).join("cert.pem")));
    }
    found
}

pub use install::is_due;

pub(super) use images::{of as images_of, reach as reach_images};
pub(super) use install::Docker;
