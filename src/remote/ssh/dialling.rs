//! One dial: tries until a login succeeds, or something is certain to stay wrong.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use russh::{Disconnect, Preferred, SshId, cipher};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::driver::Source;
use crate::model::{Machine, Service, SshFiles};
use crate::pace::{stretch, within};
use crate::remote::error::LOGIN_UNDER_WAY;
use crate::remote::{Error, keys};
use crate::retry::{Attempt, Patience, retry};

use super::host_key::{Client, Outcome, Pin};
use super::session::Session;

/// A machine that drops packets while it boots is asked again after this time; TCP itself would wait
/// longer and longer.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a peer that has accepted a connection may say nothing.
const BANNER: Duration = Duration::from_secs(10);
/// How long key exchange and login may take, on a machine that is busy booting.
const LOGIN: Duration = Duration::from_secs(30);
/// How often to ask while a machine boots.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// Pauses after a refused login; a further refusal is final. A machine that still boots may not have
/// its keys in place yet, but from OpenSSH 9.8 on sshd turns an address away after the third failure
/// (`PerSourcePenalties` in `sshd_config(5)`: 5 s each, enforced from 15 s).
const REFUSED: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(7)];
/// A peer that is silent for this long is asked whether it is alive; three unanswered questions end
/// the connection. A long, silent installation is not cut, a dead machine is noticed in 40 s.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_MAX: usize = 3;
/// Processors have instructions for AES in GCM; it carries a large file more than twice as fast as what
/// the library would choose, and costs the machine less.
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// Connects and logs in.
pub(super) async fn dial(
    machine: &Machine,
    files: &SshFiles,
    deadline: Duration,
) -> Result<Session, Error> {
    let pin = Pin::of(&machine.id, &files.known_hosts)?;
    let config = client::Config {
        client_id: SshId::Standard(
            concat!("SSH-2.0-clusterdojo_", env!("CARGO_PKG_VERSION")).into(),
        ),
        preferred: Preferred { cipher: Cow::Borrowed(CIPHERS), ..pin.preferred() },
        keepalive_interval: Some(stretch(KEEPALIVE)),
        keepalive_max: KEEPALIVE_MAX,
        nodelay: true,
        ..client::Config::default()
    };
    let dialling = Dialling {
        machine,
        address: machine.endpoint(Service::Ssh)?,
        pin,
        config: Arc::new(config),
        identity: keys::identity(files)?,
        state: Mutex::new(State::default()),
    };
    let patience = Patience { deadline, first_pause: FIRST_PAUSE, longest_pause: LONGEST_PAUSE };
    let result = retry(patience, || dialling.attempt()).await;
    result.map_err(|failure| match failure {
        Some(Failure::Final(error)) => error,
        Some(Failure::Denied) => dialling.denied(),
        Some(Failure::NotYet(source)) => dialling.timeout(deadline, source),
        None => dialling.timeout(deadline, dialling.state().stage.into()),
    })
}

/// Why an attempt failed.
enum Failure {
    /// Nothing there yet, or nothing that works.
    NotYet(Source),
    /// The key was not accepted.
    Denied,
    /// Another attempt would end the same.
    Final(Error),
}

/// What attempts tell each other.
#[derive(Default)]
struct State {
    /// What was being done last, as the reason for an attempt that never ended.
    stage: &'static str,
    /// Refused logins so far.
    refusals: usize,
    /// When to log in again.
    not_before: Option<Instant>,
}

struct Dialling<'a> {
    machine: &'a Machine,
    address: SocketAddr,
    pin: Pin,
    config: Arc<client::Config>,
    identity: Arc<PrivateKey>,
    state: Mutex<State>,
}

impl Dialling<'_> {
    async fn attempt(&self) -> Attempt<Session, Failure> {
        let not_before = self.state().not_before;
        if let Some(moment) = not_before {
            sleep_until(moment).await;
        }
        match self.login().await {
            Ok(session) => Attempt::Ready(session),
            Err(failure @ Failure::NotYet(_)) => Attempt::Later(failure),
            Err(failure @ Failure::Final(_)) => Attempt::GiveUp(failure),
            Err(Failure::Denied) => {
                let mut state = self.state();
                let pause = REFUSED.get(state.refusals);
                state.refusals += 1;
                match pause {
                    Some(pause) => {
                        state.not_before = Some(Instant::now() + stretch(*pause));
                        Attempt::Later(Failure::Denied)
                    }
                    None => Attempt::GiveUp(Failure::Denied),
                }
            }
        }
    }

    async fn login(&self) -> Result<Session, Failure> {
        let stream = self.stage("no answer to a TCP connection", CONNECT, async {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        });
        let stream = stream.await?.map_err(not_yet)?;
        let banner = self.stage("connected, but nothing like sshd spoke", BANNER, speaks(&stream));
        banner.await?.map_err(not_yet)?;
        self.stage(LOGIN_UNDER_WAY, LOGIN, self.authenticate(stream)).await?
    }

    async fn authenticate(&self, stream: TcpStream) -> Result<Session, Failure> {
        let outcome = Outcome::new();
        let client = Client { pin: self.pin.clone(), outcome: Arc::clone(&outcome) };
        let connecting = client::connect_stream(Arc::clone(&self.config), stream, client);
        let mut handle = connecting.await.map_err(|error| {
            if let Some(mismatch) = self.pin.mismatch(&error, &outcome) {
                return Failure::Final(mismatch);
            }
            match error {
                russh::Error::NoCommonAlgo { .. } => Failure::Final(Error::Connection {
                    machine: self.machine.id.clone(),
                    operation: "agree on algorithms",
                    source: error.into(),
                }),
                error => not_yet(error),
            }
        })?;
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&self.identity), None);
        match handle.authenticate_publickey(&self.machine.user, key).await {
            Ok(AuthResult::Success) => Ok(Session::new(handle, self.machine, outcome)),
            Ok(AuthResult::Failure { .. }) => {
                // Says good-bye so that sshd need not log an aborted login; it may be gone already.
                let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
                Err(Failure::Denied)
            }
            // A server that turns everyone away while it boots (pam_nologin) hangs up here.
            Err(error) => Err(not_yet(error)),
        }
    }

    /// Runs a part of an attempt, with a time limit of its own.
    async fn stage<T>(
        &self,
        stage: &'static str,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        self.state().stage = stage;
        let result = within(limit, work).await;
        result.map_err(|_elapsed| Failure::NotYet(stage.into()))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn denied(&self) -> Error {
        Error::Denied { machine: self.machine.id.clone(), user: self.machine.user.clone() }
    }

    fn timeout(&self, waited: Duration, source: Source) -> Error {
        Error::Timeout {
            machine: self.machine.id.clone(),
            what: format!("SSH at {}", self.address),
            waited: stretch(waited),
            source: Some(source),
        }
    }
}

/// Waits until the peer has sent anything, without taking it from the stream.
async fn speaks(stream: &TcpStream) -> io::Result<()> {
    if stream.peek(&mut [0]).await? == 0 {
        let text = "the connection was accepted and closed again";
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(())
}

fn not_yet(error: impl Into<Source>) -> Failure {
    Failure::NotYet(error.into())
}
