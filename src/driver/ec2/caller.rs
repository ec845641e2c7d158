//! The address that AWS sees this computer at.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::driver::{Error, Source};
use crate::pace::{stretch, within};

/// AWS's own service that tells a caller its address.
const SERVICE: &str = "https://checkip.amazonaws.com/";
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The address of this computer as `endpoint` sees it, or else as AWS does.
pub(super) async fn address(endpoint: Option<&str>) -> Result<IpAddr, Error> {
    let host = endpoint.and_then(|url| url.parse::<http::Uri>().ok()?.host().map(str::to_owned));
    if host.is_some_and(|host| is_loopback(&host)) {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let failed = |source: Source| Error::Failed {
        operation: "find out",
        subject: "the address that AWS sees this computer at; --allow-cidr gives it".to_owned(),
        source,
    };
    match within(PATIENCE, ask()).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(failed(format!("no answer within {} s", stretch(PATIENCE).as_secs()).into())),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn ask() -> Result<IpAddr, Source> {
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_only()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(https);
    let answer = client.get(SERVICE.parse()?).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    let text = std::str::from_utf8(&body)?.trim();
    text.parse().map_err(|_| Source::from(format!("`{text}` is no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_outside_is_asked_for_an_endpoint_of_this_computer() {
        for endpoint in ["http://127.0.0.1:5000", "http://localhost:5000", "http://[::1]:5000"] {
            assert_eq!(address(Some(endpoint)).await.unwrap(), Ipv4Addr::LOCALHOST);
        }
    }
}
