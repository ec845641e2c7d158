//! Certificates and keys are written in one step.

use std::path::Path;

use super::Error;
use crate::durable;

pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    durable::replace(path, text.as_bytes(), mode).map_err(Error::file("write", path))
}
