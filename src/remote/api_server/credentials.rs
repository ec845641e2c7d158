//! Who we are to an API server, and whom we trust.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_saphyr::Location;

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
        let config: Kubeconfig = serde_saphyr::from_str(text).map_err(|error| {
            // More than the place would show what stands there, which may be a key.
            let at = error.location().unwrap_or(Location::UNKNOWN);
            let place = format!("it goes wrong at line {}, column {}", at.line(), at.column());
            unusable("the text")(place.into())
        })?;
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
    // It may have been wrapped.
    let data: String = data.split_whitespace().collect();
    let bytes = STANDARD.decode(data).map_err(|_| unusable(what)("not base64".into()))?;
    String::from_utf8(bytes).map_err(|_| unusable(what)("not PEM".into()))
}

fn missing(what: &'static str) -> ApiError {
    unusable(what)("it is missing".into())
}

fn unusable(what: &'static str) -> impl FnOnce(Source) -> ApiError {
    move |source| ApiError::Credentials { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::chain;

    /// As kubeadm writes it, with another context beside.
    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
preferences: {}
current-context: kubernetes-admin@kubernetes
contexts:
- { name: other, context: { cluster: other, user: other } }
- name: kubernetes-admin@kubernetes
  context: { cluster: kubernetes, user: kubernetes-admin }
clusters:
- { name: other, cluster: { server: https://10.0.0.1:6443 } }
- name: kubernetes
  cluster: { certificate-authority-data: YXV0aG9yaXR5, server: https://10.0.0.2:6443 }
users:
- { name: other, user: { token: abc } }
- name: kubernetes-admin
  user: { client-certificate-data: Y2VydA==, client-key-data: c2VjcmV0 }
";

    #[test]
    fn the_current_contexts_credentials_are_taken() {
        let found = KubeCredentials::from_kubeconfig(KUBECONFIG).unwrap();
        let (ca, cert) = ("authority".to_owned(), "cert".to_owned());
        assert_eq!(found, KubeCredentials { ca, cert, key: Secret::new("secret") });
        assert!(!format!("{found:?}").contains("secret"));
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_shown() {
        let without = |part: &str, other: &str| {
            let text = KUBECONFIG.replace(part, other);
            assert_ne!(text, KUBECONFIG);
            let error = KubeCredentials::from_kubeconfig(&text).unwrap_err();
            assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
            chain(&error)
        };
        let missing = |what: &str| format!("cannot use {what} of the kubeconfig: it is missing");
        assert_eq!(
            without("current-context: k", "current-context: "),
            missing("the current context")
        );
        assert_eq!(without("client-key-data", "client-key"), missing("the client's key"));
        assert_eq!(
            without("Y2VydA==", "Y2Vy dA%"),
            "cannot use the client's certificate of the kubeconfig: not base64"
        );
        let wrong =
            without("{ client-certificate-data: Y2VydA==, client-key-data: c2VjcmV0 }", "c2VjcmV0");
        assert!(
            wrong.starts_with("cannot use the text of the kubeconfig: it goes wrong at line 17"),
            "{wrong}"
        );
    }
}
