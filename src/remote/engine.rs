//! The engine's API over mutual TLS.
//!
//! Not by bollard's own TLS transport: that one trusts the computer's public authorities besides the
//! cluster's, fails where the computer has none, and drops the reason of a failure. Here exactly one
//! authority is trusted.

use std::path::Path;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use crate::driver::Source;
use crate::durable;
use crate::model::{Machine, Service, TlsFiles};
use crate::pace::{stretch, within};
use crate::retry::{Attempt, Patience, retry};
use crate::tls::{self, Part, is_final};

use super::Error;

/// How long an engine may take to begin its answer; joining a swarm takes 20.
const ANSWER: Duration = Duration::from_secs(120);
/// How long one attempt may take while an engine starts.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How often to ask while an engine starts.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A machine's engine, reached over mutual TLS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    api: Docker,
}

impl Engine {
    /// Connects, and proves both sides' certificates with a real request. An engine that still starts
    /// is waited for until `deadline` has passed.
    ///
    /// # Errors
    /// [`Error::Certificate`] at once if either side's certificate is refused, [`Error::Timeout`] if
    /// nothing answered in time, [`Error::File`] if our own certificate cannot be read.
    pub async fn connect(
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let engine = Self::unproven(machine, files)?;
        let endpoint = machine.endpoint(Service::Engine)?;
        let patience =
            Patience { deadline, first_pause: FIRST_PAUSE, longest_pause: LONGEST_PAUSE };
        let api = retry(patience, || attempt(engine.api.clone())).await;
        match api {
            Ok(api) => Ok(Self { api }),
            Err(Some(error)) if is_final(&*error) => {
                Err(Error::Certificate { machine: machine.id.clone(), source: error })
            }
            Err(source) => Err(Error::Timeout {
                machine: machine.id.clone(),
                what: format!("the engine's API at {endpoint}"),
                waited: stretch(deadline),
                source: source.or_else(|| Some("no answer to the first request".into())),
            }),
        }
    }

    /// An engine that nobody has asked anything yet.
    pub(crate) fn unproven(machine: &Machine, files: &TlsFiles) -> Result<Self, Error> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(stretch(CONNECT)));
        let connector = HttpsConnector::from((http, tls(files)?));
        // An engine that restarts would break idle connections under the next request.
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let transport = move |request: BollardRequest| {
            let answer = client.request(request);
            async move { answer.await.map_err(bollard::errors::Error::from) }
        };
        let address = format!("https://{}", machine.endpoint(Service::Engine)?);
        let api = Docker::connect_with_custom_transport(
            transport,
            Some(address),
            stretch(ANSWER).as_secs(),
            API_DEFAULT_VERSION,
        );
        let api = api.map_err(|error| Error::Connection {
            machine: machine.id.clone(),
            operation: "set up the engine's client",
            source: error.into(),
        })?;
        Ok(Self { api })
    }

    /// The engine's API.
    pub fn api(&self) -> &Docker {
        &self.api
    }

    /// The API version spoken with the engine, as in `1.41`.
    pub fn version(&self) -> String {
        self.api.client_version().to_string()
    }
}

async fn attempt(api: Docker) -> Attempt<Docker, Source> {
    let error: Source = match within(ATTEMPT, api.negotiate_version()).await {
        Ok(Ok(api)) => return Attempt::Ready(api),
        Ok(Err(error)) => error.into(),
        Err(elapsed) => elapsed.into(),
    };
    if is_final(&*error) { Attempt::GiveUp(error) } else { Attempt::Later(error) }
}

/// Trusts the cluster's authority and no other, and presents the client's certificate.
fn tls(files: &TlsFiles) -> Result<ClientConfig, Error> {
    let (ca, cert, key) = (read(&files.ca)?, read(&files.cert)?, read(&files.key)?);
    tls::client(&ca, Some((&cert, &key))).map_err(|unusable| {
        let (operation, path) = match unusable.part {
            Part::Authority => ("parse", &files.ca),
            Part::Certificate => ("parse", &files.cert),
            Part::Key => ("parse", &files.key),
            Part::Pair => ("use", &files.cert),
        };
        failed(operation, path)(unusable.source)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    durable::read(path, durable::KEY).map_err(failed("read", path))
}

fn failed<E: Into<Source>>(operation: &'static str, path: &Path) -> impl FnOnce(E) -> Error {
    move |source| Error::File { operation, path: path.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests;
