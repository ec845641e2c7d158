//! From a machine with Kubernetes back to the files of a bundle.

use std::path::Path;

use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::bundle::{Architecture, BundleWriter, Kind};
use crate::event::Progress;
use crate::kind::kubernetes::on;
use crate::model::Role;
use crate::provision::{Error, Node};
use crate::remote::Script;

use super::packages;
use super::provisioner::{PROVISIONER, provisioner_in};

/// What is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// What it is called on the machine: a file, or an image.
    source: String,
    /// Its name in the bundle.
    path: String,
    kind: Kind,
    roles: Vec<Role>,
}

impl Item {
    fn parse(line: &str) -> Option<Self> {
        let everywhere = || vec![Role::ControlPlane, Role::Worker];
        let (kind, what) = line.split_once(' ')?;
        let last = what.rsplit('/').next()?;
        match kind {
            "binary" => {
                let (source, target) = what.split_once(' ')?;
                Some(Self {
                    source: source.to_owned(),
                    path: format!("bin/{last}.gz"),
                    kind: Kind::Binary { target: target.to_owned() },
                    roles: everywhere(),
                })
            }
            "image" => {
                let name = last.split(':').next()?;
                // CoreDNS begins on a control plane, but its pods may go elsewhere later.
                let runs_anywhere =
                    matches!(name, "kube-proxy" | "pause" | "coredns" | PROVISIONER);
                Some(Self {
                    source: what.to_owned(),
                    path: format!("images/{name}.tar"),
                    kind: Kind::Image { image: what.to_owned() },
                    roles: if runs_anywhere { everywhere() } else { vec![Role::ControlPlane] },
                })
            }
            _ => None,
        }
    }

    /// Writes it to standard output.
    fn script(&self) -> Script {
        let (body, what) = match &self.kind {
            Kind::Image { .. } => {
                (include_str!("../../../../templates/kubernetes/save-image.sh"), "IMAGE")
            }
            Kind::Binary { .. } => ("gzip -nc -- \"$FILE\"\n", "FILE"),
            Kind::Package => ("cat -- \"$FILE\"\n", "FILE"),
        };
        Script::new("fetch it", "Machines without internet get it from the bundle.", body)
            .with(what, &self.source)
    }
}

/// Fetches everything from a control plane that was provisioned from packages, into a directory.
pub async fn collect(
    node: &Node,
    directory: &Path,
    progress: &Progress,
) -> Result<BundleWriter, Error> {
    let kubernetes = on(node)?;
    let list = Script::new(
        "look what belongs in the bundle",
        "Programs, and the images that kubeadm asks for.",
        include_str!("../../../../templates/kubernetes/collect.sh"),
    )
    .with("REGISTRY", kubernetes.options.image_repository().unwrap_or_default())
    .with("BESIDE", format!("{} {}", kubernetes.provisioner, provisioner_in(None)));
    packages::pull(node.remote(), &[&kubernetes.provisioner], progress).await?;
    let said = progress.step(&*list.title, node.remote().run(&list)).await?;
    let mut lines = said.lines();
    let architecture: Architecture =
        lines.next().unwrap_or_default().parse().map_err(Error::Uncollectable)?;
    let mut writer = BundleWriter::new(kubernetes.version, architecture);
    for item in lines.filter_map(Item::parse) {
        let file = directory.join(item.path.replace('/', "-"));
        let fetch = fetch(node, &item, &file);
        progress.step(format!("fetch {}", item.path), fetch).await?;
        writer = writer.with(file, item.path, item.kind, item.roles);
    }
    Ok(writer)
}

async fn fetch(node: &Node, item: &Item, file: &Path) -> Result<(), Error> {
    let failed = |source| Error::Keep { path: file.to_owned(), source };
    let mut out = fs::File::create(file).await.map_err(failed)?;
    node.remote().run_with_output(&item.script(), &mut out).await?;
    out.flush().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_gets_what_it_may_come_to_run() {
        let of = |line: &str| {
            let item = Item::parse(line).unwrap();
            (item.path, item.roles.contains(&Role::Worker))
        };
        let bridge = "binary /opt/cni/bin/bridge /opt/cni/bin/bridge";
        assert_eq!(of(bridge), ("bin/bridge.gz".to_owned(), true));
        assert_eq!(of("image r:5000/k/etcd:3.5.1-0"), ("images/etcd.tar".to_owned(), false));
        assert_eq!(of("image r/coredns/coredns:v1.1"), ("images/coredns.tar".to_owned(), true));
        assert_eq!(Item::parse("amd64"), None);
    }
}
