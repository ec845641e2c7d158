//! Which engine, how to talk to it, and what its refusals mean.

use std::env;
use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};

use super::allowances::Allowances;
use super::surroundings;
use crate::driver::{Error, Source};
use crate::pace::stretch;

/// How long until an engine that accepted a request is taken for dead. Builds and downloads answer at
/// once and then stream.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A connection to the engine that machines live on.
pub(super) struct Engine {
    /// The client; every call goes through this one.
    pub client: Docker,
    /// Its address, as in `unix:///var/run/docker.sock`.
    pub place: String,
    /// The address at which this computer reaches ports that the engine publishes.
    pub reach: IpAddr,
    /// The address on which the engine must publish them for that.
    pub publish: IpAddr,
    /// The engine's process, when it runs on this very kernel.
    pub process: Option<u32>,
}

impl Engine {
    /// Connects to the engine; `host` is what the user asked for, if anything.
    pub(super) async fn connect(host: Option<&str>) -> Result<Self, Error> {
        let place = locate(host, |name| env::var(name).ok(), Path::exists).map_err(|tried| {
            let tried = io::Error::new(
                io::ErrorKind::NotFound,
                format!("no socket at {}", tried.join(", ")),
            );
            unreachable("any Docker engine".to_owned(), tried)
        })?;
        let named = || format!("the Docker engine at `{place}`");
        let version = API_DEFAULT_VERSION;
        let timeout = stretch(TIMEOUT).as_secs();
        let (client, reach, publish) = if let Some(path) = place.strip_prefix("unix://") {
            let client = Docker::connect_with_unix(path, timeout, version);
            (client, Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into())
        } else if let Some(authority) = place.strip_prefix("tcp://") {
            let reach = resolve(authority).map_err(|e| unreachable(named(), e))?;
            // Ports on the loopback of another computer cannot be reached from here. What listens
            // behind them takes keys and client certificates only.
            let publish = if reach.is_loopback() { reach } else { Ipv4Addr::UNSPECIFIED.into() };
            (Docker::connect_with_http(&place, timeout, version), reach, publish)
        } else {
            return Err(Error::Unsupported(format!(
                "`{place}` is not a Docker engine's address: use unix:///path or tcp://host:port"
            )));
        };
        let client = match client {
            Ok(client) => client.negotiate_version().await,
            Err(error) => Err(error),
        };
        let client = client.map_err(|error| unreachable(named(), error))?;
        let process = surroundings::engine_process(&place).await;
        Ok(Self { client, place, reach, publish, process })
    }

    /// What containers may be given here, as far as can be known without trying.
    pub(super) fn allowances(&self) -> Allowances {
        match self.process.and_then(surroundings::missing_capabilities) {
            Some(missing) => Allowances::without(missing, Path::new("/lib/modules").is_dir()),
            None => Allowances::default(),
        }
    }

    /// Whether ports of the engine's host are ports of this computer, so that a test bind tells.
    pub(super) fn shares_ports(&self) -> bool {
        self.reach.is_loopback()
    }
}

/// The engine's address, or everything that was tried.
fn locate(
    host: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
    exists: impl Fn(&Path) -> bool,
) -> Result<String, Vec<String>> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(host) = host.map(str::to_owned).or_else(|| variable("DOJO_DOCKER_HOST")) {
        return Ok(host);
    }
    // With `dojo env` in effect, DOCKER_HOST is a machine that we made, not the engine under it.
    if let (Some(host), None) = (variable("DOCKER_HOST"), variable("DOJO_MACHINE")) {
        return Ok(host);
    }
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    sockets.extend(variable("XDG_RUNTIME_DIR").map(|d| Path::new(&d).join("docker.sock")));
    if let Some(home) = variable("HOME").map(PathBuf::from) {
        sockets.push(home.join(".docker/run/docker.sock"));
        sockets.push(home.join(".colima/default/docker.sock"));
        sockets.push(home.join(".orbstack/run/docker.sock"));
    }
    let found = sockets.iter().find(|path| exists(path));
    match found {
        Some(path) => Ok(format!("unix://{}", path.display())),
        None => Err(sockets.iter().map(|p| p.display().to_string()).collect()),
    }
}

fn resolve(authority: &str) -> io::Result<IpAddr> {
    let mut addresses = authority.to_socket_addrs()?.map(|address| address.ip());
    addresses
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
}

fn unreachable(place: String, source: impl Into<Source>) -> Error {
    Error::Unreachable { place, source: source.into() }
}

/// Wraps an error of the client.
pub(super) fn failed(
    operation: &'static str,
    subject: impl Into<String>,
) -> impl FnOnce(bollard::errors::Error) -> Error {
    let subject = subject.into();
    move |source| Error::Failed { operation, subject, source: source.into() }
}

/// The HTTP status with which the engine refused; `None` when it did not answer.
pub(super) fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The engine's own words.
pub(super) fn message(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

/// What is asked for is not there.
pub(super) const NOT_FOUND: u16 = 404;
/// The name is in use, or the state does not allow it.
pub(super) const CONFLICT: u16 = 409;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(
        host: Option<&str>,
        variables: &[(&str, &str)],
        socket: &str,
    ) -> Result<String, Vec<String>> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        locate(host, variable, |path| path == Path::new(socket))
    }

    #[test]
    fn the_nearest_wish_wins() {
        let all = [("DOJO_DOCKER_HOST", "tcp://b:1"), ("DOCKER_HOST", "tcp://c:1")];
        let socket = "/var/run/docker.sock";
        assert_eq!(with(Some("tcp://a:1"), &all, socket).unwrap(), "tcp://a:1");
        assert_eq!(with(None, &all, socket).unwrap(), "tcp://b:1");
        assert_eq!(with(None, &all[1..], socket).unwrap(), "tcp://c:1");
        assert_eq!(with(None, &[], socket).unwrap(), "unix:///var/run/docker.sock");
    }

    #[test]
    fn our_own_machines_are_not_the_engine() {
        let variables = [
            ("DOCKER_HOST", "tcp://127.0.0.1:20001"),
            ("DOJO_MACHINE", "practice/manager-1"),
            ("HOME", "/home/me"),
        ];
        let colima = "/home/me/.colima/default/docker.sock";
        assert_eq!(with(None, &variables, colima).unwrap(), format!("unix://{colima}"));
    }

    #[test]
    fn names_all_places_when_there_is_no_engine() {
        let tried = with(None, &[("HOME", "/home/me"), ("DOCKER_HOST", "")], "/nowhere");
        let tried = tried.unwrap_err();
        assert_eq!(tried[0], "/var/run/docker.sock");
        assert_eq!(tried.len(), 4);
    }
}
