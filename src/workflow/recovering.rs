//! Machines that do not answer are put right by their driver, where it can, before they are waited for again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::driver::Driver;
use crate::event::Progress;
use crate::model::{Machine, SshFiles, TlsFiles};
use crate::remote::{self, Dialer, Engine, Remote};

/// Dials, and once has the driver put a machine right that does not answer.
pub(super) struct Recovering<'a> {
    pub(super) dialer: &'a dyn Dialer,
    pub(super) driver: &'a dyn Driver,
    pub(super) progress: &'a Progress,
}

#[async_trait]
impl Dialer for Recovering<'_> {
    async fn dial(
        &self,
        machine: &Machine,
        files: &SshFiles,
        deadline: Duration,
    ) -> Result<Arc<dyn Remote>, remote::Error> {
        match self.dialer.dial(machine, files, deadline).await {
            Err(silent @ remote::Error::Silent { .. }) => {
                self.progress.warn(format!("{silent}; this is mended now"));
                self.driver.recover(machine).await?;
                self.dialer.dial(machine, files, deadline).await
            }
            answer => answer,
        }
    }

    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Engine, remote::Error> {
        self.dialer.engine(machine, files, deadline).await
    }
}
