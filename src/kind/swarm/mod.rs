//! Docker Swarm mode, on the engines of [plain Docker hosts](super::engines).

mod bootstrap;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::bootstrap::Bootstrapper;
use crate::model::{
    Access, ClusterName, EngineOptions, KubernetesOptions, Machine, MachineName, Role, Service,
    Tool,
};
use crate::provision::{Install, Node};
use crate::remote::by_hand::Notes;
use crate::remote::{Dialer, NodeHealth};

use super::{Certificate, Error, ImageError, ImageStore, Kind, Majority, Seen, engines};

/// A swarm.
#[derive(Debug, Clone, Copy)]
pub struct Swarm;

#[async_trait]
impl Kind for Swarm {
    fn noun(&self) -> &'static str {
        "a swarm"
    }

    fn state(&self) -> &'static str {
        "its services, networks, secrets and configs"
    }

    fn sized(&self, machines: usize) -> String {
        format!("swarm of {machines}")
    }

    fn first_look(&self) -> (&'static str, &'static str) {
        ("docker node ls", "see the nodes")
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::Manager, Role::Worker]
    }

    fn refuse_count(&self, managers: usize) -> Result<(), String> {
        match managers {
            0 => Err("a swarm needs at least one manager".to_owned()),
            1 | 3 | 5 => Ok(()),
            even if even % 2 == 0 => Err(format!(
                "{even} managers tolerate no more failures than {}: a swarm needs a majority of its \
                 managers, so use 1, 3 or 5",
                even - 1
            )),
            _ => Err(format!(
                "{managers} managers are more than Docker recommends: every change waits for a majority \
                 of them, so use 1, 3 or 5"
            )),
        }
    }

    fn refuse_engine(&self, options: &EngineOptions) -> Result<(), String> {
        if options.daemon.get("live-restore") == Some(&true.into()) {
            return Err("`live-restore` cannot be on: dockerd refuses it in swarm mode".to_owned());
        }
        Ok(())
    }

    fn bootstrapper(&self) -> Option<&'static dyn Bootstrapper> {
        Some(&bootstrap::SwarmMode)
    }

    fn by_hand(&self, notes: Notes) -> Option<Arc<dyn Bootstrapper>> {
        Some(Arc::new(bootstrap::ByHand(notes)))
    }

    fn survives_in_one(&self) -> bool {
        // `docker swarm init --force-new-cluster` there.
        true
    }

    fn has_engines(&self) -> bool {
        true
    }

    fn settle(&self, engine: &mut EngineOptions, _kubernetes: &mut KubernetesOptions) -> bool {
        engines::settle(engine)
    }

    fn install(
        &self,
        engine: EngineOptions,
        _kubernetes: KubernetesOptions,
        _made: bool,
    ) -> Result<Box<dyn Install>, Error> {
        Ok(Box::new(engines::Docker(engine)))
    }

    fn service(&self) -> Service {
        Service::Engine
    }

    fn tool(&self) -> Tool {
        Tool::Docker
    }

    fn context_roles(&self) -> &'static [Role] {
        &[Role::Manager]
    }

    fn described(&self, cluster: &ClusterName, endpoint: SocketAddr) -> String {
        format!("swarm {cluster}, by its manager at {endpoint}")
    }

    fn access(&self, machine: &Machine, directory: &Path) -> Result<Access, Error> {
        engines::access(machine, directory)
    }

    async fn answers(
        &self,
        dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        patience: Duration,
    ) -> bool {
        engines::manages(dialer, directory, machine, patience).await
    }

    fn is_healthy(&self, machine: &Machine, health: &NodeHealth) -> bool {
        let manages = health.manager.is_some_and(|manager| manager.sees_leader);
        let is_as_asked = manages || machine.id.name.role != Role::Manager;
        health.member.as_deref() == Some("active") && is_as_asked
    }

    fn majority(&self, asked: usize, seen: &[Seen]) -> Option<Majority> {
        let said = || seen.iter().filter_map(|seen| seen.manager);
        let on = said().count();
        let known = said().map(|manager| manager.known).max().filter(|known| *known > 0);
        let of = known.unwrap_or(asked);
        let off = seen.iter().filter(|s| s.role == Role::Manager && !s.is_on);
        // A leader notices only after a while that it has lost the others. And managers that do not answer
        // this computer may still answer each other.
        let may_hold = 2 * of.saturating_sub(off.count()) > of;
        let holds = said().any(|manager| manager.sees_leader) && may_hold;
        Majority::among(Role::Manager, on, of, holds)
    }

    fn certificates(&self, directory: &Path, machines: &[MachineName]) -> Vec<Certificate> {
        engines::certificates(directory, machines)
    }

    fn images(&self, node: &Node) -> Result<Box<dyn ImageStore>, ImageError> {
        engines::images_of(node)
    }

    async fn reach_images(
        &self,
        dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        patience: Duration,
    ) -> Result<Box<dyn ImageStore>, ImageError> {
        engines::reach_images(dialer, directory, machine, patience).await
    }

    fn things_of_cluster(&self) -> Option<&'static str> {
        Some(concat!(
            include_str!("../../../templates/tidy/swarm.sh"),
            include_str!("../../../templates/tidy/tidy.sh")
        ))
    }

    fn things_of_machine(&self) -> Option<&'static str> {
        Some(engines::THINGS)
    }

    fn snapshots(&self) -> Option<&'static str> {
        Some(concat!(
            include_str!("../../../templates/snapshot/swarm.sh"),
            include_str!("../../../templates/snapshot/snapshot.sh")
        ))
    }
}
