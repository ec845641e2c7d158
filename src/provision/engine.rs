//! The steps on a machine, as data.

use std::net::IpAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::durable;
use crate::model::{EngineChannel, EngineOptions, MachineId, Secret};
use crate::pki::{self, Authority, Identity};
use crate::remote::Script;

use super::Restart;

/// Installs the engine where there is none.
pub(super) fn install(options: &EngineOptions) -> Script {
    Script::new(
        "install Docker",
        "Every machine needs a Docker engine. Packages of the distribution are tested with its kernel \
         and get its security updates; nothing is piped from the network into a shell.",
        concat!(
            include_str!("../../templates/apt.sh"),
            include_str!("../../templates/keyring.sh"),
            include_str!("../../templates/engine/install.sh")
        ),
    )
    .with(
        "CHANNEL",
        match options.channel {
            EngineChannel::Distro => "distro",
            EngineChannel::DockerCe => "docker-ce",
        },
    )
    .with("REPOSITORY", options.repository.as_deref().unwrap_or_default().trim_end_matches('/'))
    .with("KEY", options.repository_key.as_ref().map(ToString::to_string).unwrap_or_default())
}

/// Puts the engine behind mutual TLS.
pub(super) fn configure(
    options: &EngineOptions,
    ca: &str,
    identity: &Identity,
    restart: Restart,
) -> Script {
    Script::new(
        "start Docker with mutual TLS",
        "Whoever can talk to a Docker engine is root on its machine. So the engine answers over the \
         network only to clients with a certificate from this cluster's own authority, and proves by \
         its own certificate that it is the right engine.",
        include_str!("../../templates/engine/configure.sh"),
    )
    .with("CA", ca.trim_end())
    .with("CERT", identity.cert.trim_end())
    .with_secret("KEY", &Secret::new(identity.key.expose().trim_end()))
    .with("DAEMON", daemon_json(options))
    .with("HOLD", if restart == Restart::Later { "yes" } else { "" })
}

/// The same two steps for a reader, with no cluster at hand.
pub fn explain(options: &EngineOptions) -> Vec<Script> {
    let identity = Identity {
        cert: "(the machine's certificate: its names and addresses as subject alternative names)"
            .to_owned(),
        key: Secret::new(""),
    };
    vec![
        install(options),
        configure(options, "(the certificate of the cluster's authority)", &identity, Restart::Now),
    ]
}

/// The contents of `daemon.json`; empty if nothing was asked for.
fn daemon_json(options: &EngineOptions) -> String {
    let mut daemon: Map<String, Value> = options.daemon.clone();
    let mut add = |key: &str, values: &[String]| {
        if !values.is_empty() {
            daemon.insert(key.to_owned(), json!(values));
        }
    };
    add("registry-mirrors", &options.registry_mirrors);
    add("insecure-registries", &options.insecure_registries);
    add("labels", &options.labels);
    if daemon.is_empty() { String::new() } else { format!("{:#}", Value::Object(daemon)) }
}

/// The machine's certificate: the one that was issued before as long as it still fits, so that
/// provisioning again need not restart the engine; else a new one.
pub(super) fn certificate(
    authority: &Authority,
    directory: &Path,
    machine: &MachineId,
    names: &[String],
    addresses: &[IpAddr],
) -> Result<Identity, pki::Error> {
    let (cert_path, key_path) = (directory.join("cert.pem"), directory.join("key.pem"));
    if let (Ok(cert), Ok(key)) = (
        durable::read_to_string(&cert_path, durable::KEY),
        durable::read_to_string(&key_path, durable::KEY),
    ) && authority.covers(&cert, &key, names, addresses)
    {
        return Ok(Identity { cert, key: Secret::new(key) });
    }
    let identity = authority.server(&machine.alias(), names, addresses)?;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| pki::Error::File { operation: "write", path, source }
    };
    durable::private_directory(directory).map_err(file(directory))?;
    // The key goes first: a certificate beside another's key is noticed and replaced, see `covers`.
    durable::replace(&key_path, identity.key.expose().as_bytes(), 0o600)
        .map_err(file(&key_path))?;
    durable::replace(&cert_path, identity.cert.as_bytes(), 0o644).map_err(file(&cert_path))?;
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemon_json_holds_what_was_asked_for_and_nothing_else() {
        assert_eq!(daemon_json(&EngineOptions::default()), "");
        let mut options = EngineOptions {
            registry_mirrors: vec!["https://mirror.example".to_owned()],
            labels: vec!["disk=ssd".to_owned()],
            ..EngineOptions::default()
        };
        options.daemon.insert("debug".to_owned(), true.into());
        insta::assert_snapshot!(daemon_json(&options), @r#"
        {
          "debug": true,
          "registry-mirrors": [
            "https://mirror.example"
          ],
          "labels": [
            "disk=ssd"
          ]
        }
        "#);
    }

    #[test]
    fn explaining_shows_no_key() {
        let text: String = explain(&EngineOptions::default()).iter().map(Script::explain).collect();
        assert!(text.contains("KEY='(secret)'"));
    }
}
