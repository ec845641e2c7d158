//! A connection from a machine to a port that it can reach (RFC 4254, 7.2, `direct-tcpip`).

use russh::ChannelOpenFailure;

use crate::remote::{Error, Stream};

use super::session::Session;

/// Opens it; see [`Remote`](crate::remote::Remote).
pub(super) async fn open(
    session: &Session,
    host: &str,
    port: u16,
) -> Result<Box<dyn Stream>, Error> {
    // Who asks is for sshd's log only.
    let channel = session.handle().channel_open_direct_tcpip(host, port.into(), "127.0.0.1", 0);
    match channel.await {
        Ok(channel) => Ok(Box::new(channel.into_stream())),
        Err(russh::Error::ChannelOpenFailure(reason)) => Err(Error::Unreachable {
            machine: session.machine().clone(),
            to: format!("{host}:{port}"),
            source: why(&reason).into(),
        }),
        Err(error) => Err(session.broken("open a channel", error.to_string()).await),
    }
}

fn why(reason: &ChannelOpenFailure) -> String {
    match reason {
        ChannelOpenFailure::ConnectFailed => "nothing answers there".to_owned(),
        ChannelOpenFailure::AdministrativelyProhibited => "its sshd forbids it".to_owned(),
        ChannelOpenFailure::ResourceShortage => "it has no resources left".to_owned(),
        other => format!("{other:?}"),
    }
}
