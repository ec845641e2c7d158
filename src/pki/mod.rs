//! Each cluster's own certificate authority, and the certificates of its engines and of its client.
//!
//! ECDSA P-256 throughout: every TLS library that talks to Docker has it, and making a key takes
//! milliseconds where RSA-4096 takes a second. The authority's key never leaves this computer; it may
//! sign no further authorities (`pathlen:0`), a client's certificate cannot pose as a server and a
//! server's not as a client.

mod authority;
pub mod by_hand;
mod client;
mod error;
mod files;
mod reading;
mod validity;

pub use authority::{Authority, Identity};
pub use client::{ensure_client, renew_client};
pub use error::Error;
pub use reading::{Description, describe, expiry, pin};
pub use validity::Validity;

#[cfg(test)]
mod tests;
