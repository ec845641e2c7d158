//! The client of an engine, over whatever leads there.

use std::path::Path;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::address::{Address, Host};
use crate::driver::{Error, Source};
use crate::durable;
use crate::model::TlsFiles;
use crate::pace::stretch;
use crate::tls::{self, Part};

/// How long until an engine that accepted a request is taken for dead. Builds and downloads answer at
/// once and then stream.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that has not asked anything yet. Where TLS is wanted, nothing is ever sent without it.
pub(super) fn client(address: &Address) -> Result<Docker, Source> {
    let timeout = stretch(TIMEOUT).as_secs();
    Ok(match address {
        Address::Socket(path) => {
            Docker::connect_with_unix(&path.to_string_lossy(), timeout, API_DEFAULT_VERSION)?
        }
        Address::Plain(host) => {
            Docker::connect_with_http(&format!("tcp://{host}"), timeout, API_DEFAULT_VERSION)?
        }
        Address::Tls(host, directory) => over_tls(host, tls(directory)?, timeout)?,
    })
}

/// Not by bollard's own TLS transport, for the reasons that [`crate::remote::Engine`] has.
fn over_tls(
    host: &Host,
    tls: ClientConfig,
    timeout: u64,
) -> Result<Docker, bollard::errors::Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(stretch(CONNECT)));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .enable_http1()
        .wrap_connector(http);
    let client = Client::builder(TokioExecutor::new()).build(https);
    let transport = move |request: BollardRequest| {
        let answer = client.request(request);
        async move { answer.await.map_err(bollard::errors::Error::from) }
    };
    let address = format!("https://{host}");
    Docker::connect_with_custom_transport(transport, Some(address), timeout, API_DEFAULT_VERSION)
}

/// Trusts the authority in a directory and no other. Docker also does without a certificate of its own:
/// some engines ask for none.
fn tls(directory: &Path) -> Result<ClientConfig, Error> {
    let TlsFiles { ca, cert, key } = TlsFiles::in_directory(directory);
    let authority = read(&ca)?;
    let pair = if cert.exists() || key.exists() { Some((read(&cert)?, read(&key)?)) } else { None };
    let pair = pair.as_ref().map(|(cert, key)| (cert.as_slice(), key.as_slice()));
    tls::client(&authority, pair).map_err(|unusable| {
        let file = match unusable.part {
            Part::Authority => ca,
            Part::Certificate | Part::Pair => cert,
            Part::Key => key,
        };
        unusable_file("use", &file, unusable.source)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    durable::read(path, durable::KEY).map_err(|source| unusable_file("read", path, source.into()))
}

fn unusable_file(operation: &'static str, path: &Path, source: Source) -> Error {
    let subject = format!("`{}`, which the Docker engine is to be spoken to with", path.display());
    Error::Failed { operation, subject, source }
}
