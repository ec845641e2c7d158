//! Kubernetes bundles: one file with everything that machines need to become a Kubernetes cluster, so
//! that nothing is fetched from the internet.
//!
//! A bundle is a plain tar (POSIX.1-2024, pax, "ustar Interchange Format"; no extension headers, no
//! compression of the whole). Its first member is [`manifest.json`](Manifest), then come the files that
//! the manifest lists, in its order, and nothing else. So it is known from the manifest where each file
//! begins, and any of them can be read without the others.

mod archive;
mod contents;
mod error;
mod hex;
mod manifest;
mod opened;
mod reading;
mod stamp;
mod tape;
mod verifying;
mod writing;

pub use archive::Archive;
pub use contents::Missing;
pub use error::Error;
pub use manifest::{Architecture, File, Kind, Manifest, SCHEMA};
pub use opened::Bundle;
pub use reading::Reader;
pub use writing::BundleWriter;
