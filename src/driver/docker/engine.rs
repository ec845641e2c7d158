//! A connection to the engine that machines live on, and what its refusals mean.

use std::env;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use bollard::models::SystemVersion;
use tokio::net::UnixStream;

use super::DockerOptions;
use super::address::Address;
use super::allowances::Allowances;
use super::locate::{self, Named};
use super::{surroundings, transport};
use crate::driver::{Error, Source};
use crate::event;
use crate::model::EngineContext;
use crate::pace::{stretch, within};

/// How long an engine may take to say that it is one.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection to the engine that machines live on.
pub(super) struct Engine {
    /// The client; every call goes through this one.
    pub client: Docker,
    /// Its address, as in `unix:///var/run/docker.sock`.
    pub place: String,
    /// The directory of the certificates with which it is spoken to.
    pub cert_path: Option<PathBuf>,
    /// The address at which this computer reaches ports that the engine publishes.
    pub reach: IpAddr,
    /// The address on which the engine must publish them for that.
    pub publish: IpAddr,
    /// The engine's process, when it runs on this very kernel.
    pub process: Option<u32>,
    /// Whatever is sent to it can be read on the way.
    pub in_clear: bool,
    /// It is Podman, which speaks Docker's API.
    pub podman: bool,
}

/// Whether options or the environment name the engine, so that docker's context does not matter.
pub(super) fn is_told(options: &DockerOptions) -> bool {
    locate::told(options, variable).is_some()
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

impl Engine {
    /// Connects to the engine that is named, else to the first one that answers.
    pub(super) async fn connect(
        options: &DockerOptions,
        context: Option<EngineContext>,
    ) -> Result<Self, Error> {
        if let Some(named) = locate::told(options, variable) {
            return Self::open(named).await;
        }
        match context {
            Some(context) => {
                Self::open(locate::of_context(context).map_err(Error::Unsupported)?).await
            }
            None => Self::find(&locate::sockets(variable)).await,
        }
    }

    /// The first engine that answers at one of these sockets.
    async fn find(sockets: &[PathBuf]) -> Result<Self, Error> {
        let mut tried = Vec::new();
        for socket in sockets {
            match Self::try_socket(socket).await {
                Ok(engine) => return Ok(engine),
                Err(why) => tried.push(format!("{} ({why})", socket.display())),
            }
        }
        let podman = locate::podman_sockets(variable);
        tried.extend(podman.iter().map(|p| format!("{} ({NO_PODMAN})", p.display())));
        let tried = format!("tried {}", tried.join(", "));
        Err(unreachable("any Docker engine".to_owned(), tried))
    }

    async fn try_socket(socket: &Path) -> Result<Self, String> {
        // Asked first, because its refusals are told in plainer words than the client's.
        UnixStream::connect(socket).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::ConnectionRefused => "nothing listens there any more".to_owned(),
            _ => error.to_string(),
        })?;
        let host = format!("unix://{}", socket.display());
        match Self::open(Named { host, cert_path: None, by: None }).await {
            Ok(engine) if engine.podman => Err(NO_PODMAN.to_owned()),
            Ok(engine) => Ok(engine),
            Err(Error::Unreachable { source, .. }) => Err(event::chain(&*source)),
            Err(error) => Err(event::chain(&error)),
        }
    }

    async fn open(named: Named) -> Result<Self, Error> {
        let by = named.by.as_ref().map(|by| format!(" (named by {by})")).unwrap_or_default();
        let there = format!("the Docker engine at `{}`{by}", named.host);
        let late = |_| {
            let silence = format!("no answer within {} s", stretch(ANSWER).as_secs());
            unreachable(there.clone(), silence)
        };
        within(ANSWER, Self::greet(named, &there, &by)).await.map_err(late)?
    }

    async fn greet(named: Named, there: &str, by: &str) -> Result<Self, Error> {
        let Named { host: place, cert_path, .. } = named;
        let there = || there.to_owned();
        let address = Address::parse(&place, cert_path.as_deref());
        let address = address.map_err(|problem| Error::Unsupported(problem + by))?;
        let local = IpAddr::from(Ipv4Addr::LOCALHOST);
        let reach = match &address {
            Address::Socket(_) => local,
            Address::Plain(host) | Address::Tls(host, _) => {
                host.resolve().await.map_err(|error| unreachable(there(), error))?
            }
        };
        let client = transport::client(&address).map_err(|error| unreachable(there(), error))?;
        let client = client.negotiate_version().await;
        let client = client.map_err(|error| unreachable(there(), error))?;
        let version = client.version().await.map_err(|error| unreachable(there(), error))?;
        let process = match &address {
            Address::Socket(socket) if is_of_this_kernel(&version) => {
                surroundings::engine_process(socket).await
            }
            _ => None,
        };
        Ok(Self {
            client,
            cert_path,
            // Ports on the loopback of another computer cannot be reached from here. What listens
            // behind them takes keys and client certificates only.
            publish: if reach.is_loopback() { reach } else { Ipv4Addr::UNSPECIFIED.into() },
            in_clear: matches!(address, Address::Plain(_)) && !reach.is_loopback(),
            podman: is_podman(&version),
            reach,
            process,
            place,
        })
    }

    /// What containers may be given here, as far as can be known without trying.
    pub(super) fn allowances(&self) -> Allowances {
        self.process.map_or_else(Allowances::default, surroundings::allowances)
    }

    /// Whether ports of the engine's host are ports of this computer, so that a test bind tells.
    pub(super) fn shares_ports(&self) -> bool {
        self.reach.is_loopback()
    }
}

/// Why an engine that answers is not taken.
const NO_PODMAN: &str = "Podman, on which machines do not work";

fn is_podman(version: &SystemVersion) -> bool {
    version.components.iter().flatten().any(|component| component.name.contains("Podman"))
}

/// Whether the engine runs on this kernel and not in a virtual machine, as those of desktops do.
fn is_of_this_kernel(version: &SystemVersion) -> bool {
    let here = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    version.kernel_version.as_deref() == Some(here.trim())
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
mod tests;
