//! All that is different about a kind of cluster.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Certificate, Error, ImageError, ImageStore, Majority, Seen, Upgrade};
use crate::bootstrap::Bootstrapper;
use crate::driver::Variant;
use crate::model::{
    Access, ClusterName, EngineOptions, KubernetesOptions, KubernetesVersion, Machine, MachineName,
    Role, Service, Tool,
};
use crate::provision::{Install, Node};
use crate::remote::by_hand::Notes;
use crate::remote::{Dialer, NodeHealth};

/// A kind of cluster.
#[async_trait]
pub trait Kind: fmt::Debug + Send + Sync {
    /// What it is called in a sentence: "a swarm".
    fn noun(&self) -> &'static str;
    /// What such a cluster knows, and loses with those that keep it.
    fn state(&self) -> &'static str;

    /// So many machines of it in a sentence: "swarm of 3".
    fn sized(&self, machines: usize) -> String;
    /// The first command that makes sense on such a cluster, and what it is for.
    fn first_look(&self) -> (&'static str, &'static str);
    /// The roles that machines may be asked for with. Those with the first one lead, if anybody does.
    fn roles(&self) -> &'static [Role];
    /// How many machines there are of each role if nobody says so: of `machines`, or of which so many work.
    fn usual(&self, _machines: u16, workers: u16) -> Vec<(Role, u16)> {
        vec![(self.roles()[0], 1), (Role::Worker, workers)]
    }
    /// Refuses numbers of machines with the first of the [roles](Self::roles) that make no sense.
    fn refuse_count(&self, leaders: usize) -> Result<(), String>;
    /// Refuses what cannot be chosen about Docker on such machines.
    fn refuse_engine(&self, _options: &EngineOptions) -> Result<(), String> {
        Ok(())
    }
    /// Whether there is anything to choose about Kubernetes.
    fn has_kubernetes(&self) -> bool {
        false
    }
    /// What is in the image that containers as machines are made from.
    fn image(&self) -> Variant {
        Variant::Full
    }

    /// What makes a cluster of nodes; `None` where each machine is for itself.
    fn bootstrapper(&self) -> Option<&'static dyn Bootstrapper>;
    /// What notes how a person makes a cluster of nodes, where [something](Self::bootstrapper) does.
    fn by_hand(&self, _notes: Notes) -> Option<Arc<dyn Bootstrapper>> {
        None
    }
    /// Whether one leader alone can begin the cluster again with all that it knew.
    fn survives_in_one(&self) -> bool {
        false
    }

    /// Whether its machines have Docker engines, which are restarted for other settings.
    fn has_engines(&self) -> bool;
    /// Says where packages come from that are to be installed and are not the distribution's: where this computer
    /// knows. Whether there are any.
    fn settle(&self, engine: &mut EngineOptions, kubernetes: &mut KubernetesOptions) -> bool;
    /// What is to be installed on the machines; `made` says that all of them exist.
    fn install(
        &self,
        engine: EngineOptions,
        kubernetes: KubernetesOptions,
        made: bool,
    ) -> Result<Box<dyn Install>, Error>;
    /// The addresses and names within such a cluster that no machine is at, as a proxy's exceptions name them.
    fn inner_addresses(&self, _options: &KubernetesOptions) -> Vec<String> {
        Vec::new()
    }
    /// The release that a node has, where clusters are of one.
    fn release(&self, _node: &Node) -> Option<KubernetesVersion> {
        None
    }

    /// Whether a cluster can be brought to another release.
    fn upgrades(&self) -> bool {
        false
    }
    /// The way to the release that would be installed; `None` if there is none.
    fn upgrade(&self, _install: Box<dyn Install>) -> Option<Box<dyn Upgrade>> {
        None
    }

    /// What the user's context leads to on a machine.
    fn service(&self) -> Service;
    /// Whose contexts lead to such clusters.
    fn tool(&self) -> Tool;
    /// The roles of machines that a context may be led to in place of another one, in the order of preference.
    /// None, where no other machine is the same.
    fn context_roles(&self) -> &'static [Role];
    /// What a context says of itself that leads to a machine, where contexts do.
    fn described(&self, _cluster: &ClusterName, _endpoint: SocketAddr) -> String {
        String::new()
    }
    /// Whether each machine has a context of its own as well, because none is the same as another.
    fn has_context_per_machine(&self) -> bool {
        false
    }
    /// How the cluster is reached by way of a machine; `directory` is where this computer keeps what is the
    /// cluster's.
    fn access(&self, machine: &Machine, directory: &Path) -> Result<Access, Error>;
    /// Whether a machine answers for its cluster.
    async fn answers(
        &self,
        dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        patience: Duration,
    ) -> bool;

    /// Whether a machine that says this of itself does what it is there for.
    fn is_healthy(&self, machine: &Machine, health: &NodeHealth) -> bool;
    /// Whether those that decide are a majority of the `asked` leaders that there should be; `None` where nobody
    /// decides, or an only one does.
    fn majority(&self, _asked: usize, _seen: &[Seen]) -> Option<Majority> {
        None
    }

    /// The certificates that are on this computer.
    fn certificates(&self, directory: &Path, machines: &[MachineName]) -> Vec<Certificate>;
    /// Whether a machine of that role gets new certificates from us when they are renewed.
    fn renews(&self, _role: Role) -> bool {
        true
    }

    /// Where the containers of a node find their images.
    fn images(&self, node: &Node) -> Result<Box<dyn ImageStore>, ImageError>;
    /// The same for a machine that is yet to be reached.
    async fn reach_images(
        &self,
        dialer: &dyn Dialer,
        directory: &Path,
        machine: &Machine,
        patience: Duration,
    ) -> Result<Box<dyn ImageStore>, ImageError>;
    /// What is to be told of an image that is loaded, if anything is.
    fn warn_of_image(&self, _reference: &str) -> Option<String> {
        None
    }

    /// The script that lists what a cluster as a whole has, or removes what was not there before, by way of a machine that
    /// leads it; `None` where machines are no cluster.
    fn things_of_cluster(&self) -> Option<&'static str> {
        None
    }
    /// The same for what each machine has for itself.
    fn things_of_machine(&self) -> Option<&'static str> {
        None
    }
    /// The script that copies what each machine has of the cluster's state, and puts it back; `None` where machines are no
    /// cluster.
    fn snapshots(&self) -> Option<&'static str> {
        None
    }
    /// The script that makes or removes the namespace of a lesson, by way of a machine that leads; `None` where there are none.
    fn namespace(&self) -> Option<&'static str> {
        None
    }
}
