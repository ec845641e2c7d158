//! The webhook that a person has named.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::durable;
use crate::event::Progress;
use crate::model::Secret;
use crate::webhook::Address;

use crate::cli::args::Watch;
use crate::cli::error::Error;

/// Names the webhook where no flag does.
const VARIABLE: &str = "DOJO_WEBHOOK";

/// The webhook that is to be told, if any.
pub(super) fn address(args: &Watch, progress: &Progress) -> Result<Option<Address>, Error> {
    let secret = match (&args.webhook, &args.webhook_file) {
        (Some(url), _) => Some(url.clone()),
        (None, Some(file)) => Some(read(file, progress)?),
        (None, None) => variable()?,
    };
    let address = secret.map(|secret| Address::read(&secret)).transpose();
    let address = address.map_err(|error| Error::Usage(error.to_string()))?;
    if address.as_ref().is_some_and(Address::is_open) {
        progress.warn(
            "the URL of the webhook begins with http://, so that whoever is on the way there can read it",
        );
    }
    Ok(address)
}

fn variable() -> Result<Option<Secret>, Error> {
    let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.into_string();
    let text = text.map_err(|_| Error::Usage(format!("what {VARIABLE} holds is no text")))?;
    Ok(Some(Secret::new(text)))
}

fn read(file: &Path, progress: &Progress) -> Result<Secret, Error> {
    let refused = |error| {
        Error::Usage(format!("cannot read the webhook's URL from `{}`: {error}", file.display()))
    };
    let text = durable::read_input(file, durable::KEY).map_err(refused)?;
    let is_open = |meta: &std::fs::Metadata| meta.is_file() && meta.mode() & 0o044 != 0;
    if std::fs::metadata(file).is_ok_and(|meta| is_open(&meta)) {
        progress.warn(format!(
            "others on this computer can read the webhook's URL: chmod 600 {}",
            file.display()
        ));
    }
    Ok(Secret::new(text))
}
