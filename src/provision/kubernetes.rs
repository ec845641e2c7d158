//! From a machine to a Kubernetes node: containerd, kubelet and kubeadm are there, and the images that
//! its role needs.

use std::sync::Arc;

use crate::bundle::{Bundle, Kind};
use crate::event::Progress;
use crate::failpoint;
use crate::model::{KubernetesOptions, KubernetesVersion, Machine, Role};
use crate::remote::{Input, Remote, Script};

use super::Error;

/// Where the files of a bundle are put on a machine; the machine image has it.
pub const DIRECTORY: &str = "/usr/lib/clusterdojo/kubernetes";

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

/// Kubernetes, as asked for.
#[derive(Debug, Clone)]
pub struct Release {
    /// Where it comes from.
    pub source: Source,
    /// What was chosen.
    pub options: KubernetesOptions,
    /// The text of the manifest that was chosen as the pod network, if one was.
    pub network: Option<String>,
}

/// Kubernetes, as it is installed on a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Kubernetes {
    /// The release, with its patch number.
    pub version: KubernetesVersion,
    /// Whether there is an image of `CoreDNS`.
    pub dns: bool,
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
    let role = machine.id.name.role;
    let bundle = match &release.source {
        Source::Bundle(bundle) => bundle,
        Source::Present => return present(remote, role, release).await,
        Source::Packages { .. } => todo!(),
    };
    let installed = |bundle: &Bundle| Kubernetes {
        version: bundle.version(),
        dns: references(bundle, Role::ControlPlane).any(|(_, image)| image.contains("/coredns")),
        options: release.options.clone(),
        network: release.network.clone(),
    };
    if role == Role::LoadBalancer {
        let install = load_balancer();
        progress.step(install.title, remote.run(&install)).await?;
        return Ok(installed(bundle));
    }
    install_bundle(remote, role, bundle, progress).await?;
    failpoint::reached("kubernetes.install.after");
    let prepare = prepare(pause(bundle));
    progress.step(prepare.title, remote.run(&prepare)).await?;
    let images = images(bundle, role);
    progress.step(images.title, remote.run(&images)).await?;
    failpoint::reached("kubernetes.images.after");
    Ok(installed(bundle))
}

/// Takes a machine as it was left: everything is on it, and was made ready there.
async fn present(remote: &dyn Remote, role: Role, release: &Release) -> Result<Kubernetes, Error> {
    let script = Script::new(
        "look for Kubernetes",
        "It was installed when the machine was made.",
        include_str!("../../templates/kubernetes/present.sh"),
    );
    let version = if role == Role::LoadBalancer {
        release.options.version.unwrap_or(KubernetesVersion::OLDEST)
    } else {
        remote.run(&script).await?.trim().parse().map_err(Error::NoVersion)?
    };
    let (options, network) = (release.options.clone(), release.network.clone());
    // Only a new cluster needs to know.
    Ok(Kubernetes { version, dns: true, options, network })
}

/// Installs a bundle on a machine that does not have it yet.
async fn install_bundle(
    remote: &dyn Remote,
    role: Role,
    bundle: &Bundle,
    progress: &Progress,
) -> Result<(), Error> {
    let seen = remote.run(&look()).await?;
    let mut seen = seen.lines();
    bundle.fits(seen.next().unwrap_or_default(), None)?;
    if seen.next() == Some(bundle.id()) {
        return Ok(());
    }
    let receive = receive();
    let files = bundle.archive(&bundle.files_for(role))?;
    let input = Input::new(bundle.path().display().to_string(), files.length(), files);
    progress.step(receive.title, remote.run_with_input(&receive, input)).await?;
    let install = install(bundle, role);
    progress.step(install.title, remote.run(&install)).await?;
    Ok(())
}

/// The steps on a machine, for a reader who has the bundle's files there already.
pub fn explain(bundle: &Bundle, role: Role) -> Vec<Script> {
    vec![receive(), install(bundle, role), prepare(pause(bundle)), images(bundle, role)]
}

/// The script that makes of a machine image, and a bundle unpacked in [`DIRECTORY`], an image with
/// everything inside.
pub fn bake(bundle: &Bundle) -> String {
    format!(
        "set -eu\n(\n{})\n{}",
        install(bundle, Role::ControlPlane).explain(),
        include_str!("../../templates/kubernetes/preload.sh")
    )
}

/// Installs what lies unpacked in [`DIRECTORY`].
fn install(bundle: &Bundle, role: Role) -> Script {
    let binaries: String = bundle
        .files_for(role)
        .into_iter()
        .filter_map(|file| match &file.kind {
            Kind::Binary { target } => Some(format!("{} {target}\n", file.path)),
            _ => None,
        })
        .collect();
    Script::new(
        "install Kubernetes",
        "kubeadm sets clusters up, kubelet runs the pods of a node, and containerd runs their containers.",
        include_str!("../../templates/kubernetes/install.sh"),
    )
    .with("ID", bundle.id())
    .with("BINARIES", binaries.trim_end())
}

fn load_balancer() -> Script {
    Script::new(
        "install the load balancer",
        "With several control planes nobody may depend on a single one of them, so what they are reached \
         at is a machine of its own that passes connections on.",
        include_str!("../../templates/kubernetes/load-balancer.sh"),
    )
}

/// Which bundle is installed already.
fn look() -> Script {
    Script::new(
        "look for Kubernetes",
        "A machine image may have it inside.",
        include_str!("../../templates/kubernetes/look.sh"),
    )
}

fn receive() -> Script {
    Script::new(
        "copy Kubernetes",
        "All that the machine needs comes from one file, so it needs no internet.",
        include_str!("../../templates/kubernetes/receive.sh"),
    )
}

fn prepare(pause: &str) -> Script {
    Script::new(
        "prepare the machine for kubelet",
        "Pods need a kernel that routes and bridges, and a container runtime that kubelet can talk to. \
         containerd and kubelet must agree on who manages cgroups, or pods are killed at random.",
        include_str!("../../templates/kubernetes/prepare.sh"),
    )
    .with("PAUSE", pause)
    .with("END_PODS", include_str!("../../templates/kubernetes/end-pods.sh").trim_end())
}

fn images(bundle: &Bundle, role: Role) -> Script {
    let lines: String = references(bundle, role)
        .map(|(file, image)| format!("{} {image}\n", file.trim_start_matches("images/")))
        .collect();
    Script::new(
        "load images",
        "Control planes run as containers that kubelet starts from files, so their images must be there \
         before it starts. A worker needs only the images of kube-proxy and of the pause container.",
        include_str!("../../templates/kubernetes/images.sh"),
    )
    .with("IMAGES", lines.trim_end())
}

/// The images that a role needs: the file in the bundle, and the reference.
fn references(bundle: &Bundle, role: Role) -> impl Iterator<Item = (&str, &str)> {
    bundle.files_for(role).into_iter().filter_map(|file| match &file.kind {
        Kind::Image { image } => Some((file.path.as_str(), image.as_str())),
        _ => None,
    })
}

/// The image that holds a pod's namespaces.
fn pause(bundle: &Bundle) -> &str {
    let mut images = references(bundle, Role::Worker).map(|(_, image)| image);
    images.find(|image| image.contains("/pause:")).unwrap_or_default()
}
