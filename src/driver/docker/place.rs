//! Which engine this is.

use std::collections::BTreeMap;
use std::path::Path;

use bollard::models::SystemInfo;

use super::engine::failed;
use super::{DockerDriver, DockerOptions};
use crate::driver::Error;
use crate::model::Place;

impl DockerDriver {
    /// Where the engine is, and which one answers there.
    pub(super) async fn find_place(&self) -> Result<Place, Error> {
        let host = absolute(&self.engine.place);
        let info = self.engine.client.info().await;
        let info = info.map_err(failed("ask", format!("the Docker engine at `{host}`")))?;
        Ok(place_of(&host, self.engine.cert_path.as_deref(), identity(&info)))
    }
}

impl DockerOptions {
    /// Where the engine is, as far as the options themselves tell.
    pub fn place(&self) -> Option<Place> {
        self.host.as_deref().map(|host| place_of(host, self.cert_path.as_deref(), None))
    }
}

fn place_of(host: &str, cert_path: Option<&Path>, id: Option<String>) -> Place {
    let mut options = BTreeMap::from([("host".to_owned(), host.into())]);
    let cert_path = cert_path.map(|path| path.display().to_string().into());
    options.extend(cert_path.map(|path| ("cert-path".to_owned(), path)));
    Place { name: format!("the Docker engine at `{host}`"), id, options }
}

/// An engine's own id with the directory of its data: up to Docker 20.10, all engines of a computer have one id.
fn identity(info: &SystemInfo) -> Option<String> {
    let id = info.id.as_deref().filter(|id| !id.is_empty())?;
    Some(format!("{id} {}", info.docker_root_dir.as_deref().unwrap_or_default()))
}

/// The record outlives the directory that this command runs in.
fn absolute(host: &str) -> String {
    let path =
        host.strip_prefix("unix://").and_then(|path| std::path::absolute(Path::new(path)).ok());
    path.map_or_else(|| host.to_owned(), |path| format!("unix://{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_of_one_computer_are_told_apart() {
        let info = |id: &str, root: &str| SystemInfo {
            id: Some(id.to_owned()),
            docker_root_dir: Some(root.to_owned()),
            ..SystemInfo::default()
        };
        let first = identity(&info("A:B", "/var/lib/docker"));
        assert_ne!(first, identity(&info("A:B", "/srv/docker")));
        assert_ne!(first, identity(&info("C:D", "/var/lib/docker")));
        assert_eq!(identity(&info("", "/var/lib/docker")), None);
    }

    #[test]
    fn an_engine_behind_tls_is_spoken_to_with_tls_later() {
        let behind_tls = DockerOptions {
            host: Some("tcp://engine:2376".to_owned()),
            cert_path: Some("/certs".into()),
            ..DockerOptions::default()
        };
        assert_eq!(behind_tls.place().unwrap().fill(&DockerOptions::default()), behind_tls);
    }

    #[test]
    fn a_socket_is_found_from_everywhere() {
        assert_eq!(absolute("unix:///run/docker.sock"), "unix:///run/docker.sock");
        assert!(absolute("unix://docker.sock").starts_with("unix:///"));
        assert_eq!(absolute("tcp://docker.sock:1"), "tcp://docker.sock:1");
    }
}
