//! What is told of certificates.

use std::io;
use std::path::PathBuf;

use crate::durable;
use crate::event::chain;
use crate::pki::{self, Description};

/// One certificate of a cluster.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Whose: `authority`, `client`, or a machine's name, with what it is for where it has several.
    pub owner: String,
    /// Where it is: on this computer, or on the machine.
    pub file: PathBuf,
    /// What it says, or why that cannot be told.
    pub says: Result<Description, String>,
}

impl Certificate {
    /// One in a file of its own.
    pub(super) fn read(owner: &str, file: PathBuf) -> Self {
        let says = match durable::read_to_string(&file, durable::KEY) {
            Ok(text) => pki::describe(&text).map_err(|e| chain(&e)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err("there is none".to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        Self { owner: owner.to_owned(), file, says }
    }
}
