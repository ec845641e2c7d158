//! The connection to AWS: credentials and region by the standard chain, and errors in AWS's own words.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::ProvideCredentials as _;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_smithy_http_client::tls;

use crate::driver::{Error, Source};
use crate::event::chain;
use crate::pace::stretch;

use super::Ec2Options;
use super::login::{Login, Surroundings};

/// Throttling passes; the library waits longer each time, up to 20 s.
const ATTEMPTS: u32 = 8;
/// What AWS says of credentials that are not good, or not any more ("Common error types", AWS Security Token
/// Service API Reference).
const REFUSALS: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "AccessDenied",
];
/// Where the list of prices is asked for ("Service endpoints", AWS Billing User Guide).
const PRICES: &str = "us-east-1";
/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The API of one region, and whose it is.
pub(super) struct Account {
    pub(super) ec2: Client,
    pub(super) prices: aws_sdk_pricing::Client,
    pub(super) region: String,
    /// Where the API is, if not at AWS.
    pub(super) endpoint: Option<String>,
    /// 12 digits.
    pub(super) id: String,
}

/// Finds credentials and region, and asks whose they are.
pub(super) async fn connect(options: &Ec2Options) -> Result<Account, Error> {
    let login = Surroundings::now()?.login(options.profile.as_deref());
    if let Login::NoSuchProfile(..) = login {
        return Err(login.refused("it is not in your AWS configuration"));
    }
    let config = config(options).await;
    let Some(region) = config.region().map(ToString::to_string) else {
        return Err(login.lacks_region());
    };
    let identity = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
    let identity = match identity {
        Ok(identity) => identity,
        Err(error) => return Err(refused(&config, login, &region, &error).await),
    };
    let id = identity.account().unwrap_or_default().to_owned();
    if let Some(wanted) = options.account.as_ref().filter(|wanted| **wanted != id) {
        return Err(Error::Unsupported(format!(
            "these credentials are of AWS account {id}, and the machines are in account {wanted}"
        )));
    }
    // The price list is published in a few regions only, and tells of all.
    let prices = aws_sdk_pricing::config::Builder::from(&config).region(Region::new(PRICES));
    let prices = aws_sdk_pricing::Client::from_conf(prices.build());
    let endpoint = config.endpoint_url().map(str::to_owned);
    Ok(Account { ec2: Client::new(&config), prices, region, endpoint, id })
}

/// Why nobody says whose credentials they are: there are none, they are not good, or AWS cannot be asked.
async fn refused(
    config: &SdkConfig,
    login: Login,
    region: &str,
    error: &SdkError<GetCallerIdentityError>,
) -> Error {
    if is(error, &REFUSALS) {
        return login.refused(said(error));
    }
    if error.as_service_error().is_none()
        && let Some(provider) = config.credentials_provider()
        && let Err(error) = provider.provide_credentials().await
    {
        return login.refused(chain(&error));
    }
    Error::Unreachable { place: format!("AWS in region `{region}`"), source: said(error) }
}

async fn config(options: &Ec2Options) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(stretch(PATIENCE)).build();
    // The library's own client would bring a second implementation of cryptography.
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let https = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https.clone())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts);
    if let Some(profile) = &options.profile {
        // It was named, so it comes before what the environment has.
        let provider = ProviderConfig::without_region().with_http_client(https);
        let credentials = ProfileFileCredentialsProvider::builder().configure(&provider);
        let credentials = credentials.profile_name(profile).build();
        loader = loader.profile_name(profile).credentials_provider(credentials);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &options.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// What AWS said, or why it could not be asked.
pub(super) fn said<E, R>(error: &SdkError<E, R>) -> Source
where
    E: ProvideErrorMetadata + StdError + 'static,
    R: std::fmt::Debug,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{message} ({code})").into(),
        (Some(code), None) => code.to_owned().into(),
        _ => chain(error).into(),
    }
}

/// For `map_err`: what was being done, and to what.
pub(super) fn failed<E, R>(
    operation: &'static str,
    subject: impl Into<String>,
) -> impl FnOnce(SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
    R: std::fmt::Debug,
{
    move |error| Error::Failed { operation, subject: subject.into(), source: said(&error) }
}

/// Whether a call failed with one of these codes.
pub(super) fn is<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    error.code().is_some_and(|code| codes.contains(&code))
}
