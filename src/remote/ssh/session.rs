//! A login, and how it ends.

use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg, Sig};

use crate::model::{Machine, MachineId};
use crate::pace::within;
use crate::remote::Error;

use super::host_key::{Client, Outcome};

/// How long the reason of a broken connection is waited for.
const REASON: Duration = Duration::from_millis(500);

/// A connection that is logged in to a machine.
pub(super) struct Session {
    handle: Handle<Client>,
    pub(super) machine: MachineId,
    pub(super) root: bool,
    outcome: std::sync::Arc<Outcome>,
}

impl Session {
    pub(super) fn new(
        handle: Handle<Client>,
        machine: &Machine,
        outcome: std::sync::Arc<Outcome>,
    ) -> Self {
        Self { handle, machine: machine.id.clone(), root: machine.user == "root", outcome }
    }

    pub(super) fn handle(&self) -> &Handle<Client> {
        &self.handle
    }

    pub(super) fn machine(&self) -> &MachineId {
        &self.machine
    }

    pub(super) async fn channel(&self) -> Result<Channel<Msg>, Error> {
        let channel = self.handle.channel_open_session().await;
        match channel {
            Ok(channel) => Ok(channel),
            Err(error) => Err(self.broken("open a channel", error.to_string()).await),
        }
    }

    /// The error for a channel that ended before it should have; tells why the whole connection
    /// ended, if it did.
    pub(super) async fn broken(&self, operation: &'static str, reason: String) -> Error {
        let end = within(REASON, self.outcome.end()).await;
        Error::Connection {
            machine: self.machine.clone(),
            operation,
            source: end.unwrap_or(reason).into(),
        }
    }
}

/// The exit status that a message carries, 128 + N for signal N as shells do.
pub(super) fn exit_status(message: &ChannelMsg) -> Option<u32> {
    match message {
        ChannelMsg::ExitStatus { exit_status } => Some(*exit_status),
        ChannelMsg::ExitSignal { signal_name, .. } => Some(128 + number(signal_name)),
        _ => None,
    }
}

/// The number of a signal on Linux; signal(7). Names that SSH does not define (RFC 4254, 6.10) come
/// as they are.
fn number(signal: &Sig) -> u32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(name) => match name.split('@').next() {
            Some("TRAP") => 5,
            Some("BUS") => 7,
            Some("USR2") => 12,
            Some("XCPU") => 24,
            Some("SYS") => 31,
            _ => 127,
        },
    }
}
