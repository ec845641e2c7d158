//! Where the containers of a node find their images.

use std::path::Path;

use async_trait::async_trait;

use crate::model::LoadedImage;

use super::ImageError;

/// The images of one machine.
#[async_trait]
pub trait ImageStore: Send + Sync {
    /// Which of these are not there.
    async fn lacking(&self, images: &[LoadedImage]) -> Result<Vec<String>, ImageError>;
    /// Puts an archive there, as `docker save` writes it.
    async fn load(&self, archive: &Path) -> Result<(), ImageError>;
    /// Writes an image that is there to a file.
    async fn save(&self, reference: &str, archive: &Path) -> Result<(), ImageError>;
}
