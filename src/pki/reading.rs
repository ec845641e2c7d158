//! What a certificate says.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::ext::pkix::{SubjectAltName, SubjectKeyIdentifier};
use x509_cert::time::Time;

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
    let cert = parse(&parse_der(cert_pem)?)?;
    let key = cert.tbs_certificate().subject_public_key_info();
    let hash = Sha256::digest(key.to_der().map_err(|e| Error::Unreadable(e.into()))?);
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
    let leaf = Leaf::parse(cert_pem)?;
    let subject = leaf.common_name().unwrap_or_default().to_owned();
    let names = leaf.dns.into_iter().chain(leaf.ips.iter().map(ToString::to_string)).collect();
    Ok(Description { subject, names, validity: leaf.validity })
}

/// What we ask of a certificate.
#[derive(Debug)]
pub(super) struct Leaf {
    /// What its owner is called: what is told of it, and how.
    pub(super) subject: Vec<(ObjectIdentifier, String)>,
    pub(super) validity: Validity,
    /// The key's raw bits, without its algorithm.
    pub(super) public_key: Vec<u8>,
    /// What certificates that are signed by the key know it by.
    pub(super) key_identifier: Option<Vec<u8>>,
    pub(super) dns: Vec<String>,
    pub(super) ips: Vec<IpAddr>,
    der: CertificateDer<'static>,
}

impl Leaf {
    pub(super) fn parse(cert_pem: &str) -> Result<Self, Error> {
        let der = parse_der(cert_pem)?;
        let cert = parse(&der)?;
        let cert = cert.tbs_certificate();
        let (mut dns, mut ips) = (Vec::new(), Vec::new());
        if let Ok(Some((_, SubjectAltName(names)))) = cert.get_extension() {
            for name in names {
                match name {
                    GeneralName::DnsName(name) => dns.push(name.to_string()),
                    GeneralName::IpAddress(octets) => ips.extend(address(octets.as_bytes())),
                    _ => {}
                }
            }
        }
        let subject = cert.subject().iter();
        let subject = subject.filter_map(|it| Some((it.oid, text(&it.value)?))).collect();
        let key_identifier = match cert.get_extension() {
            Ok(Some((_, SubjectKeyIdentifier(octets)))) => Some(octets.into_bytes().into_vec()),
            _ => None,
        };
        let validity = Validity {
            from: moment(cert.validity().not_before)?,
            until: moment(cert.validity().not_after)?,
        };
        let public_key = cert.subject_public_key_info().subject_public_key.raw_bytes().to_vec();
        Ok(Self { subject, validity, public_key, key_identifier, dns, ips, der })
    }

    pub(super) fn common_name(&self) -> Option<&str> {
        self.named(COMMON_NAME)
    }

    pub(super) fn organization(&self) -> Option<&str> {
        self.named(ORGANIZATION_NAME)
    }

    fn named(&self, what: ObjectIdentifier) -> Option<&str> {
        self.subject.iter().find(|(it, _)| *it == what).map(|(_, text)| text.as_str())
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

fn parse(der: &[u8]) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(|e| Error::Unreadable(e.into()))
}

fn moment(time: Time) -> Result<Timestamp, Error> {
    let since_1970 = SignedDuration::try_from(time.to_unix_duration());
    since_1970.and_then(Timestamp::from_duration).map_err(|e| Error::Unreadable(e.into()))
}

fn text(value: &Any) -> Option<String> {
    Some(DirectoryString::try_from(value).ok()?.value().into_owned())
}

/// An address as certificates hold it, 4 or 16 octets (RFC 5280, 4.2.1.6).
fn address(octets: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
