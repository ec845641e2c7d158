//! What a certificate says.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Error, Validity};

/// What a certificate is for; each is for one thing only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Client,
    Server,
}

/// The last moment of a certificate (PEM).
///
/// # Errors
/// [`Error::Unreadable`] if the text is not a certificate.
pub fn expiry(cert_pem: &str) -> Result<Timestamp, Error> {
    Ok(Leaf::parse(cert_pem)?.validity.until)
}

/// What others know an authority by: `sha256:` and the hash of its public key, in hexadecimal digits (the
/// `SubjectPublicKeyInfo` of RFC 5280 and the pins of RFC 7469, 2.4, as kubeadm writes them).
///
/// # Errors
/// [`Error::Unreadable`] if the text is not a certificate.
pub fn pin(cert_pem: &str) -> Result<String, Error> {
    let der = parse_der(cert_pem)?;
    let (_, cert) = X509Certificate::from_der(&der).map_err(|e| Error::Unreadable(e.into()))?;
    let hash = Sha256::digest(cert.public_key().raw);
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{digits}"))
}

/// What a certificate says to a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The common name of its owner; empty if it has none.
    pub subject: String,
    /// The names and addresses that a server proves by it.
    pub names: Vec<String>,
    /// From when until when it is valid.
    pub validity: Validity,
}

/// Describes a certificate (PEM).
///
/// # Errors
/// [`Error::Unreadable`] if the text is not a certificate.
pub fn describe(cert_pem: &str) -> Result<Description, Error> {
    let Leaf { common_name, dns, ips, validity, .. } = Leaf::parse(cert_pem)?;
    let names = dns.into_iter().chain(ips.iter().map(ToString::to_string)).collect();
    Ok(Description { subject: common_name.unwrap_or_default(), names, validity })
}

/// What we ask of a certificate.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) common_name: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) validity: Validity,
    /// The key's raw bits, without its algorithm.
    pub(super) public_key: Vec<u8>,
    pub(super) dns: Vec<String>,
    pub(super) ips: Vec<IpAddr>,
    der: CertificateDer<'static>,
}

impl Leaf {
    pub(super) fn parse(cert_pem: &str) -> Result<Self, Error> {
        let der = parse_der(cert_pem)?;
        let (_, cert) = X509Certificate::from_der(&der).map_err(|e| Error::Unreadable(e.into()))?;
        let moment = |time: &x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|e| Error::Unreadable(e.into()))
        };
        let (mut dns, mut ips) = (Vec::new(), Vec::new());
        if let Ok(Some(names)) = cert.subject_alternative_name() {
            for name in &names.value.general_names {
                match name {
                    GeneralName::DNSName(name) => dns.push((*name).to_owned()),
                    GeneralName::IPAddress(octets) => ips.extend(address(octets)),
                    _ => {}
                }
            }
        }
        let common_name = cert.subject().iter_common_name().next();
        let common_name = common_name.and_then(|n| n.as_str().ok()).map(str::to_owned);
        let organization = cert.subject().iter_organization().next();
        let organization = organization.and_then(|o| o.as_str().ok()).map(str::to_owned);
        let validity = Validity {
            from: moment(&cert.validity().not_before)?,
            until: moment(&cert.validity().not_after)?,
        };
        let public_key = cert.public_key().subject_public_key.data.to_vec();
        Ok(Self { common_name, organization, validity, public_key, dns, ips, der })
    }

    /// Whether a TLS peer that trusts only this authority would accept the certificate now.
    pub(super) fn signed_by(&self, authority_pem: &str, purpose: Purpose) -> bool {
        let mut roots = RootCertStore::empty();
        let Ok(authority) = parse_der(authority_pem) else {
            return false;
        };
        if roots.add(authority).is_err() {
            return false;
        }
        let provider = Arc::new(ring::default_provider());
        let now = UnixTime::now();
        match purpose {
            Purpose::Server => {
                let algorithms = provider.signature_verification_algorithms.all;
                ParsedCertificate::try_from(&self.der).is_ok_and(|leaf| {
                    verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &[], now, algorithms)
                        .is_ok()
                })
            }
            Purpose::Client => {
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .is_ok_and(|verifier| verifier.verify_client_cert(&self.der, &[], now).is_ok())
            }
        }
    }
}

fn parse_der(cert_pem: &str) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_slice(cert_pem.as_bytes())
        .map_err(|e| Error::Unreadable(e.to_string().into()))
}

/// An address as certificates hold it, 4 or 16 octets (RFC 5280, 4.2.1.6).
fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
