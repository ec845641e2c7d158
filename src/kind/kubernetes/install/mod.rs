//! From a machine to a Kubernetes node: containerd, kubelet and kubeadm are there, and the images that
//! its role needs.

mod bundle;
mod collect;
mod on_node;
mod packages;
mod provisioner;
mod release;
mod step;
mod upgrade;

use async_trait::async_trait;

use crate::bundle::Bundle;
use crate::event::Progress;
use crate::failpoint;
use crate::model::{KubernetesVersion, Machine, Role};
use crate::provision::{Error, Ground, Install, Installed};
use crate::remote::{Remote, Script};

pub use bundle::{DIRECTORY, bake};
pub use collect::collect;
pub(super) use on_node::{OnNode, on};
pub use release::{Release, Source};
pub(super) use upgrade::{admits, newest, replace_kubeadm, replace_kubelet};

use provisioner::provisioner_in;

#[async_trait]
impl Install for Release {
    async fn install(&self, on: &Ground<'_>) -> Result<Installed, Error> {
        let installed = install(on.remote, on.machine, self, on.progress).await?;
        failpoint::reached("provision.after");
        Ok(Installed::new(installed))
    }

    fn version(&self) -> Option<KubernetesVersion> {
        self.source.version()
    }

    fn bundle(&self) -> Option<&Bundle> {
        match &self.source {
            Source::Bundle(bundle) => Some(bundle),
            Source::Packages { .. } | Source::Present => None,
        }
    }

    fn lacks_containerd(&self) -> Option<KubernetesVersion> {
        self.source.lacks_containerd()
    }
}

/// Brings a machine to where kubeadm can run. Doing it again changes nothing.
async fn install(
    remote: &dyn Remote,
    machine: &Machine,
    release: &Release,
    progress: &Progress,
) -> Result<OnNode, Error> {
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
    Ok(OnNode { version, provisioner: provisioner(release), options, network })
}

/// The image of what makes volumes: in the bundle, else from where all images come.
fn provisioner(release: &Release) -> String {
    let bundled = match &release.source {
        Source::Bundle(bundle) => bundle::provisioner(bundle),
        Source::Packages { .. } | Source::Present => None,
    };
    bundled.map_or_else(|| provisioner_in(release.options.image_repository()), str::to_owned)
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
    )
    .needless_when_new("containerd v2.0.0");
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

/// Takes a machine as it was left: everything is on it, and was made ready there.
fn present() -> Script {
    Script::new(
        "look for Kubernetes",
        "It was installed when the machine was made.",
        include_str!("../../../../templates/kubernetes/present.sh"),
    )
}

fn load_balancer() -> Script {
    Script::new(
        "install the load balancer",
        "With several control planes nobody may depend on a single one of them, so what they are reached \
         at is a machine of its own that passes connections on.",
        concat!(
            include_str!("../../../../templates/apt.sh"),
            include_str!("../../../../templates/kubernetes/load-balancer.sh")
        ),
    )
}

fn prepare(pause: &str, address: &str, release: &Release) -> Script {
    let mut insecure = release.engine.insecure_registries.clone();
    insecure.extend(release.options.plain_registry().map(str::to_owned));
    Script::new(
        "prepare the machine for kubelet",
        "Pods need a kernel that routes and bridges, and a container runtime that kubelet can talk to. \
         containerd and kubelet must agree on who manages cgroups, or pods are killed at random.",
        include_str!("../../../../templates/kubernetes/prepare.sh"),
    )
    .with("PAUSE", pause)
    .with("ADDRESS", address)
    .with("END_PODS", include_str!("../../../../templates/kubernetes/end-pods.sh").trim_end())
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
