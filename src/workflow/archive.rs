//! Images as archives, and the places on machines that they are put into or taken from.

use std::io::Write as _;
use std::path::Path;

use futures_util::StreamExt as _;
use tempfile::NamedTempFile;

use crate::driver::{self, Images};
use crate::model::{LoadedImage, Orchestrator, full_reference};
use crate::provision::Node;
use crate::remote::{self, Engine, Input, Remote, Script};

use super::MachineError;

/// Where the containers of a node find their images.
pub(super) enum Store<'a> {
    /// In its engine.
    Engine(&'a Engine),
    /// In the containerd that its kubelet uses.
    Containerd(&'a dyn Remote),
}

impl<'a> Store<'a> {
    pub(super) fn of(node: &'a Node, kind: Orchestrator) -> Self {
        match kind {
            Orchestrator::Kubernetes => Self::Containerd(node.remote()),
            Orchestrator::Swarm | Orchestrator::Engines => Self::Engine(node.engine()),
        }
    }

    /// Which of these images are not there.
    pub(super) async fn lacking(
        &self,
        images: &[LoadedImage],
    ) -> Result<Vec<String>, MachineError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Engine(engine) => {
                let mut lacking = Vec::new();
                for LoadedImage { reference, .. } in images {
                    if !engine.has_image(reference).await.map_err(MachineError::Engine)? {
                        lacking.push(reference.clone());
                    }
                }
                Ok(lacking)
            }
            Self::Containerd(remote) => {
                let full: Vec<String> =
                    images.iter().map(|image| full_reference(&image.reference)).collect();
                let script = Script::new(
                    "look for images",
                    "What was loaded for the cluster belongs on all of its nodes.",
                    include_str!("../../templates/kubernetes/lacking-images.sh"),
                )
                .with("IMAGES", full.join("\n"));
                let said = remote.run(&script).await?;
                let lacks = |name: &String| said.lines().any(|line| line.trim() == name);
                let named = images.iter().zip(&full).filter(|(_, name)| lacks(name));
                Ok(named.map(|(image, _)| image.reference.clone()).collect())
            }
        }
    }

    /// Puts an archive there.
    pub(super) async fn load(&self, archive: &Path) -> Result<(), MachineError> {
        match self {
            Self::Engine(engine) => engine.load_image(archive).await.map_err(MachineError::Engine),
            Self::Containerd(remote) => Ok(into_containerd(*remote, archive).await?),
        }
    }

    /// Writes an image that is there to a file.
    async fn save(&self, reference: &str, archive: &Path) -> Result<(), MachineError> {
        match self {
            Self::Engine(engine) => {
                engine.save_image(reference, archive).await.map_err(MachineError::Engine)
            }
            Self::Containerd(remote) => {
                let script = Script::new(
                    "save an image",
                    "A machine that was made later is to have the same.",
                    include_str!("../../templates/kubernetes/save-image.sh"),
                )
                .with("IMAGE", full_reference(reference));
                let mut file =
                    tokio::fs::File::create(archive).await.map_err(failed("write", archive))?;
                Ok(remote.run_with_output(&script, &mut file).await?)
            }
        }
    }
}

fn failed(
    operation: &'static str,
    archive: &Path,
) -> impl Fn(std::io::Error) -> remote::Error + use<> {
    let path = archive.to_owned();
    move |source| remote::Error::File { operation, path: path.clone(), source: source.into() }
}

/// Gives an image to the containerd that a node's kubelet uses.
async fn into_containerd(remote: &dyn Remote, archive: &Path) -> Result<(), remote::Error> {
    let failed = failed("read", archive);
    let file = tokio::fs::File::open(archive).await.map_err(&failed)?;
    let length = file.metadata().await.map_err(&failed)?.len();
    let script = Script::new(
        "load image",
        "kubelet starts containers from the images that its own containerd has, in its namespace `k8s.io`.",
        include_str!("../../templates/kubernetes/load-image.sh"),
    );
    let input = Input::new(archive.display().to_string(), length, file);
    remote.run_with_input(&script, input).await.map(drop)
}

/// An image of a machine as a temporary file.
pub(super) async fn into_file(
    store: &Store<'_>,
    reference: &str,
) -> Result<NamedTempFile, MachineError> {
    let file = NamedTempFile::new().map_err(|e| MachineError::Engine(e.into()))?;
    store.save(reference, file.path()).await?;
    Ok(file)
}

/// An image of the user's own engine as a temporary file: it is read once and sent many times.
pub(super) async fn fetch(
    images: &dyn Images,
    reference: &str,
) -> Result<NamedTempFile, driver::Error> {
    let failed = |source: std::io::Error| driver::Error::Failed {
        operation: "save",
        subject: format!("image `{reference}`"),
        source: source.into(),
    };
    let mut file = NamedTempFile::new().map_err(failed)?;
    let mut pieces = images.save(reference).await?;
    while let Some(piece) = pieces.next().await {
        file.write_all(&piece?).map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    Ok(file)
}
