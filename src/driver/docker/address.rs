//! Addresses of engines: which are understood, and what they mean.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Where an engine is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket of this computer.
    Socket(PathBuf),
    /// TCP, with everything in clear.
    Plain(Host),
    /// TCP with TLS, by the certificates of this directory.
    Tls(Host, PathBuf),
}

/// A computer and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// A name or an address, without brackets.
    name: String,
    port: u16,
}

/// The ports that docker takes where none is given.
const PLAIN_PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

impl Address {
    /// Reads what `DOCKER_HOST` may hold; with a directory of certificates TLS is wanted. The error says
    /// what is wrong with it.
    pub(super) fn parse(text: &str, cert_path: Option<&Path>) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match (scheme, cert_path) {
            ("unix", _) if !rest.is_empty() => Ok(Self::Socket(rest.into())),
            ("tcp", None) => Ok(Self::Plain(Host::parse(text, rest, PLAIN_PORT)?)),
            ("tcp", Some(path)) => Ok(Self::Tls(Host::parse(text, rest, TLS_PORT)?, path.into())),
            ("ssh", _) => Err(format!(
                "`{text}` is an engine behind SSH, which machines cannot be made with: use one at unix:///path, or at \
                 tcp://host:port with TLS, or make its host itself a machine with `--driver ssh`"
            )),
            _ => Err(wrong(text)),
        }
    }
}

impl Host {
    fn parse(text: &str, rest: &str, default_port: u16) -> Result<Self, String> {
        let authority: http::uri::Authority =
            rest.trim_end_matches('/').parse().map_err(|_| wrong(text))?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        // What stands behind the last colon may be no port at all.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(default_port),
            _ => authority.port_u16(),
        };
        match port {
            Some(port) if !name.is_empty() && !rest.contains('@') => {
                Ok(Self { name: name.to_owned(), port })
            }
            _ => Err(wrong(text)),
        }
    }

    /// The first of its addresses.
    pub(super) async fn resolve(&self) -> io::Result<IpAddr> {
        let mut found = tokio::net::lookup_host((self.name.as_str(), self.port)).await?;
        found
            .next()
            .map(|address| address.ip())
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}

fn wrong(text: &str) -> String {
    format!("`{text}` is not a Docker engine's address: use unix:///path or tcp://host:port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        let plain = |text: &str| match Address::parse(text, None) {
            Ok(Address::Plain(host)) => host.to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(plain("tcp://192.0.2.1:4243"), "192.0.2.1:4243");
        assert_eq!(plain("tcp://engine.example"), "engine.example:2375");
        assert_eq!(plain("tcp://[::1]:4243/"), "[::1]:4243");
        let tls = Address::parse("tcp://engine.example", Some(Path::new("/certs"))).unwrap();
        let Address::Tls(host, path) = tls else { panic!("{tls:?}") };
        assert_eq!(
            (host.to_string().as_str(), path.to_str()),
            ("engine.example:2376", Some("/certs"))
        );
        let socket = Address::parse("unix:///run/docker.sock", Some(Path::new("/certs")));
        assert_eq!(socket, Ok(Address::Socket("/run/docker.sock".into())));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "",
            "/run/docker.sock",
            "unix://",
            "tcp://",
            "tcp://:2375",
            "tcp://host:",
            "tcp://host:99999",
            "tcp://host:http",
            "tcp://me@host:2375",
            "tcp://host:2375/path",
            "http://host:2375",
            "npipe:////./pipe/docker_engine",
            "fd://",
        ] {
            let refused = Address::parse(bad, None).unwrap_err();
            assert!(refused.contains("is not a Docker engine's address"), "{bad}: {refused}");
        }
        let ssh = Address::parse("ssh://me@host", None).unwrap_err();
        assert!(ssh.contains("--driver ssh"), "{ssh}");
    }
}
