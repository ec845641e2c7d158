//! The client's side of mutual TLS.

use std::path::Path;

use super::files::write;
use super::{Authority, Error};
use crate::durable;
use crate::model::TlsFiles;

/// The client's side of mutual TLS in a directory, under the names that docker looks for. What is
/// absent, ageing or signed by another authority is made anew.
///
/// # Errors
/// If a certificate cannot be made or a file not be written.
pub fn ensure_client(dir: &Path, authority: &Authority, name: &str) -> Result<TlsFiles, Error> {
    let files = TlsFiles::in_directory(dir);
    durable::private_directory(dir).map_err(Error::file("make", dir))?;
    let unchanged = |path: &Path, text: &str| {
        durable::read_to_string(path, durable::KEY).is_ok_and(|t| t == text)
    };
    if !unchanged(&files.ca, authority.cert_pem()) {
        write(&files.ca, authority.cert_pem(), 0o644)?;
    }
    if let (Ok(cert), Ok(key)) = (
        durable::read_to_string(&files.cert, durable::KEY),
        durable::read_to_string(&files.key, durable::KEY),
    ) && authority.covers_client(&cert, &key)
    {
        return Ok(files);
    }
    renew_client(dir, authority, name)?;
    Ok(files)
}

/// Makes the client's certificate and key anew, however good they still are.
///
/// # Errors
/// If a certificate cannot be made or a file not be written.
pub fn renew_client(dir: &Path, authority: &Authority, name: &str) -> Result<(), Error> {
    let files = TlsFiles::in_directory(dir);
    let identity = authority.client(name)?;
    // The key goes first: an older certificate beside it does not fit, which the next run notices.
    write(&files.key, identity.key.expose(), 0o600)?;
    write(&files.cert, &identity.cert, 0o644)
}
