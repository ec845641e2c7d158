//! What is put into machine images beforehand.

use std::path::PathBuf;

/// What is put into machines beforehand.
#[derive(Debug, Clone)]
pub struct Baked {
    /// What it is, as part of the image's tag: `kubernetes-1.32.4`.
    pub name: String,
    /// A tar archive of files, whatever they are.
    pub archive: PathBuf,
    /// Tells archives apart.
    pub archive_id: String,
    /// The directory that the archive is unpacked in; it exists.
    pub directory: String,
    /// A shell script that makes of them what is wanted. It holds no secret: it stays in the image.
    pub script: String,
}
