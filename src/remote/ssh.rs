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
mod sending;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{Machine, SshFiles, TlsFiles};

use super::{Dialer, Engine, Error, Remote};

/// Dials over SSH, and engines over mutual TLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct SshDialer;

#[async_trait]
impl Dialer for SshDialer {
    async fn dial(
        &self,
        machine: &Machine,
        files: &SshFiles,
        deadline: Duration,
    ) -> Result<Arc<dyn Remote>, Error> {
        Ok(Arc::new(dialling::dial(machine, files, deadline).await?))
    }

    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Engine, Error> {
        Engine::connect(machine, files, deadline).await
    }
}
