//! Each cluster's own certificate authority, and the certificates of its engines and of its client.
//!
//! ECDSA P-256 throughout: every TLS library that talks to Docker has it, and making a key takes
//! milliseconds where RSA-4096 takes a second. The authority's key never leaves this computer; it may
//! sign no further authorities (`pathlen:0`), a client's certificate cannot pose as a server and a
//! server's not as a client.

mod authority;
pub mod by_hand;
mod reading;

use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::durable;
use crate::model::{Secret, TlsFiles};

pub use authority::Authority;
pub use reading::{Description, describe, expiry, pin};

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// "read", "write".
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold the key that it should. It is left as it is.
    #[error("`{}` holds no usable key", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for `{name}`")]
    Issue {
        /// Whose.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// A text is not a certificate.
    #[error("not a certificate")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }
}

/// A certificate and its private key, PEM; the key is PKCS#8.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub cert: String,
    /// The private key.
    pub key: Secret,
}

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub until: Timestamp,
}

/// Certificates are valid from an hour ago, because a machine's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);
/// A practice cluster rarely lives for a year, and one that does gets a new certificate of the same
/// key from [`Authority::ensure`].
const AUTHORITY_DAYS: i64 = 365;
/// Short, because there is no revocation; every `up` renews what is old.
const LEAF_DAYS: i64 = 90;

impl Validity {
    /// For an authority made now.
    pub fn authority() -> Self {
        Self::days(AUTHORITY_DAYS)
    }

    /// For any other certificate made now.
    pub fn leaf() -> Self {
        Self::days(LEAF_DAYS)
    }

    fn days(days: i64) -> Self {
        let now = Timestamp::now();
        Self { from: now - CLOCK_SKEW, until: now + SignedDuration::from_hours(24 * days) }
    }

    /// Whether less than a fifth of the time is left, so that it should be renewed while it still
    /// works.
    fn ageing(&self) -> bool {
        Timestamp::now() + self.until.duration_since(self.from) / 5 >= self.until
    }
}

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

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    durable::replace(path, text.as_bytes(), mode).map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests;
