//! Plain Docker hosts: each has an engine behind mutual TLS, and none knows of the others. A swarm stands on the
//! same engines.

mod engine;
mod images;
mod install;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::bootstrap::Bootstrapper;
use crate::model::{
    Access, ClusterName, EngineOptions, KubernetesOptions, Machine, MachineName, Role, Service,
    Tool, counted,
};
use crate::provision::{Install, Node};
use crate::remote::{Dialer, NodeHealth};

use super::{Certificate, Error, ImageError, ImageStore, Kind};

/// The script for what an engine has for itself.
pub(super) const THINGS: &str = concat!(
    include_str!("../../../templates/tidy/engine.sh"),
    include_str!("../../../templates/tidy/tidy.sh")
);

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

    fn has_context_per_machine(&self) -> bool {
        true
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

    fn things_of_machine(&self) -> Option<&'static str> {
        Some(THINGS)
    }
}

pub use engine::engine;
pub use install::{is_due, serves};

pub(super) use engine::{access, certificates, manages, settle};
pub(super) use images::{of as images_of, reach as reach_images};
pub(super) use install::Docker;
