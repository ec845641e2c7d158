//! One POST, and what its answer means.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, RETRY_AFTER, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::crypto::ring;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::event::chain;
use crate::model::Proxies;
use crate::pace::{stretch, within};
use crate::tls::{cause, is_final};

use super::address::Address;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(15);

type Source = Box<dyn StdError + Send + Sync>;

/// Nothing can be sent by HTTPS from here.
#[derive(Debug, thiserror::Error)]
#[error("this computer knows no certificate authorities to trust, as HTTPS needs them")]
pub struct NoClient(#[source] pub(super) io::Error);

/// What has become of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// It may be taken later, perhaps after a time that the server says.
    Later {
        why: String,
        after: Option<Duration>,
    },
    /// It will never be taken.
    Refused {
        why: String,
    },
}

/// What posts to one URL.
pub(super) struct Client {
    uri: Uri,
    http: HttpConnector,
    tls: Arc<ClientConfig>,
    proxy: Option<Intercept>,
}

impl Client {
    pub(super) fn new(address: &Address, proxies: Option<&Proxies>) -> Result<Self, NoClient> {
        let uri = address.uri();
        let proxy = proxies.and_then(|proxies| matcher(proxies).intercept(&uri));
        let is_https = |uri: &Uri| uri.scheme() == Some(&Scheme::HTTPS);
        let needs_tls = is_https(&uri) || proxy.as_ref().is_some_and(|it| is_https(it.uri()));
        let tls = Arc::new(tls(needs_tls).map_err(NoClient)?);
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(stretch(CONNECT)));
        Ok(Self { uri, http, tls, proxy })
    }

    pub(super) async fn post(&self, body: Bytes) -> Answer {
        let later = |why| Answer::Later { why, after: None };
        match within(PATIENCE, self.exchange(body)).await {
            Ok(Ok((status, headers))) => judge(status, &headers),
            // The next message may find another certificate there; this one need not ask again and again.
            Ok(Err(error)) if is_final(&*error) => Answer::Refused { why: self.distrust(&*error) },
            Ok(Err(error)) => later(self.without_host(&chain(&*error))),
            Err(_) => later(format!("no answer within {} s", stretch(PATIENCE).as_secs())),
        }
    }

    /// Why one side does not trust the other's certificate.
    fn distrust(&self, error: &(dyn StdError + 'static)) -> String {
        match cause(error) {
            Some(rustls::Error::InvalidCertificate(refused)) => distrusted(refused),
            _ => self.without_host(&chain(error)),
        }
    }

    /// A certificate that is of another host names both.
    fn without_host(&self, text: &str) -> String {
        text.replace(self.uri.host().unwrap_or_default(), "its host")
    }

    async fn exchange(&self, body: Bytes) -> Result<(StatusCode, HeaderMap), Source> {
        let direct = HttpsConnector::from((self.http.clone(), Arc::clone(&self.tls)));
        let Some(proxy) = &self.proxy else {
            let stream = direct.oneshot(self.uri.clone()).await?;
            return exchange(stream, self.request(&self.path(), body)?).await;
        };
        if self.uri.scheme() == Some(&Scheme::HTTPS) {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(login) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(login.clone());
            }
            let through = HttpsConnector::from((tunnel, Arc::clone(&self.tls)));
            let stream = through.oneshot(self.uri.clone()).await?;
            return exchange(stream, self.request(&self.path(), body)?).await;
        }
        let stream = direct.oneshot(proxy.uri().clone()).await?;
        let mut request = self.request(&self.uri, body)?;
        if let Some(login) = proxy.basic_auth() {
            request.headers_mut().insert(PROXY_AUTHORIZATION, login.clone());
        }
        exchange(stream, request).await
    }

    /// What a server itself is asked for.
    fn path(&self) -> Uri {
        let path = self.uri.path_and_query().cloned();
        path.map_or_else(|| Uri::from_static("/"), Uri::from)
    }

    fn request(&self, uri: &Uri, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("clusterdojo/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
    }
}

/// What is wrong with a certificate. The library would name hosts.
fn distrusted(refused: &CertificateError) -> String {
    use CertificateError as Refused;
    match refused {
        Refused::UnknownIssuer => {
            "its certificate is signed by no authority that is trusted here".to_owned()
        }
        Refused::NotValidForName | Refused::NotValidForNameContext { .. } => {
            "its certificate is for another host".to_owned()
        }
        Refused::Expired | Refused::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        refused => format!("its certificate is not good: {refused}"),
    }
}

/// What says which proxy is taken, if any.
fn matcher(proxies: &Proxies) -> Matcher {
    let variables = proxies.variables();
    let value = |wanted: &str| {
        let found = variables.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.expose().to_owned()).unwrap_or_default()
    };
    let builder = Matcher::builder().http(value("http_proxy")).https(value("https_proxy"));
    builder.no(value("no_proxy")).build()
}

/// What this computer trusts; nobody, where TLS is not needed.
fn tls(needed: bool) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them");
    let builder = if needed {
        builder.with_native_roots()?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

async fn exchange<T>(
    stream: T,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, HeaderMap), Source>
where
    T: Read + Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    // It ends with this.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let (head, _) = sender.send_request(request).await?.into_parts();
    Ok((head.status, head.headers))
}

/// What an answer means. What else it says may repeat the URL.
fn judge(status: StatusCode, headers: &HeaderMap) -> Answer {
    let why = format!("it answers {status}");
    let after = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    match status {
        _ if status.is_success() => Answer::Taken,
        _ if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            Answer::Later { why, after: after.map(Duration::from_secs) }
        }
        _ => Answer::Refused { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn an_answer_says_whether_to_try_again() {
        let answer = |status: u16, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert(RETRY_AFTER, after.parse().unwrap());
            }
            judge(StatusCode::from_u16(status).unwrap(), &headers)
        };
        let later = |why: &str, after: Option<u64>| Answer::Later {
            why: why.to_owned(),
            after: after.map(Duration::from_secs),
        };
        let refused = |why: &str| Answer::Refused { why: why.to_owned() };
        assert_eq!(answer(200, None), Answer::Taken);
        assert_eq!(answer(204, None), Answer::Taken);
        assert_eq!(answer(429, Some("7")), later("it answers 429 Too Many Requests", Some(7)));
        assert_eq!(answer(429, Some("soon")), later("it answers 429 Too Many Requests", None));
        assert_eq!(answer(503, None), later("it answers 503 Service Unavailable", None));
        assert_eq!(answer(404, None), refused("it answers 404 Not Found"));
        assert_eq!(answer(302, None), refused("it answers 302 Found"));
    }

    #[test]
    fn proxies_are_taken_as_the_environment_says() {
        let proxies = Proxies::new(
            Some("http://me:word@web.example:3128"),
            Some("http://tls.example:3128"),
            Some("chat.example,192.0.2.0/24"),
        );
        let proxies = proxies.unwrap().unwrap();
        let proxy = |url: &str| {
            let address = Address::read(&Secret::new(url)).unwrap();
            let found = matcher(&proxies).intercept(&address.uri())?;
            Some((found.uri().host()?.to_owned(), found.basic_auth().is_some()))
        };
        assert_eq!(proxy("http://hooks.example/x"), Some(("web.example".to_owned(), true)));
        assert_eq!(proxy("https://hooks.example/x"), Some(("tls.example".to_owned(), false)));
        assert_eq!(proxy("https://chat.example/x"), None);
        assert_eq!(proxy("http://192.0.2.7/x"), None);
    }
}
