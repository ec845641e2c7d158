//! A kubeconfig with one context and nothing else, for others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::KubeCredentials;

use super::KubeContext;

impl KubeContext {
    /// The text of a kubeconfig with this context alone, which is selected in it. All that it takes is in the text, and
    /// no mark of ours: it is theirs who get it.
    pub fn alone(&self) -> String {
        let Self { name, server, .. } = self;
        let [ca, cert, key] =
            [&self.ca, &self.cert, self.key.expose()].map(|pem| STANDARD.encode(pem));
        let server_name = KubeCredentials::SERVER_NAME;
        // Names of contexts, addresses and Base64 need no quotes.
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             clusters:\n\
             - name: {name}\n\
             \x20 cluster:\n\
             \x20   certificate-authority-data: {ca}\n\
             \x20   server: {server}\n\
             \x20   tls-server-name: {server_name}\n\
             users:\n\
             - name: {name}\n\
             \x20 user:\n\
             \x20   client-certificate-data: {cert}\n\
             \x20   client-key-data: {key}\n\
             contexts:\n\
             - name: {name}\n\
             \x20 context:\n\
             \x20   cluster: {name}\n\
             \x20   user: {name}\n\
             current-context: {name}\n"
        )
    }
}
