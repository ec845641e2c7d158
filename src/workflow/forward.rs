//! `forward`: ports of this computer that lead to what a machine can reach, while the command runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

use crate::event::{Progress, chain};
use crate::kind::kubernetes;
use crate::model::{Machine, Service, SshFiles, Tunnel};
use crate::pace::within;
use crate::remote::{self, ApiError, ApiServer, Dialer, PodPort, Remote, Stream};
use crate::store::Record;

use super::Error;
use super::mend::leaders;

/// How long a machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long an API server may take to answer before another one is asked.
const ANSWER: Duration = Duration::from_secs(2);
/// How many bytes are copied at a time: as many as an SSH packet holds.
const PIECE: usize = 32 * 1024;
/// How many logins are kept for later connections.
const IDLE: usize = 8;
/// A system that is out of descriptors is not asked at once again.
const BREATH: Duration = Duration::from_millis(200);

/// Ports of this computer that are listened on.
#[derive(Debug)]
pub struct Listening {
    ports: Vec<(TcpListener, SocketAddr, Tunnel)>,
}

impl Listening {
    /// Takes every port, or none.
    pub async fn on(tunnels: Vec<Tunnel>) -> Result<Self, Error> {
        let mut ports = Vec::with_capacity(tunnels.len());
        for tunnel in tunnels {
            // Nobody but this computer: what is forwarded has often no password of its own.
            let failed = |source| Error::Listen { port: tunnel.local, source };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, tunnel.local)).await;
            let listener = listener.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            ports.push((listener, address, tunnel));
        }
        Ok(Self { ports })
    }

    /// Each address with where it leads to.
    pub fn addresses(&self) -> impl Iterator<Item = (SocketAddr, &Tunnel)> {
        self.ports.iter().map(|(_, address, tunnel)| (*address, tunnel))
    }

    /// Carries every connection to its destination, for ever. What cannot be reached is told once, and
    /// told again only after it could be reached in between.
    pub async fn serve(self, destination: Arc<Destination>, progress: &Progress) {
        let all = self.ports.into_iter().map(|(listener, _, tunnel)| {
            serve(listener, Arc::new(tunnel), Arc::clone(&destination), progress.clone())
        });
        join_all(all).await;
    }
}

async fn serve(
    listener: TcpListener,
    tunnel: Arc<Tunnel>,
    destination: Arc<Destination>,
    progress: Progress,
) {
    let told = Arc::new(AtomicBool::new(false));
    loop {
        let near = match listener.accept().await {
            Ok((near, _)) => near,
            Err(error) => {
                progress.detail(format!("a connection could not be taken: {error}"));
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let (tunnel, destination) = (Arc::clone(&tunnel), Arc::clone(&destination));
        let (told, progress) = (Arc::clone(&told), progress.clone());
        tokio::spawn(async move {
            match destination.carry(near, &tunnel).await {
                Ok(()) => told.store(false, Ordering::Relaxed),
                Err(error) if told.swap(true, Ordering::Relaxed) => {
                    progress.detail(chain(&error));
                }
                Err(error) => progress.warn(chain(&error)),
            }
        });
    }
}

/// What connections lead to.
pub enum Destination {
    /// What a machine can reach.
    Machine(ByMachine),
    /// Pods.
    Pods(ByApi),
}

impl Destination {
    async fn carry(&self, near: TcpStream, tunnel: &Tunnel) -> Result<(), Error> {
        match self {
            Self::Machine(machine) => Ok(machine.carry(near, tunnel).await?),
            Self::Pods(pods) => Ok(pods.carry(near, tunnel.port).await?),
        }
    }
}

/// By way of the API server, as `kubectl port-forward` does it. Which pod a connection leads to is asked
/// each time, so that it goes on when one is replaced by another.
pub struct ByApi {
    api: ApiServer,
    namespace: String,
    target: String,
}

impl ByApi {
    /// Asks for the pods once, so that what is wrong is known at once. `target` is what
    /// [`ApiServer::resolve`] takes, without a port.
    pub async fn reach(
        record: &Record,
        kubeconfig: &Path,
        namespace: &str,
        target: &str,
        ports: &[u16],
    ) -> Result<Self, Error> {
        let credentials = kubernetes::credentials(kubeconfig)?;
        let leaders = leaders(record);
        let first = leaders.first().ok_or_else(|| Error::NoLeader(record.spec.name.clone()))?;
        let mut api = ApiServer::connect(first.endpoint(Service::Api)?, &credentials)?;
        for other in &leaders[1..] {
            if matches!(within(ANSWER, api.version()).await, Ok(Ok(_))) {
                break;
            }
            api = ApiServer::connect(other.endpoint(Service::Api)?, &credentials)?;
        }
        let way = Self { api, namespace: namespace.to_owned(), target: target.to_owned() };
        for port in ports {
            way.pod(*port).await?;
        }
        Ok(way)
    }

    async fn pod(&self, port: u16) -> Result<PodPort, ApiError> {
        self.api.resolve(&self.namespace, &format!("{}:{port}", self.target)).await
    }

    async fn carry(&self, near: TcpStream, port: u16) -> Result<(), ApiError> {
        let pod = self.pod(port).await?;
        self.api.forward(&pod, near).await
    }
}

/// By way of a machine.
///
/// Each connection has a login of its own, which a later one uses again. In a login that is shared, one
/// program that stops reading would hold up all the others: the library reads a login's channels one
/// after the other.
pub struct ByMachine {
    dialer: Arc<dyn Dialer>,
    machine: Machine,
    files: SshFiles,
    idle: Mutex<Vec<Arc<dyn Remote>>>,
}

impl ByMachine {
    /// Logs in once, so that what is wrong is known at once.
    pub async fn reach(
        dialer: Arc<dyn Dialer>,
        machine: Machine,
        files: SshFiles,
    ) -> Result<Self, Error> {
        let first = dialer.dial(&machine, &files, PATIENCE).await?;
        Ok(Self { dialer, machine, files, idle: Mutex::new(vec![first]) })
    }

    async fn carry(&self, mut near: TcpStream, tunnel: &Tunnel) -> Result<(), remote::Error> {
        let (login, mut far) = self.open(tunnel).await?;
        // Both directions end by themselves, so that each side may go on after the other is done. How
        // one of them broke off is nothing that the other could use.
        let _: io::Result<_> =
            copy_bidirectional_with_sizes(&mut near, &mut far, PIECE, PIECE).await;
        drop(far);
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(login);
        }
        Ok(())
    }

    async fn open(
        &self,
        tunnel: &Tunnel,
    ) -> Result<(Arc<dyn Remote>, Box<dyn Stream>), remote::Error> {
        loop {
            let kept = self.idle().pop();
            let is_kept = kept.is_some();
            let login = match kept {
                Some(login) => login,
                None => self.dialer.dial(&self.machine, &self.files, PATIENCE).await?,
            };
            match login.open(&tunnel.host, tunnel.port).await {
                Ok(far) => return Ok((login, far)),
                Err(error @ remote::Error::Unreachable { .. }) => {
                    self.idle().push(login);
                    return Err(error);
                }
                // The machine may have been off in the meantime.
                Err(_) if is_kept => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Arc<dyn Remote>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
