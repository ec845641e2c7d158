//! The host key of a connection: it is the pinned one, or nothing is sent.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use russh::client::{DisconnectReason, Handler};
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred};
use tokio::sync::watch;

use crate::model::MachineId;
use crate::remote::{Error, keys};

/// The key that a machine must present; one of two, while it changes from one to the other.
#[derive(Debug, Clone)]
pub(super) struct Pin {
    machine: MachineId,
    keys: Vec<PublicKey>,
}

impl Pin {
    pub(super) fn of(machine: &MachineId, known_hosts: &Path) -> Result<Self, Error> {
        let alias = machine.alias();
        let lines = keys::all_pinned(known_hosts, &alias)?;
        if lines.is_empty() {
            return Err(Error::NoHostKey { machine: machine.clone() });
        }
        let parse = |source: crate::driver::Source| Error::File {
            operation: "parse",
            path: known_hosts.to_owned(),
            source,
        };
        let keys = lines.iter().map(|line| {
            let key = PublicKey::from_openssh(line).map_err(|e| parse(e.into()))?;
            if matches!(key.algorithm(), Algorithm::Rsa { .. } | Algorithm::Dsa) {
                let text = format!(
                    "`{alias}` has a host key of type {}: make it ssh-ed25519",
                    key.algorithm()
                );
                return Err(parse(text.into()));
            }
            Ok(key)
        });
        Ok(Self { machine: machine.clone(), keys: keys.collect::<Result<_, _>>()? })
    }

    /// Only the pinned type is asked for. Otherwise a machine with several host keys would present
    /// another one, and an impostor could choose a type that nobody compares.
    pub(super) fn preferred(&self) -> Preferred {
        let mut types: Vec<_> = self.keys.iter().map(PublicKey::algorithm).collect();
        types.dedup();
        Preferred { key: Cow::Owned(types), ..Preferred::DEFAULT }
    }

    /// The mismatch that made the key exchange fail, if that was the reason.
    pub(super) fn mismatch(&self, error: &russh::Error, outcome: &Outcome) -> Option<Error> {
        let offered = match error {
            russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. } => {
                format!("of another type ({})", theirs.join(", "))
            }
            _ => outcome.refused.get()?.clone(),
        };
        Some(Error::HostKeyMismatch {
            machine: self.machine.clone(),
            pinned: self.keys.iter().map(describe).collect::<Vec<_>>().join(" or "),
            offered,
        })
    }
}

/// What a connection leaves behind when it ends.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The host key that was refused.
    refused: OnceLock<String>,
    /// Why the connection ended, once it has.
    end: watch::Sender<Option<String>>,
}

impl Outcome {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { refused: OnceLock::new(), end: watch::Sender::new(None) })
    }

    /// Why the connection ended; waits until it has.
    pub(super) async fn end(&self) -> String {
        let mut end = self.end.subscribe();
        let reason = end.wait_for(Option::is_some).await;
        reason.map_or_else(|_| None, |reason| reason.clone()).unwrap_or_default()
    }
}

/// Our side of a connection: judges the host key and remembers how the connection ended.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) pin: Pin,
    pub(super) outcome: Arc<Outcome>,
}

impl Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        offered: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let offered = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. }
                if self.pin.keys.iter().any(|pinned| same(key, pinned)) =>
            {
                return Ok(true);
            }
            PublicKeyOrCertificate::PublicKey { key, .. } => describe(key),
            PublicKeyOrCertificate::Certificate(_) => "in a certificate".to_owned(),
        };
        // Only the first refusal counts; there cannot be a second.
        let _ = self.outcome.refused.set(offered);
        Ok(false)
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        let (text, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (info.message, Ok(())),
            DisconnectReason::Error(error) => (error.to_string(), Err(error)),
        };
        self.outcome.end.send_replace(Some(text));
        result
    }
}

/// Compares the whole key, its algorithm included, but not the comment.
fn same(one: &PublicKey, other: &PublicKey) -> bool {
    one.key_data() == other.key_data()
}

fn describe(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}
