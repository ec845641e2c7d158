//! Kubernetes from a bundle: everything in one file.

use crate::bundle::{Bundle, Kind};
use crate::event::Progress;
use crate::model::{KubernetesVersion, Machine, Role};
use crate::provision::Error;
use crate::remote::{Input, Remote, Script};

use super::provisioner::PROVISIONER;
use super::step::{TITLE, WHY};

/// Where the files of a bundle are put on a machine; the machine image has it.
pub const DIRECTORY: &str = "/usr/lib/clusterdojo/kubernetes";

/// What may be replaced only once a node is empty.
const KUBELET: [&str; 5] = [
    "/usr/bin/kubelet",
    "/usr/bin/kubectl",
    "/usr/local/bin/containerd",
    "/usr/local/bin/containerd-shim-runc-v2",
    "/usr/local/bin/ctr",
];

/// Installs a bundle on a machine that does not have it yet.
pub(super) async fn install(
    remote: &dyn Remote,
    machine: &Machine,
    bundle: &Bundle,
    progress: &Progress,
) -> Result<(), Error> {
    if is_installed(remote, bundle).await? {
        return Ok(());
    }
    // A member is brought to another release by an upgrade, which empties it first.
    let running = remote.run(&running()).await?;
    if !running.trim().is_empty() {
        let installed: KubernetesVersion = running.trim().parse().map_err(Error::NoVersion)?;
        let wanted = bundle.version();
        if installed != wanted {
            return Err(Error::Release { machine: machine.id.clone(), installed, wanted });
        }
    }
    send(remote, machine.id.name.role, bundle, progress).await?;
    let install = unpack(bundle, machine.id.name.role);
    progress.step(&*install.title, remote.run(&install)).await?;
    Ok(())
}

/// Whether all of a bundle is installed on a machine.
///
/// # Errors
/// [`Error::Bundle`] if it is for other machines.
pub(super) async fn is_installed(remote: &dyn Remote, bundle: &Bundle) -> Result<bool, Error> {
    Ok(installed(remote, bundle).await? == bundle.id())
}

/// Whether at least its kubeadm is.
///
/// # Errors
/// As [`is_installed`].
pub(super) async fn has_kubeadm(remote: &dyn Remote, bundle: &Bundle) -> Result<bool, Error> {
    let installed = installed(remote, bundle).await?;
    Ok(installed == bundle.id() || installed == without_kubelet(bundle))
}

/// What a machine remembers of what was installed on it last.
async fn installed(remote: &dyn Remote, bundle: &Bundle) -> Result<String, Error> {
    let new = bundle.manifest().architecture.to_string();
    let seen = remote.run(&look().needless_when_new(new)).await?;
    let mut seen = seen.lines();
    bundle.fits(seen.next().unwrap_or_default(), None)?;
    Ok(seen.next().unwrap_or_default().to_owned())
}

/// What it remembers where kubelet is still the former one.
fn without_kubelet(bundle: &Bundle) -> String {
    format!("{} without kubelet", bundle.id())
}

/// Sends what a role needs.
pub(super) async fn send(
    remote: &dyn Remote,
    role: Role,
    bundle: &Bundle,
    progress: &Progress,
) -> Result<(), Error> {
    let receive = receive();
    let files = bundle.archive(&bundle.files_for(role))?;
    let input = Input::new(bundle.path().display().to_string(), files.length(), files);
    progress.step(&*receive.title, remote.run_with_input(&receive, input)).await?;
    Ok(())
}

/// The script that makes of a machine image, and a bundle unpacked in [`DIRECTORY`], an image with
/// everything inside.
pub fn bake(bundle: &Bundle) -> String {
    format!(
        "set -eu\n(\n{})\n{}",
        unpack(bundle, Role::ControlPlane).explain(),
        include_str!("../../../../templates/kubernetes/preload.sh")
    )
}

/// Installs what lies unpacked in [`DIRECTORY`].
fn unpack(bundle: &Bundle, role: Role) -> Script {
    unpack_those(bundle, role, |_| true).with("ID", bundle.id())
}

/// Everything but what kubelet and its user run, which may be replaced only once the node is empty.
pub(super) fn unpack_kubeadm(bundle: &Bundle, role: Role) -> Script {
    unpack_those(bundle, role, |target| !KUBELET.contains(&target))
        .with("ID", without_kubelet(bundle))
}

/// The rest of it.
pub(super) fn unpack_kubelet(bundle: &Bundle, role: Role) -> Script {
    unpack_those(bundle, role, |target| KUBELET.contains(&target)).with("ID", bundle.id())
}

fn unpack_those(bundle: &Bundle, role: Role, wanted: impl Fn(&str) -> bool) -> Script {
    let binaries: String = bundle
        .files_for(role)
        .into_iter()
        .filter_map(|file| match &file.kind {
            Kind::Binary { target } if wanted(target) => Some(format!("{} {target}\n", file.path)),
            _ => None,
        })
        .collect();
    Script::new(
        TITLE,
        WHY,
        concat!(
            include_str!("../../../../templates/apt.sh"),
            include_str!("../../../../templates/kubernetes/tools.sh"),
            include_str!("../../../../templates/kubernetes/install.sh")
        ),
    )
    .with("BINARIES", binaries.trim_end())
}

/// Which bundle is installed already.
fn look() -> Script {
    Script::new(
        "look for Kubernetes",
        "A machine image may have it inside.",
        include_str!("../../../../templates/kubernetes/look.sh"),
    )
}

/// Which release a member runs.
fn running() -> Script {
    Script::new(
        "ask for the release of its kubelet",
        "What a member runs is not replaced under its pods.",
        include_str!("../../../../templates/kubernetes/running.sh"),
    )
    .needless_when_new("")
}

fn receive() -> Script {
    Script::new(
        "copy Kubernetes",
        "All that the machine needs comes from one file, so it needs no internet.",
        include_str!("../../../../templates/kubernetes/receive.sh"),
    )
}

/// Gives containerd the images of a role.
pub(super) fn images(bundle: &Bundle, role: Role) -> Script {
    let lines: String = references(bundle, role)
        .map(|(file, image)| format!("{} {image}\n", file.trim_start_matches("images/")))
        .collect();
    Script::new(
        "load images",
        "Control planes run as containers that kubelet starts from files, so their images must be there \
         before it starts. A worker needs only the images of kube-proxy and of the pause container.",
        include_str!("../../../../templates/kubernetes/images.sh"),
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

/// The image of what makes volumes, if it is in it.
pub(super) fn provisioner(bundle: &Bundle) -> Option<&str> {
    image(bundle, PROVISIONER)
}

/// The image that holds a pod's namespaces.
pub(super) fn pause(bundle: &Bundle) -> &str {
    image(bundle, "pause").unwrap_or_default()
}

/// The image of that name, if every machine gets one.
fn image<'a>(bundle: &'a Bundle, name: &str) -> Option<&'a str> {
    let mut images = references(bundle, Role::Worker).map(|(_, image)| image);
    images.find(|image| image.contains(&format!("/{name}:")))
}
