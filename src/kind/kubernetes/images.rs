//! The images of the containerd that a node's kubelet uses.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::kind::{ImageError, ImageStore};
use crate::model::{LoadedImage, Machine, SshFiles, full_reference};
use crate::remote::{self, Dialer, Input, Remote, Script};

/// A machine with a containerd.
struct InContainerd(Arc<dyn Remote>);

/// The images of a node.
pub(super) fn on(remote: Arc<dyn Remote>) -> Box<dyn ImageStore> {
    Box::new(InContainerd(remote))
}

/// The images of a machine.
pub(super) async fn reach(
    dialer: &dyn Dialer,
    directory: &Path,
    machine: &Machine,
    patience: Duration,
) -> Result<Box<dyn ImageStore>, ImageError> {
    let ssh = SshFiles::in_directory(&directory.join("ssh"));
    Ok(on(dialer.dial(machine, &ssh, patience).await?))
}

#[async_trait]
impl ImageStore for InContainerd {
    async fn lacking(&self, images: &[LoadedImage]) -> Result<Vec<String>, ImageError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let full: Vec<String> =
            images.iter().map(|image| full_reference(&image.reference)).collect();
        let script = Script::new(
            "look for images",
            "What was loaded for the cluster belongs on all of its nodes.",
            include_str!("../../../templates/kubernetes/lacking-images.sh"),
        )
        .with("IMAGES", full.join("\n"));
        let said = self.0.run(&script).await?;
        let lacks = |name: &String| said.lines().any(|line| line.trim() == name);
        let named = images.iter().zip(&full).filter(|(_, name)| lacks(name));
        Ok(named.map(|(image, _)| image.reference.clone()).collect())
    }

    async fn load(&self, archive: &Path) -> Result<(), ImageError> {
        let failed = failed("read", archive);
        let file = tokio::fs::File::open(archive).await.map_err(&failed)?;
        let length = file.metadata().await.map_err(&failed)?.len();
        let script = Script::new(
            "load image",
            "kubelet starts containers from the images that its own containerd has, in its namespace `k8s.io`.",
            include_str!("../../../templates/kubernetes/load-image.sh"),
        );
        let input = Input::new(archive.display().to_string(), length, file);
        self.0.run_with_input(&script, input).await?;
        Ok(())
    }

    async fn save(&self, reference: &str, archive: &Path) -> Result<(), ImageError> {
        let script = Script::new(
            "save an image",
            "A machine that was made later is to have the same.",
            include_str!("../../../templates/kubernetes/save-image.sh"),
        )
        .with("IMAGE", full_reference(reference));
        let mut file = tokio::fs::File::create(archive).await.map_err(failed("write", archive))?;
        Ok(self.0.run_with_output(&script, &mut file).await?)
    }
}

fn failed(
    operation: &'static str,
    archive: &Path,
) -> impl Fn(std::io::Error) -> remote::Error + use<> {
    let path = archive.to_owned();
    move |source| remote::Error::File { operation, path: path.clone(), source: source.into() }
}
