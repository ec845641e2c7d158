//! Whom this computer trusts, for those who send from elsewhere.

use std::io;

use pem::Pem;

use super::client::NoClient;

/// The certificates of the authorities that this computer trusts, in PEM.
///
/// # Errors
/// [`NoClient`] if it trusts none.
pub fn authorities() -> Result<String, NoClient> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(ToString::to_string);
        return Err(NoClient(io::Error::new(io::ErrorKind::NotFound, why.unwrap_or_default())));
    }
    let all = found.certs.iter().map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec()));
    Ok(pem::encode_many(&all.collect::<Vec<_>>()))
}
