//! Images of a machine's engine.

use std::path::Path;

use bollard::errors::Error as ApiError;
use bollard::query_parameters::ImportImageOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;

use crate::driver::Source;

use super::Engine;

/// Images are sent in pieces of this many bytes.
const CHUNK: usize = 256 * 1024;

impl Engine {
    /// Loads an image archive, as `docker save` writes it, straight from the file.
    pub async fn load_image(&self, archive: &Path) -> Result<(), Source> {
        let file = tokio::fs::File::open(archive).await?;
        let body = tokio_util::io::ReaderStream::with_capacity(file, CHUNK);
        let options = ImportImageOptionsBuilder::default().quiet(true).build();
        let mut answers = self.api().import_image_stream(options, body, None);
        while let Some(answer) = answers.next().await {
            if let Some(error) = answer?.error_detail {
                return Err(error.message.unwrap_or_default().into());
            }
        }
        Ok(())
    }

    /// Whether there is an image of that name.
    pub async fn has_image(&self, reference: &str) -> Result<bool, Source> {
        match self.api().inspect_image(reference).await {
            Ok(_) => Ok(true),
            Err(ApiError::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an image to a file as an archive.
    pub async fn save_image(&self, reference: &str, archive: &Path) -> Result<(), Source> {
        let mut file = tokio::fs::File::create(archive).await?;
        let mut pieces = std::pin::pin!(self.api().export_image(reference));
        while let Some(piece) = pieces.next().await {
            file.write_all(&piece?).await?;
        }
        Ok(file.flush().await?)
    }
}
