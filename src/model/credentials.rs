//! Who an administrator of a Kubernetes cluster is.

use super::Secret;

/// The administrator's side of mutual TLS with a Kubernetes API server. All PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeCredentials {
    /// The authority that signed the API server's certificate.
    pub ca: String,
    /// The administrator's certificate.
    pub cert: String,
    /// The administrator's private key.
    pub key: Secret,
}

impl KubeCredentials {
    /// A name that is in the certificate of every API server, whatever its addresses are by now
    /// ("PKI certificates and requirements", kubernetes.io).
    pub const SERVER_NAME: &str = "kubernetes";
}
