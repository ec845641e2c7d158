//! Dialling: from a machine that may still boot to a login that is proven on both sides.
//!
//! A boot is waited out with plain TCP. Only once a peer has sent something is SSH spoken, over that
//! same connection, so that a machine normally sees one connection and one login in its whole set-up.
//! A published port makes that necessary: it accepts connections long before sshd listens behind it.

mod attach;
mod dialling;
mod forward;
mod host_key;
mod raw_mode;
mod running;
mod sending;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;

use crate::driver::Driver;
use crate::model::{Machine, SshFiles, TlsFiles};
use crate::pace::stretch;

use super::{Dialer, Engine, Error, Remote};

/// Dials over SSH, and engines over mutual TLS.
#[derive(Clone, Default)]
pub struct SshDialer {
    driver: Option<Arc<dyn Driver>>,
}

impl std::fmt::Debug for SshDialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshDialer").finish_non_exhaustive()
    }
}

impl SshDialer {
    /// For machines whose driver opens the way to them. The default is for those that need no such thing.
    pub fn new(driver: Option<Arc<dyn Driver>>) -> Self {
        Self { driver }
    }

    async fn open_tunnel(&self, machine: &Machine) -> Result<(), Error> {
        match &self.driver {
            Some(driver) => Ok(driver.open_tunnel(machine).await?),
            None => Ok(()),
        }
    }
}

/// How long a machine may be silent before its driver is asked why, unless it has to answer earlier; one that
/// boots is, for a while. And how often the driver is asked.
const SILENCE: Duration = Duration::from_secs(5);
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What keeps a machine from answering. Comes to no end unless its driver is certain of something.
async fn cause_of_silence(driver: &dyn Driver, machine: &Machine, deadline: Duration) -> String {
    sleep(stretch(SILENCE.min(deadline / 3))).await;
    loop {
        // A driver that does not answer says nothing about the machine.
        if let Ok(Some(cause)) = driver.diagnose(machine).await {
            return cause;
        }
        sleep(ASK_AGAIN).await;
    }
}

#[async_trait]
impl Dialer for SshDialer {
    async fn dial(
        &self,
        machine: &Machine,
        files: &SshFiles,
        deadline: Duration,
    ) -> Result<Arc<dyn Remote>, Error> {
        self.open_tunnel(machine).await?;
        let Some(driver) = &self.driver else {
            return Ok(Arc::new(dialling::dial(machine, files, deadline).await?));
        };
        tokio::select! {
            session = dialling::dial(machine, files, deadline) => Ok(Arc::new(session?)),
            cause = cause_of_silence(&**driver, machine, deadline) => {
                Err(Error::Silent { machine: machine.id.clone(), cause })
            }
        }
    }

    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Engine, Error> {
        self.open_tunnel(machine).await?;
        Engine::connect(machine, files, deadline).await
    }
}
