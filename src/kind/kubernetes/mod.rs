//! Kubernetes, made by kubeadm.

mod certificates;
mod images;
mod install;
pub mod kubeadm;
mod upgrade;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::bootstrap::Bootstrapper;
use crate::driver::Variant;
use crate::durable;
use crate::event::chain;
use crate::model::{
    Access, EngineChannel, EngineOptions, KubeCredentials, KubernetesOptions, KubernetesVersion,
    Machine, MachineName, Role, Service, Tool, counted,
};
use crate::provision::{self, Install, Node};
use crate::remote::by_hand::Notes;
use crate::remote::{ApiServer, Dialer, NodeHealth};

use super::{Certificate, Error, ImageError, ImageStore, Kind, Majority, Seen, Upgrade};

/// The cluster's own kubeconfig, within what this computer keeps of it.
const KUBECONFIG: &str = "kubeconfig";

/// A Kubernetes cluster.
#[derive(Debug, Clone, Copy)]
pub struct Kubernetes;

#[async_trait]
impl Kind for Kubernetes {
    fn noun(&self) -> &'static str {
        "a Kubernetes cluster"
    }

    fn state(&self) -> &'static str {
        "its deployments, services, secrets and all other objects"
    }

    fn sized(&self, machines: usize) -> String {
        format!("Kubernetes on {}", counted(machines, "machine"))
    }

    fn first_look(&self) -> (&'static str, &'static str) {
        ("kubectl get nodes", "see the nodes")
    }

    fn roles(&self) -> &'static [Role] {
        &[Role::ControlPlane, Role::Worker]
    }

    fn refuse_count(&self, control_planes: usize) -> Result<(), String> {
        match control_planes {
            0 => Err("a Kubernetes cluster needs a control plane".to_owned()),
            1 | 3 => Ok(()),
            2 => Err(
                "2 control planes tolerate no more failures than 1: etcd needs a majority of its \
                      members, so use 1 or 3"
                    .to_owned(),
            ),
            many => Err(format!("{many} control planes are more than a lesson needs: use 1 or 3")),
        }
    }

    fn refuse_engine(&self, options: &EngineOptions) -> Result<(), String> {
        if options.channel == EngineChannel::DockerCe {
            return Err(
                "machines of Kubernetes have containerd and no Docker, so there is no channel of it to choose"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn has_kubernetes(&self) -> bool {
        true
    }

    fn image(&self) -> Variant {
        Variant::Node
    }

    fn bootstrapper(&self) -> Option<&'static dyn Bootstrapper> {
        Some(&kubeadm::Kubeadm)
    }

    fn by_hand(&self, notes: Notes) -> Option<Arc<dyn Bootstrapper>> {
        Some(Arc::new(kubeadm::ByHand(notes)))
    }

    fn has_engines(&self) -> bool {
        false
    }

    fn settle(&self, engine: &mut EngineOptions, kubernetes: &mut KubernetesOptions) -> bool {
        if kubernetes.bundle.is_some() {
            return false;
        }
        kubernetes.repository.get_or_insert_with(|| provision::KUBERNETES.repository());
        // containerd is one of its packages.
        engine.repository.get_or_insert_with(|| provision::DOCKER.repository());
        true
    }

    fn install(
        &self,
        engine: EngineOptions,
        options: KubernetesOptions,
        made: bool,
    ) -> Result<Box<dyn Install>, Error> {
        Ok(Box::new(Release::of(engine, options, made)?))
    }

    fn inner_addresses(&self, options: &KubernetesOptions) -> Vec<String> {
        let subnets = [options.pod_subnet, options.service_subnet].map(|subnet| subnet.to_string());
        subnets.into_iter().chain([".svc", ".cluster.local"].map(str::to_owned)).collect()
    }

    fn release(&self, node: &Node) -> Option<KubernetesVersion> {
        on(node).ok().map(|kubernetes| kubernetes.version)
    }

    fn upgrades(&self) -> bool {
        true
    }

    fn upgrade(&self, install: Box<dyn Install>) -> Option<Box<dyn Upgrade>> {
        let release: Box<dyn Any> = install;
        Some(Box::new(upgrade::To(*release.downcast::<Release>().ok()?)))
    }

    fn service(&self) -> Service {
        Service::Api
    }

    fn tool(&self) -> Tool {
        Tool::Kubectl
    }

    fn context_roles(&self) -> &'static [Role] {
        &[Role::LoadBalancer, Role::ControlPlane]
    }

    fn access(&self, machine: &Machine, directory: &Path) -> Result<Access, Error> {
        Ok(Access::Kubernetes {
            endpoint: machine.endpoint(Service::Api)?,
            credentials: credentials(&directory.join(KUBECONFIG))?,
        })
    }

    /// An API server, or a load balancer with one behind it.
    async fn answers(
        &self,
        _dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        _patience: Duration,
    ) -> bool {
        let ask = async {
            let credentials = credentials(&directory.join(KUBECONFIG)).ok()?;
            let endpoint = machine.endpoint(Service::Api).ok()?;
            ApiServer::connect(endpoint, &credentials).ok()?.version().await.ok()
        };
        ask.await.is_some()
    }

    fn is_healthy(&self, _machine: &Machine, health: &NodeHealth) -> bool {
        health.member.as_deref() == Some("Ready")
    }

    fn majority(&self, asked: usize, seen: &[Seen]) -> Option<Majority> {
        let leaders = seen.iter().filter(|s| s.role == Role::ControlPlane);
        let on = leaders.filter(|s| s.is_on).count();
        Majority::among(Role::ControlPlane, on, asked, 2 * on > asked)
    }

    fn certificates(&self, directory: &Path, _machines: &[MachineName]) -> Vec<Certificate> {
        certificates::of_administrator(&directory.join(KUBECONFIG))
    }

    fn renews(&self, role: Role) -> bool {
        // kubelets renew their own.
        role == Role::ControlPlane
    }

    fn images(&self, node: &Node) -> Result<Box<dyn ImageStore>, ImageError> {
        Ok(images::on(node.connection()))
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

    /// kubelet would not take some from the machine although they are there.
    fn warn_of_image(&self, reference: &str) -> Option<String> {
        reference.ends_with(":latest").then(|| {
            format!(
                "Kubernetes pulls `{reference}` anew for every pod because of its tag, unless it is told not to: \
                 `kubectl run --image-pull-policy IfNotPresent`, `imagePullPolicy: IfNotPresent` in a manifest, \
                 or another tag"
            )
        })
    }

    fn things_of_cluster(&self) -> Option<&'static str> {
        Some(concat!(
            include_str!("../../../templates/tidy/kubernetes.sh"),
            include_str!("../../../templates/tidy/tidy.sh")
        ))
    }

    fn things_of_machine(&self) -> Option<&'static str> {
        Some(concat!(
            include_str!("../../../templates/tidy/node.sh"),
            include_str!("../../../templates/tidy/tidy.sh")
        ))
    }

    fn snapshots(&self) -> Option<&'static str> {
        Some(concat!(
            include_str!("../../../templates/snapshot/kubernetes.sh"),
            include_str!("../../../templates/snapshot/snapshot.sh")
        ))
    }

    fn namespace(&self) -> Option<&'static str> {
        Some(include_str!("../../../templates/kubernetes/namespace.sh"))
    }
}

/// The administrator's credentials, from the cluster's own kubeconfig.
pub fn credentials(kubeconfig: &Path) -> Result<KubeCredentials, Error> {
    let unreadable =
        |source: crate::driver::Source| Error::Credentials { path: kubeconfig.to_owned(), source };
    let text = durable::read_to_string(kubeconfig, durable::KEY);
    let text = text.map_err(|error| unreadable(error.into()))?;
    KubeCredentials::from_kubeconfig(&text).map_err(|error| unreadable(chain(&error).into()))
}

pub use certificates::on_node as node_certificates;
use install::on;
pub use install::{DIRECTORY, Release, Source, bake, collect};
