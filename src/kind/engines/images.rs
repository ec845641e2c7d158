//! The images of an engine.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use crate::kind::{ImageError, ImageStore};
use crate::model::{LoadedImage, Machine};
use crate::provision::Node;
use crate::remote::{Dialer, Engine};

use super::engine::{client, engine};

/// An engine, whose containers find its images by themselves.
struct InEngine(Engine);

/// The images of a node.
pub(in crate::kind) fn of(node: &Node) -> Result<Box<dyn ImageStore>, ImageError> {
    Ok(Box::new(InEngine(engine(node)?.clone())))
}

/// The images of a machine.
pub(in crate::kind) async fn reach(
    dialer: &dyn Dialer,
    directory: &Path,
    machine: &Machine,
    patience: Duration,
) -> Result<Box<dyn ImageStore>, ImageError> {
    let engine = dialer.engine(machine, &client(directory), patience).await?;
    Ok(Box::new(InEngine(engine)))
}

#[async_trait]
impl ImageStore for InEngine {
    async fn lacking(&self, images: &[LoadedImage]) -> Result<Vec<String>, ImageError> {
        let mut lacking = Vec::new();
        for LoadedImage { reference, .. } in images {
            if !self.0.has_image(reference).await.map_err(ImageError::Engine)? {
                lacking.push(reference.clone());
            }
        }
        Ok(lacking)
    }

    async fn load(&self, archive: &Path) -> Result<(), ImageError> {
        self.0.load_image(archive).await.map_err(ImageError::Engine)
    }

    async fn save(&self, reference: &str, archive: &Path) -> Result<(), ImageError> {
        self.0.save_image(reference, archive).await.map_err(ImageError::Engine)
    }
}
