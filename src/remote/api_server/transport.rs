//! How requests get to an API server.
//!
//! Not by kube's own TLS transport, for the reasons that [`Engine`](crate::remote::Engine) has: here
//! exactly one authority is trusted, no environment variable names a proxy, and the reason of a
//! failure is kept.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::client::Body;
use rustls::pki_types::ServerName;

use crate::driver::Source;
use crate::model::KubeCredentials;
use crate::pace::{stretch, within};
use crate::tls::{self, Part};

use super::ApiError;

/// How long one question may take, with its whole answer. An API server gives up on its own webhooks
/// after 30 s at the latest.
pub(super) const ANSWER: Duration = Duration::from_secs(40);
/// How long a TCP connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How often a connection that is silent is asked whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// A client of the server at this address. Each request gets a connection of its own, because one
/// that is left over would break under the next request when the server restarts.
pub(super) fn client(
    endpoint: SocketAddr,
    credentials: &KubeCredentials,
) -> Result<Client, ApiError> {
    let KubeCredentials { ca, cert, key } = credentials;
    let tls = tls::client(ca.as_bytes(), Some((cert.as_bytes(), key.expose().as_bytes())));
    let tls = tls.map_err(|unusable| ApiError::Credentials {
        what: match unusable.part {
            Part::Authority => "the authority's certificate",
            Part::Certificate => "the client's certificate",
            Part::Key => "the client's key",
            Part::Pair => "the client's certificate with its key",
        },
        source: unusable.source,
    })?;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(stretch(CONNECT)));
    http.set_keepalive(Some(KEEPALIVE));
    let name = ServerName::try_from(KubeCredentials::SERVER_NAME).expect("it is a DNS name");
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .with_server_name_resolver(FixedServerNameResolver::new(name))
        .enable_http1()
        .wrap_connector(http);
    let http: HttpClient<_, Body> =
        HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https);
    let service = tower::service_fn(move |mut request: http::Request<Body>| {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("https://{endpoint}{path}").parse();
        let http = http.clone();
        async move {
            *request.uri_mut() = uri?;
            // Only the beginning of an answer: a watch goes on for long.
            Ok::<_, Source>(within(ANSWER, http.request(request)).await??)
        }
    });
    Ok(Client::new(service, "default"))
}
