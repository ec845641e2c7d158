//! The authority: it signs, and it judges what it has signed.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _,
    SanType, SerialNumber,
};
use time::OffsetDateTime;

use crate::durable;
use crate::model::Secret;

use super::files::write;
use super::reading::{Leaf, Purpose};
use super::{Error, Validity};

const CERT_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca-key.pem";

/// The longest common name and organization (RFC 5280, A.1, `ub-common-name`), in characters.
const LONGEST_NAME: usize = 64;
/// What the key of an authority is for.
const AUTHORITY_USAGES: [KeyUsagePurpose; 2] =
    [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];

/// A certificate and its private key, PEM; the key is PKCS#8.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: Secret,
}

/// A cluster's certificate authority, its key included.
pub struct Authority {
    name: String,
    validity: Validity,
    cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes an authority; `name` tells whose it is in every certificate it signs.
    ///
    /// # Errors
    /// [`Error::Issue`] if the cryptography fails.
    pub fn create(name: &str, validity: Validity) -> Result<Self, Error> {
        let key = generate_key().map_err(issuing(name))?;
        Self::certify(name, key, validity)
    }

    /// Signs a certificate of the authority by its own key.
    fn certify(name: &str, key: KeyPair, validity: Validity) -> Result<Self, Error> {
        // No other certificate has this subject, else it would look as if it had signed itself.
        let common_name = format!("{} CA", shorten(name, LONGEST_NAME - " CA".len()));
        let mut params = parameters(&common_name, name, validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = AUTHORITY_USAGES.to_vec();
        let cert = params.self_signed(&key).map_err(issuing(name))?;
        Ok(Self {
            name: name.to_owned(),
            validity,
            cert_pem: cert.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Writes the authority to a directory: `ca-key.pem` (0600) and then `ca.pem`.
    ///
    /// # Errors
    /// [`Error::File`] if that fails; either file is then as it was or as it shall be.
    pub fn save(&self, dir: &Path) -> Result<(), Error> {
        let key = self.issuer.key().serialize_pem();
        write(&dir.join(KEY_FILE), &key, 0o600)?;
        write(&dir.join(CERT_FILE), &self.cert_pem, 0o644)
    }

    /// Reads the authority that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// If a file is missing or unreadable, or the two do not belong together.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let cert_path = dir.join(CERT_FILE);
        let key = read_key(dir)?;
        let cert_pem = durable::read_to_string(&cert_path, durable::KEY)
            .map_err(Error::file("read", &cert_path))?;
        Self::assemble(cert_pem, key)
    }

    fn assemble(cert_pem: String, key: KeyPair) -> Result<Self, Error> {
        let leaf = Leaf::parse(&cert_pem)?;
        if leaf.public_key != key.der_bytes() {
            return Err(Error::Unreadable("it belongs to another key".into()));
        }
        let name = leaf.organization().unwrap_or_default().to_owned();
        // What it signs names it letter by letter as it is called itself.
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (what, text) in &leaf.subject {
            let arcs: Vec<u64> = what.arcs().map(u64::from).collect();
            params.distinguished_name.push(DnType::from_oid(&arcs), text.as_str());
        }
        params.key_usages = AUTHORITY_USAGES.to_vec();
        if let Some(identifier) = leaf.key_identifier {
            params.key_identifier_method = KeyIdMethod::PreSpecified(identifier);
        }
        let issuer = Issuer::new(params, key);
        Ok(Self { name, validity: leaf.validity, cert_pem, issuer })
    }

    /// The authority of a directory, made if it is absent. What a killed run left half done is
    /// completed, and a certificate that is damaged or ageing is made anew by the same key, so that
    /// everything signed before stays good.
    ///
    /// # Errors
    /// If a file cannot be read or written; a key that is damaged, or gone while its certificate is
    /// still there, is an error and never replaced, because machines trust it.
    pub fn ensure(dir: &Path, name: &str) -> Result<Self, Error> {
        durable::private_directory(dir).map_err(Error::file("make", dir))?;
        match Self::load(dir) {
            Ok(authority) if !authority.ages() => return Ok(authority),
            Err(error @ Error::Key { .. }) => return Err(error),
            _ => {}
        }
        let cert_path = dir.join(CERT_FILE);
        let authority = match read_key(dir) {
            Ok(key) => Self::certify(name, key, Validity::authority())?,
            Err(Error::File { source, .. })
                if source.kind() == io::ErrorKind::NotFound && !cert_path.exists() =>
            {
                Self::create(name, Validity::authority())?
            }
            Err(error) => return Err(error),
        };
        authority.save(dir)?;
        Ok(authority)
    }

    /// The authority's own certificate.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Issues a certificate for a client.
    ///
    /// # Errors
    /// [`Error::Issue`] if the cryptography fails.
    pub fn client(&self, name: &str) -> Result<Identity, Error> {
        self.issue(name, Purpose::Client, Vec::new(), Validity::leaf())
    }

    /// Issues a certificate for a server that is reached under these names and addresses.
    ///
    /// # Errors
    /// [`Error::Issue`] if a name is not ASCII or the cryptography fails.
    pub fn server(&self, name: &str, dns: &[String], ips: &[IpAddr]) -> Result<Identity, Error> {
        let dns = dns.iter().map(|name| name.as_str().try_into().map(SanType::DnsName));
        let ips = ips.iter().map(|ip| Ok(SanType::IpAddress(*ip)));
        let names: Result<_, rcgen::Error> = dns.chain(ips).collect();
        let names = names.map_err(issuing(name))?;
        self.issue(name, Purpose::Server, names, Validity::leaf())
    }

    /// Issues a server's certificate that is like another one, and that has expired an hour ago: for showing what
    /// becomes of it.
    ///
    /// # Errors
    /// [`Error::Unreadable`] if the other one is none; [`Error::Issue`] if the cryptography fails.
    pub fn expired_server(&self, like: &str) -> Result<Identity, Error> {
        let leaf = Leaf::parse(like)?;
        let name = leaf.common_name().unwrap_or_default().to_owned();
        let Leaf { dns, ips, .. } = leaf;
        let dns = dns.iter().map(|name| name.as_str().try_into().map(SanType::DnsName));
        let names: Result<_, rcgen::Error> =
            dns.chain(ips.into_iter().map(|ip| Ok(SanType::IpAddress(ip)))).collect();
        let names = names.map_err(issuing(&name))?;
        self.issue(&name, Purpose::Server, names, Validity::over())
    }

    /// Issues a certificate with a validity of choice, no longer than the authority's own.
    pub(super) fn issue(
        &self,
        name: &str,
        purpose: Purpose,
        names: Vec<SanType>,
        validity: Validity,
    ) -> Result<Identity, Error> {
        let validity =
            Validity { from: validity.from, until: validity.until.min(self.validity.until) };
        let mut params = parameters(name, &self.name, validity)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match purpose {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        params.subject_alt_names = names;
        let key = generate_key().map_err(issuing(name))?;
        let cert = params.signed_by(&key, &self.issuer).map_err(issuing(name))?;
        Ok(Identity { cert: cert.pem(), key: Secret::new(key.serialize_pem()) })
    }

    /// Whether a server's certificate still fits: signed by this authority, not ageing, belonging to
    /// the key, and good for all these names and addresses.
    pub fn covers(&self, cert_pem: &str, key_pem: &str, dns: &[String], ips: &[IpAddr]) -> bool {
        self.fits(cert_pem, key_pem, Purpose::Server).is_some_and(|leaf| {
            dns.iter().all(|name| leaf.dns.contains(name))
                && ips.iter().all(|ip| leaf.ips.contains(ip))
        })
    }

    /// Whether a server's certificate still works under these addresses, although it may be time for another.
    pub fn serves(&self, cert_pem: &str, key_pem: &str, ips: &[IpAddr]) -> bool {
        self.works(cert_pem, key_pem, Purpose::Server)
            .is_some_and(|leaf| ips.iter().all(|ip| leaf.ips.contains(ip)))
    }

    /// Whether it is time for another certificate of the authority itself.
    pub fn ages(&self) -> bool {
        self.validity.ageing()
    }

    /// Whether a client's certificate still fits: signed by this authority, not ageing, and belonging
    /// to the key.
    pub fn covers_client(&self, cert_pem: &str, key_pem: &str) -> bool {
        self.fits(cert_pem, key_pem, Purpose::Client).is_some()
    }

    fn fits(&self, cert_pem: &str, key_pem: &str, purpose: Purpose) -> Option<Leaf> {
        self.works(cert_pem, key_pem, purpose).filter(|leaf| !leaf.validity.ageing())
    }

    fn works(&self, cert_pem: &str, key_pem: &str, purpose: Purpose) -> Option<Leaf> {
        let leaf = Leaf::parse(cert_pem).ok()?;
        let key = KeyPair::from_pem(key_pem).ok()?;
        let good = leaf.public_key == key.der_bytes() && leaf.signed_by(&self.cert_pem, purpose);
        good.then_some(leaf)
    }
}

fn generate_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn read_key(dir: &Path) -> Result<KeyPair, Error> {
    let path = dir.join(KEY_FILE);
    let pem = durable::read_to_string(&path, durable::KEY).map_err(Error::file("read", &path))?;
    KeyPair::from_pem(&pem).map_err(|source| Error::Key { path, source })
}

/// What every certificate has in common.
fn parameters(
    common_name: &str,
    organization: &str,
    validity: Validity,
) -> Result<CertificateParams, Error> {
    let moment = |timestamp: jiff::Timestamp| {
        OffsetDateTime::from_unix_timestamp(timestamp.as_second())
            .map_err(|_| issuing(common_name)(rcgen::Error::Time))
    };
    let mut params = CertificateParams::default();
    params.not_before = moment(validity.from)?;
    params.not_after = moment(validity.until)?;
    let name = &mut params.distinguished_name;
    *name = DistinguishedName::new();
    name.push(DnType::CommonName, shorten(common_name, LONGEST_NAME));
    name.push(DnType::OrganizationName, shorten(organization, LONGEST_NAME));
    // 127 random bits: positive, and never used twice (RFC 5280, 4.1.2.2).
    let serial = rand::random::<u128>() >> 1;
    params.serial_number = Some(SerialNumber::from_slice(&serial.to_be_bytes()));
    Ok(params)
}

fn shorten(name: &str, characters: usize) -> &str {
    let end = name.char_indices().nth(characters);
    &name[..end.map_or(name.len(), |(index, _)| index)]
}

fn issuing(name: &str) -> impl FnOnce(rcgen::Error) -> Error {
    move |source| Error::Issue { name: name.to_owned(), source }
}
