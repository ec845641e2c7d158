//! Whom this computer trusts, for those who send from elsewhere.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::client::NoClient;

/// How long a line of PEM is (RFC 7468).
const LINE: usize = 64;

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
    Ok(found.certs.iter().map(|certificate| pem(certificate)).collect())
}

fn pem(certificate: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let encoded = STANDARD.encode(certificate);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = others;
    }
    text + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = [pem(&[7; 100]), pem(&[8; 48])].concat();
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
        let read: Vec<Vec<u8>> = read.unwrap().iter().map(|it| it.to_vec()).collect();
        assert_eq!(read, [vec![7; 100], vec![8; 48]]);
    }
}
