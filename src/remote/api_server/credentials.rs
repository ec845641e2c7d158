//! Who we are to an API server, and whom we trust.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::driver::Source;
use crate::model::{KubeCredentials, Secret};

use super::ApiError;

/// What is needed of a kubeconfig (`kubeconfig (v1)`, Kubernetes reference).
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    current_context: String,
    contexts: Vec<Named>,
    clusters: Vec<Named>,
    users: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    context: Option<Context>,
    cluster: Option<Cluster>,
    user: Option<User>,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl KubeCredentials {
    /// The credentials of the current context of a kubeconfig, as in `/etc/kubernetes/admin.conf`.
    /// They must stand in the text itself, and not in files of another machine. The server's address is
    /// left aside: it is the machine's own.
    ///
    /// # Errors
    /// [`ApiError::Credentials`], which does not show the text.
    pub fn from_kubeconfig(text: &str) -> Result<Self, ApiError> {
        // A snippet would show keys.
        let options = serde_saphyr::options! { with_snippet: false };
        let config: Kubeconfig = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| unusable("the text")(error.without_snippet().to_string().into()))?;
        let context = named(config.contexts, &config.current_context, |n| n.context)
            .ok_or_else(|| missing("the current context"))?;
        let cluster = named(config.clusters, &context.cluster, |n| n.cluster)
            .ok_or_else(|| missing("the cluster"))?;
        let user =
            named(config.users, &context.user, |n| n.user).ok_or_else(|| missing("the user"))?;
        Ok(Self {
            ca: pem("the authority's certificate", cluster.certificate_authority_data)?,
            cert: pem("the client's certificate", user.client_certificate_data)?,
            key: Secret::new(pem("the client's key", user.client_key_data)?),
        })
    }
}

fn named<T>(list: Vec<Named>, name: &str, part: impl FnOnce(Named) -> Option<T>) -> Option<T> {
    list.into_iter().find(|entry| entry.name == name).and_then(part)
}

fn pem(what: &'static str, data: Option<String>) -> Result<String, ApiError> {
    let data = data.ok_or_else(|| missing(what))?;
    let bytes = STANDARD.decode(data).map_err(|_| unusable(what)("not base64".into()))?;
    String::from_utf8(bytes).map_err(|_| unusable(what)("not PEM".into()))
}

fn missing(what: &'static str) -> ApiError {
    unusable(what)("it is missing".into())
}

fn unusable(what: &'static str) -> impl FnOnce(Source) -> ApiError {
    move |source| ApiError::Credentials { what, source }
}
