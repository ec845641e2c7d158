//! `cp`: a file or a folder from this computer to a machine, from a machine to here, or from one machine to another one.
//!
//! It goes as a tar archive over the SSH connection, as the login user. Where it arrives it is unpacked beside its place
//! and then moved there.

mod kind;
mod meter;
mod pack;
mod unpack;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::task::spawn_blocking;

use super::copy_error::{CopyError, file};
use super::error::Error;
use super::interrupt::Interrupt;
use crate::event::Progress;
use crate::model::MachineId;
use crate::remote::{self, Input, Remote, Script};

use kind::Kind;
pub(super) use meter::Metered;
use pack::Pack;
use unpack::Place;

/// The status of a script that does not do it, and says why.
const REFUSED: u32 = 9;

/// One end of a copy.
pub enum End {
    /// A path of this computer.
    Here(PathBuf),
    /// A path of a machine.
    There(There),
}

/// A path of a machine.
pub struct There {
    /// The machine.
    pub remote: Arc<dyn Remote>,
    /// What it is called.
    pub machine: MachineId,
    /// The path; relative to the home of the login user.
    pub path: String,
}

impl There {
    fn place(&self) -> String {
        format!("machine `{}`", self.machine)
    }
}

/// What a machine does for a copy.
fn script(title: &'static str, body: &str) -> Script {
    let why = "Files go as an archive over the connection that is there already.";
    let body = [include_str!("../../../templates/copy/path.sh"), body].concat();
    Script::new(title, why, body).as_login_user()
}

/// Copies from one end to the other.
///
/// # Errors
/// What was at the target is as it was then, but for a folder into which others were put: there some may be in place.
pub async fn copy(
    from: &End,
    to: &End,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    match (from, to) {
        (End::Here(source), End::There(to)) => {
            let pack = Pack::of(source)?;
            for path in &pack.left_out {
                progress.warn(format!(
                    "`{}` is left out: it is neither a file nor a folder nor a link",
                    path.display()
                ));
            }
            let work = send(source, pack, to, progress);
            progress.step(title(kind::name(source)), unless_interrupted(interrupt, work)).await
        }
        (End::There(from), End::Here(target)) => {
            let (kind, size) = look(from).await?;
            let name = kind::name(Path::new(&from.path));
            let place = Place::of(target, name, kind)?;
            let work = fetch(from, kind, size, place, progress, interrupt);
            progress.step(title(name), work).await
        }
        (End::There(from), End::There(to)) => {
            let (kind, size) = look(from).await?;
            let name = kind::name(Path::new(&from.path));
            let work = pass_on(from, kind, size, to, progress);
            progress.step(title(name), unless_interrupted(interrupt, work)).await
        }
        (End::Here(source), End::Here(_)) => {
            let why = format!("`{}` is there as well; `cp` copies that", source.display());
            Err(CopyError::refused_here(why).into())
        }
    }
}

async fn unless_interrupted(
    interrupt: &Interrupt,
    work: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    interrupt.or(work).await.unwrap_or(Err(Error::Interrupted))
}

fn title(name: Option<&OsStr>) -> String {
    name.map_or_else(|| "copy".to_owned(), |name| format!("copy {}", name.to_string_lossy()))
}

/// What there is to copy on a machine, and about how many bytes it has.
async fn look(from: &There) -> Result<(Kind, u64), Error> {
    let look =
        script("look at what is to be copied", include_str!("../../../templates/copy/look.sh"));
    let said = from.remote.run(&look.with("SOURCE", &from.path)).await?;
    let (path, place) = (from.path.clone(), from.place());
    let (word, size) = said.trim().split_once(' ').unwrap_or_default();
    let size = size.parse().unwrap_or(0);
    match word {
        "file" => Ok((Kind::File, size)),
        "folder" => Ok((Kind::Folder, size)),
        "special" => Err(CopyError::Special { path, place }.into()),
        "unreadable" => Err(CopyError::Unreadable { path, place }.into()),
        _ => Err(CopyError::Missing { path, place }.into()),
    }
}

/// What puts a copy in place on a machine.
fn receive(to: &There, name: Option<&OsStr>, kind: Kind) -> Result<Script, CopyError> {
    let unsaid = |name: &OsStr| CopyError::Name(name.into());
    let name = name.map(|name| name.to_str().ok_or_else(|| unsaid(name))).transpose()?;
    let receive =
        script("put the copy in place", include_str!("../../../templates/copy/receive.sh"));
    let receive = receive.with("TARGET", &to.path).with("NAME", name.unwrap_or_default());
    Ok(receive.with("KIND", kind.as_str()))
}

/// What a machine says of why it did not take a copy.
fn refused(to: &There, error: remote::Error) -> Error {
    match error {
        remote::Error::Script { status: REFUSED, stderr, .. } => {
            CopyError::Refused { place: to.place(), why: stderr }.into()
        }
        error => error.into(),
    }
}

async fn send(source: &Path, pack: Pack, to: &There, progress: &Progress) -> Result<(), Error> {
    let receive = receive(to, kind::name(source), pack.kind)?;
    let length = pack.length();
    let (sender, receiver) = pipe::pipe().map_err(file("send", source))?;
    let sender = sender.into_blocking_fd().map_err(file("send", source))?;
    let packing = spawn_blocking(move || {
        let mut sender = BufWriter::with_capacity(256 * 1024, File::from(sender));
        pack.write(&mut sender)?;
        sender.flush().map_err(file("send", "the archive"))
    });
    let receiver = Metered::new(receiver, length, progress);
    let input = Input::new(source.display().to_string(), length, receiver);
    let sent = to.remote.run_with_input(&receive, input).await;
    let packed = packing.await.expect("packing does not panic");
    match (sent, packed) {
        (Ok(_), _) => Ok(()),
        // Why a file could not be read says more than that there was nothing more to send.
        (Err(remote::Error::Input { .. }), Err(error)) => Err(error.into()),
        (Err(error), _) => Err(refused(to, error)),
    }
}

/// What prints an archive.
fn sending(from: &There) -> Script {
    let send = script("send the copy", include_str!("../../../templates/copy/send.sh"));
    send.with("SOURCE", &from.path)
}

async fn fetch(
    from: &There,
    kind: Kind,
    size: u64,
    place: Place,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(), Error> {
    let (sender, receiver) = pipe::pipe().map_err(file("receive", &from.path))?;
    let receiver = receiver.into_blocking_fd().map_err(file("receive", &from.path))?;
    let machine = from.machine.clone();
    let unpacking = spawn_blocking(move || {
        unpack::unpack(std::io::BufReader::new(File::from(receiver)), kind, place, &machine)
    });
    let mut sender = Metered::new(sender, size, progress);
    let sent = interrupt.or(from.remote.run_with_output(&sending(from), &mut sender)).await;
    // Nothing more comes: what reads has to come to its end, and removes what is not wanted.
    drop(sender);
    let unpacked = unpacking.await.expect("unpacking does not panic");
    match (sent, unpacked) {
        (None, _) => Err(Error::Interrupted),
        (Some(Ok(())), unpacked) => Ok(unpacked?.put()?),
        // Why it could not be written says more than that it was not taken.
        (Some(Err(remote::Error::Output { .. })), Err(error)) => Err(error.into()),
        (Some(Err(error)), _) => Err(error.into()),
    }
}

/// From a machine to another one. How long an archive is has to be known before it is sent, so it is kept here in
/// between, in a file that nobody else sees.
async fn pass_on(
    from: &There,
    kind: Kind,
    size: u64,
    to: &There,
    progress: &Progress,
) -> Result<(), Error> {
    let receive = receive(to, kind::name(Path::new(&from.path)), kind)?;
    let folder = std::env::temp_dir();
    let kept = tempfile::tempfile_in(&folder).map_err(file("write to", &folder))?;
    let mut kept = tokio::fs::File::from_std(kept);
    let mut output = Metered::new(&mut kept, size, &progress.machine(from.machine.name));
    from.remote.run_with_output(&sending(from), &mut output).await?;
    kept.flush().await.map_err(file("write to", &folder))?;
    let mut kept = kept.into_std().await;
    kept.rewind().map_err(file("read", &folder))?;
    let length = kept.metadata().map_err(file("read", &folder))?.len();
    let kept = tokio::fs::File::from_std(kept);
    let kept = Metered::new(kept, length, &progress.machine(to.machine.name));
    let input = Input::new(format!("{}:{}", from.machine, from.path), length, kept);
    let sent = to.remote.run_with_input(&receive, input).await;
    sent.map(drop).map_err(|error| refused(to, error))
}
