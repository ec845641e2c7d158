//! TLS with exactly one trusted authority, mutual where there is a certificate to present, and what its
//! failures mean.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, ClientConfig, RootCertStore};

type Source = Box<dyn StdError + Send + Sync>;

/// Which part of a client's credentials an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The certificate of the authority to trust.
    Authority,
    /// The client's certificate.
    Certificate,
    /// Its private key.
    Key,
    /// The certificate and the key do not belong together, or are of a kind that cannot be used.
    Pair,
}

/// Credentials that cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) part: Part,
    pub(crate) source: Source,
}

fn unusable<E: Into<Source>>(part: Part) -> impl FnOnce(E) -> Unusable {
    move |source| Unusable { part, source: source.into() }
}

/// A client that trusts this authority and no other, and presents this certificate with its key, if any;
/// all in PEM.
pub(crate) fn client(ca: &[u8], pair: Option<(&[u8], &[u8])>) -> Result<ClientConfig, Unusable> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(ca).map_err(unusable(Part::Authority))? {
        roots.add(authority).map_err(unusable(Part::Authority))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable(Part::Pair))?
        .with_root_certificates(roots);
    let Some((cert, key)) = pair else { return Ok(config.with_no_client_auth()) };
    let chain = certificates(cert).map_err(unusable(Part::Certificate))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(unusable(Part::Key))?;
    config.with_client_auth_cert(chain, key).map_err(unusable(Part::Pair))
}

/// All certificates of a text, which has at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        return Err(pem::Error::NoItemsFound);
    }
    Ok(certificates)
}

/// Whether one side refused the other's certificate: no later attempt will end otherwise.
pub(crate) fn is_final(error: &(dyn StdError + 'static)) -> bool {
    use AlertDescription as Alert;
    match cause(error) {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => true,
        Some(rustls::Error::AlertReceived(alert)) => matches!(
            alert,
            Alert::NoCertificate
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::CertificateRequired
                // A signature by another authority of the same name.
                | Alert::DecryptError
        ),
        _ => false,
    }
}

/// The TLS library's error at the bottom of a chain. An `io::Error` hides the error it carries from
/// `source`, so that has to be looked into.
pub(crate) fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref() {
        return Some(found);
    }
    let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match carried {
        Some(carried) => cause(carried),
        None => cause(error.source()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Authority, Validity};

    #[test]
    fn the_part_that_cannot_be_used_is_named() {
        let ours = Authority::create("practice", Validity::authority()).unwrap();
        let (me, other) = (ours.client("me").unwrap(), ours.client("other").unwrap());
        let ca = ours.cert_pem();
        let part = |ca: &str, cert: &str, key: &str| {
            let config = client(ca.as_bytes(), Some((cert.as_bytes(), key.as_bytes())));
            config.err().map(|unusable| unusable.part)
        };
        assert_eq!(part(ca, &me.cert, me.key.expose()), None);
        assert_eq!(part("", &me.cert, me.key.expose()), Some(Part::Authority));
        assert_eq!(part(ca, "no certificate", me.key.expose()), Some(Part::Certificate));
        assert_eq!(part(ca, &me.cert, "no key"), Some(Part::Key));
        assert_eq!(part(ca, &me.cert, other.key.expose()), Some(Part::Pair));
    }
}
