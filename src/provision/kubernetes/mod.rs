//! From a machine to a Kubernetes node: containerd, kubelet and kubeadm are there, and the images that
//! its role needs.

mod bundle;
mod collect;
mod packages;
mod upgrade;

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::event::Progress;
use crate::failpoint;
use crate::model::{EngineOptions, KubernetesOptions, KubernetesVersion, Machine, Role};
use crate::remote::{Remote, Script};

use super::Error;

pub use bundle::{DIRECTORY, bake};
pub use collect::collect;
pub use upgrade::{admits, newest, replace_kubeadm, replace_kubelet};

/// The step that both sources have, as `--explain` and the progress line call it, and why it is done.
const TITLE: &str = "install Kubernetes";
const WHY: &str = "kubeadm sets clusters up, kubelet runs the pods of a node, and containerd runs their \
                   containers.";

/// What may be replaced only once a node is empty.
const KUBELET: [&str; 5] = [
    "/usr/bin/kubelet",
    "/usr/bin/kubectl",
    "/usr/local/bin/containerd",
    "/usr/local/bin/containerd-shim-runc-v2",
    "/usr/local/bin/ctr",
];

/// Makes volumes of directories of nodes, as in kind and k3s (github.com/rancher/local-path-provisioner).
const PROVISIONER: &str = "local-path-provisioner";
const PROVISIONER_TAG: &str = "v0.0.30";
/// Where its project publishes it.
const PROVISIONER_REGISTRY: &str = "docker.io/rancher";

/// Where Kubernetes comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A bundle: everything in one file.
    Bundle(Arc<Bundle>),
    /// It is on the machines already, and where it came from is gone.
    Present,
    /// The package repository and the image registry.
    Packages {
        /// Which release.
        version: KubernetesVersion,
        /// The base address of the package repository.
        repository: String,
    },
}

impl Source {
    /// The release that would be installed; `None` if nothing would be.
    pub fn version(&self) -> Option<KubernetesVersion> {
        match self {
            Self::Packages { version, .. } => Some(*version),
            Self::Bundle(bundle) => Some(bundle.version()),
            Self::Present => None,
        }
    }

    /// The release, if it needs containerd 2 and is in a bundle without it.
    pub fn lacks_containerd(&self) -> Option<KubernetesVersion> {
        match self {
            Self::Bundle(bundle) if !bundle.brings_containerd() => self.needs_containerd_2(),
            _ => None,
        }
    }

    /// The release, if it needs containerd 2.
    fn needs_containerd_2(&self) -> Option<KubernetesVersion> {
        self.version().filter(|version| version.needs_containerd_2())
    }
}

/// Kubernetes, as asked for.
#[derive(Debug, Clone)]
pub struct Release {
    /// Where it comes from.
    pub source: Source,
    /// What was chosen.
    pub options: KubernetesOptions,
    /// The text of the manifest that was chosen as the pod network, if one was.
    pub network: Option<String>,
    /// What was chosen about Docker: containerd is one of its packages, and may speak to some registries without
    /// TLS.
    pub engine: EngineOptions,
}

/// Kubernetes, as it is installed on a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// The release, with its patch number. A load balancer has none and tells what was asked for.
    pub version: KubernetesVersion,
    /// The image of what makes volumes.
    pub provisioner: String,
    /// What was chosen.
    pub options: KubernetesOptions,
    /// The text of the manifest that was chosen as the pod network, if one was.
    pub network: Option<String>,
}

/// Brings a machine to where kubeadm can run. Doing it again changes nothing.
pub(super) async fn provision(
    remote: &dyn Remote,
    machine: &Machine,
    release: &Release,
    progress: &Progress,
) -> Result<Kubernetes, Error> {
    let (role, address) = (machine.id.name.role, machine.private_ip.to_string());
    let version = match &release.source {
        source if role == Role::LoadBalancer => {
            let install = load_balancer();
            progress.step(&*install.title, remote.run(&install)).await?;
            let wanted = source.version().or(release.options.version);
            wanted.unwrap_or(KubernetesVersion::NEWEST)
        }
        Source::Present => {
            let present = present();
            let version = remote.run(&present).await?;
            version.trim().parse().map_err(Error::NoVersion)?
        }
        Source::Bundle(bundle) => {
            bundle::install(remote, machine, bundle, progress).await?;
            failpoint::reached("kubernetes.install.after");
            refuse_old_containerd(remote, machine, &release.source).await?;
            let prepare = prepare(bundle::pause(bundle), &address, release);
            progress.step(&*prepare.title, remote.run(&prepare)).await?;
            let images = bundle::images(bundle, role);
            progress.step(&*images.title, remote.run(&images)).await?;
            bundle.version()
        }
        Source::Packages { version, repository } => {
            let install =
                packages::install(remote, machine, *version, repository, release, progress);
            let installed = install.await?;
            failpoint::reached("kubernetes.install.after");
            refuse_old_containerd(remote, machine, &release.source).await?;
            let prepare = prepare(installed.pause(), &address, release);
            progress.step(&*prepare.title, remote.run(&prepare)).await?;
            packages::pull(remote, &installed.images(role), progress).await?;
            installed.version
        }
    };
    failpoint::reached("kubernetes.images.after");
    let (options, network) = (release.options.clone(), release.network.clone());
    Ok(Kubernetes { version, provisioner: provisioner(release), options, network })
}

/// The image of what makes volumes: in the bundle, else from where all images come.
fn provisioner(release: &Release) -> String {
    let bundled = match &release.source {
        Source::Bundle(bundle) => bundle::provisioner(bundle),
        Source::Packages { .. } | Source::Present => None,
    };
    bundled.map_or_else(|| provisioner_in(release.options.image_repository()), str::to_owned)
}

/// Its name in a registry, or where its project publishes it.
fn provisioner_in(registry: Option<&str>) -> String {
    let registry = registry.unwrap_or(PROVISIONER_REGISTRY);
    format!("{registry}/{PROVISIONER}:{PROVISIONER_TAG}")
}

/// Refuses a release that the containerd of a machine is too old for; kubelet would not start.
async fn refuse_old_containerd(
    remote: &dyn Remote,
    machine: &Machine,
    source: &Source,
) -> Result<(), Error> {
    let Some(version) = source.needs_containerd_2() else { return Ok(()) };
    let script = Script::new(
        "ask for the release of containerd",
        "kubelet asks containerd who manages cgroups, and only containerd 2 answers that.",
        "containerd --version\n",
    );
    let said = remote.run(&script).await?;
    match containerd_of(&said) {
        Some((major, _)) if major >= 2 => Ok(()),
        _ => {
            let (machine, containerd) = (machine.id.clone(), said.trim().to_owned());
            Err(Error::OldContainerd { machine, version, containerd })
        }
    }
}

/// The release in what `containerd --version` prints: `containerd github.com/containerd/containerd 1.7.24 …`.
fn containerd_of(said: &str) -> Option<(u32, u32)> {
    said.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split(['.', '~', '+', '-']);
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    })
}

/// The steps on a machine, for a reader who wants to do the same by hand.
pub fn explain(release: &Release, role: Role) -> Vec<Script> {
    match &release.source {
        Source::Bundle(bundle) => bundle::explain(bundle, role, release),
        Source::Packages { version, repository } => {
            packages::explain(*version, repository, release)
        }
        Source::Present => Vec::new(),
    }
}

/// Takes a machine as it was left: everything is on it, and was made ready there.
fn present() -> Script {
    Script::new(
        "look for Kubernetes",
        "It was installed when the machine was made.",
        include_str!("../../../templates/kubernetes/present.sh"),
    )
}

fn load_balancer() -> Script {
    Script::new(
        "install the load balancer",
        "With several control planes nobody may depend on a single one of them, so what they are reached \
         at is a machine of its own that passes connections on.",
        concat!(
            include_str!("../../../templates/apt.sh"),
            include_str!("../../../templates/kubernetes/load-balancer.sh")
        ),
    )
}

/// What stands for the address of a machine where a reader has to fill it in.
const OWN_ADDRESS: &str = "(the address of this machine among the others)";

fn prepare(pause: &str, address: &str, release: &Release) -> Script {
    let mut insecure = release.engine.insecure_registries.clone();
    insecure.extend(release.options.plain_registry().map(str::to_owned));
    Script::new(
        "prepare the machine for kubelet",
        "Pods need a kernel that routes and bridges, and a container runtime that kubelet can talk to. \
         containerd and kubelet must agree on who manages cgroups, or pods are killed at random.",
        include_str!("../../../templates/kubernetes/prepare.sh"),
    )
    .with("PAUSE", pause)
    .with("ADDRESS", address)
    .with("END_PODS", include_str!("../../../templates/kubernetes/end-pods.sh").trim_end())
    .with("INSECURE", insecure.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_says_its_release_in_several_ways() {
        for (said, release) in [
            (
                "containerd github.com/containerd/containerd 1.7.24~ds1 1.7.24~ds1-6+b4\n",
                Some((1, 7)),
            ),
            ("containerd github.com/containerd/containerd/v2 v2.2.9 abc\n", Some((2, 2))),
            (
                "containerd containerd.io 1.6.33 d2d58213f83a351ca8f528a95fbd145f5654e957",
                Some((1, 6)),
            ),
            ("sh: containerd: not found", None),
        ] {
            assert_eq!(containerd_of(said), release, "{said}");
        }
    }
}
