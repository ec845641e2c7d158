//! Images as archives.

use std::io::Write as _;

use futures_util::StreamExt as _;
use tempfile::NamedTempFile;

use crate::driver::{self, Images};
use crate::kind::ImageStore;

use super::MachineError;

/// An image of a machine as a temporary file.
pub(super) async fn into_file(
    store: &dyn ImageStore,
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
