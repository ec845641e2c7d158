//! This process's standard streams, connected to a command or a login shell.

use std::io::{self, Read as _};
use std::thread;

use bytes::Bytes;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Pty};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, stderr, stdout};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::remote::Error;

use super::raw_mode::{self, RawMode};
use super::session::{Session, exit_status};

/// Standard input is read in pieces of at most this many bytes, and so many of them wait to be sent.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 4;

/// The status that a shell reports for a process ended by SIGPIPE, as OpenSSH is when nobody reads
/// its output any more.
const BROKEN_PIPE: u32 = 128 + 13;

/// Connects the standard streams until the other side ends; see [`Remote`](crate::remote::Remote).
pub(super) async fn attach(session: &Session, command: Option<&str>) -> Result<u32, Error> {
    let (mut incoming, outgoing) = session.channel().await?.split();
    let terminal = command.is_none() && raw_mode::is_terminal();
    // When asking fails, the connection is broken, and reading below tells why.
    let _ = ask(&outgoing, command, terminal).await;
    let _raw = if terminal { Some(RawMode::enter().map_err(local("set up"))?) } else { None };

    // Both directions go on at once: a command may want to be read before it reads on.
    let download = download(&mut incoming);
    let upload = upload(&outgoing);
    let resizing = resizing(&outgoing, terminal);
    let terminated = terminated(terminal);
    tokio::pin!(download, upload, resizing, terminated);
    let mut uploading = true;
    let end = loop {
        tokio::select! {
            end = &mut download => break end?,
            () = &mut upload, if uploading => uploading = false,
            () = &mut resizing => {}
            status = &mut terminated => break End::Status(status),
        }
    };
    match end {
        End::Status(status) => Ok(status),
        End::Refused => Err(session.broken("attach", "sshd refused it".to_owned()).await),
        End::Lost => {
            let reason = "the channel was closed without an exit status";
            Err(session.broken("attach", reason.to_owned()).await)
        }
    }
}

async fn ask(
    outgoing: &ChannelWriteHalf<Msg>,
    command: Option<&str>,
    terminal: bool,
) -> Result<(), russh::Error> {
    if terminal {
        let (columns, rows) = raw_mode::size();
        let modes = [(Pty::IUTF8, 1)];
        let kind = raw_mode::kind();
        outgoing.request_pty(true, &kind, columns, rows, 0, 0, &modes).await?;
    }
    match command {
        Some(command) => outgoing.exec(true, command).await,
        None => outgoing.request_shell(true).await,
    }
}

/// How the other side ended.
enum End {
    Status(u32),
    Refused,
    Lost,
}

/// Writes what comes to standard output and standard error, until the channel is closed.
async fn download(incoming: &mut ChannelReadHalf) -> Result<End, Error> {
    let (mut out, mut err) = (stdout(), stderr());
    let mut end = End::Lost;
    while let Some(message) = incoming.wait().await {
        let written = match message {
            ChannelMsg::Data { data } => write(&mut out, &data).await,
            ChannelMsg::ExtendedData { data, .. } => write(&mut err, &data).await,
            ChannelMsg::Failure => return Ok(End::Refused),
            ChannelMsg::Close => break,
            message => {
                if let Some(status) = exit_status(&message) {
                    end = End::Status(status);
                }
                Ok(())
            }
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(End::Status(BROKEN_PIPE));
            }
            written => written.map_err(local("write"))?,
        }
    }
    Ok(end)
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), data: &[u8]) -> io::Result<()> {
    stream.write_all(data).await?;
    stream.flush().await
}

/// Sends standard input and then its end. A failure here is none of its own: the command may have
/// ended without reading.
async fn upload(outgoing: &ChannelWriteHalf<Msg>) {
    let mut input = standard_input();
    while let Some(piece) = input.recv().await {
        if outgoing.data_bytes(piece).await.is_err() {
            return;
        }
    }
    let _ = outgoing.eof().await;
}

/// Reads standard input on a thread that nobody waits for. One of the runtime's own would keep the
/// process from ending until somebody pressed a key.
fn standard_input() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(PIECES);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut piece = vec![0; PIECE];
        loop {
            match stdin.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) | Ok(0) => return,
                Ok(length) => {
                    if sender.blocking_send(Bytes::copy_from_slice(&piece[..length])).is_err() {
                        return;
                    }
                }
            }
        }
    });
    receiver
}

/// Tells the other side whenever the terminal's size changes; never ends.
async fn resizing(outgoing: &ChannelWriteHalf<Msg>, terminal: bool) {
    if terminal && let Ok(mut changes) = signal(SignalKind::window_change()) {
        while changes.recv().await.is_some() {
            let (columns, rows) = raw_mode::size();
            if outgoing.window_change(columns, rows, 0, 0).await.is_err() {
                break;
            }
        }
    }
    std::future::pending::<()>().await;
}

/// Waits for a signal that would end the process with the terminal still in raw mode; the status that
/// a shell reports for it.
async fn terminated(terminal: bool) -> u32 {
    let listen = |kind| terminal.then(|| signal(kind).ok()).flatten();
    let signals = (listen(SignalKind::hangup()), listen(SignalKind::terminate()));
    let (Some(mut hangup), Some(mut terminate)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = hangup.recv() => 128 + 1,
        _ = terminate.recv() => 128 + 15,
    }
}

fn local(operation: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { operation, path: "standard streams".into(), source: source.into() }
}
