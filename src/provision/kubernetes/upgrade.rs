//! Another release on a node that is a member already, in the two steps that kubeadm wants: its own program
//! first, and kubelet once kubeadm has done its part and the node is empty ("Upgrading kubeadm clusters",
//! kubernetes.io).

use crate::event::Progress;
use crate::model::KubernetesVersion;
use crate::provision::{Error, Node};

use super::packages::Installed;
use super::{Release, Source, bundle, packages, prepare};

/// The steps, as progress lines call them.
const INSTALL_KUBEADM: &str = "install kubeadm";
const INSTALL_KUBELET: &str = "install kubelet";

/// The release that a node would get. Nothing is changed.
pub async fn newest(node: &Node, release: &Release) -> Result<KubernetesVersion, Error> {
    match &release.source {
        Source::Bundle(bundle) => Ok(bundle.version()),
        Source::Packages { version, repository } => {
            packages::newest(node.remote(), *version, repository, &release.options).await
        }
        Source::Present => Ok(node.kubernetes().version),
    }
}

/// Refuses what is for other machines than this one.
pub async fn admits(node: &Node, release: &Release) -> Result<(), Error> {
    if let Source::Bundle(bundle) = &release.source {
        bundle::is_installed(node.remote(), bundle).await?;
        if bundle.brings_containerd() {
            return Ok(());
        }
    }
    super::refuse_old_containerd(node.remote(), node.machine(), &release.source).await
}

/// Replaces kubeadm, and has containerd get the images of the release. What runs goes on running.
pub async fn replace_kubeadm(
    node: &Node,
    release: &Release,
    progress: &Progress,
) -> Result<(), Error> {
    let (remote, role) = (node.remote(), node.machine().id.name.role);
    match &release.source {
        Source::Bundle(bundle) => {
            // By a run that was cut short.
            if !bundle::has_kubeadm(remote, bundle).await? {
                bundle::send(remote, role, bundle, progress).await?;
                let install = bundle::unpack_kubeadm(bundle, role);
                progress.step(INSTALL_KUBEADM, remote.run(&install)).await?;
            }
            let images = bundle::images(bundle, role);
            progress.step(&*images.title, remote.run(&images)).await?;
        }
        Source::Packages { version, repository } => {
            let packages = ["kubeadm"];
            let options = &release.options;
            let replace =
                packages::replace(INSTALL_KUBEADM, &packages, *version, repository, options);
            let said = progress.step(&*replace.title, remote.run(&replace)).await?;
            let installed = Installed::parse(&said).map_err(Error::NoVersion)?;
            packages::pull(remote, &installed.images(role), progress).await?;
        }
        Source::Present => {}
    }
    Ok(())
}

/// Replaces kubelet and kubectl, and tells containerd of what the release wants of it. The kubelet that
/// runs is still the former one.
pub async fn replace_kubelet(
    node: &Node,
    release: &Release,
    progress: &Progress,
) -> Result<(), Error> {
    let (remote, role) = (node.remote(), node.machine().id.name.role);
    let address = node.machine().private_ip.to_string();
    let prepare = match &release.source {
        Source::Bundle(bundle) => {
            if !bundle::is_installed(remote, bundle).await? {
                let install = bundle::unpack_kubelet(bundle, role);
                progress.step(INSTALL_KUBELET, remote.run(&install)).await?;
            }
            super::refuse_old_containerd(remote, node.machine(), &release.source).await?;
            prepare(bundle::pause(bundle), &address, release)
        }
        Source::Packages { version, repository } => {
            let packages = ["kubelet", "kubectl"];
            let options = &release.options;
            let replace =
                packages::replace(INSTALL_KUBELET, &packages, *version, repository, options);
            let said = progress.step(&*replace.title, remote.run(&replace)).await?;
            let installed = Installed::parse(&said).map_err(Error::NoVersion)?;
            prepare(installed.pause(), &address, release)
        }
        Source::Present => return Ok(()),
    };
    progress.step(&*prepare.title, remote.run(&prepare)).await?;
    Ok(())
}
