//! `dojo mount`, by sshfs.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::model::{Machine, Service, SshFiles};

use super::args::Mount;
use super::error::Error;
use super::services::Context;
use super::side::Side;

pub(super) async fn run(context: &Context, args: Mount) -> Result<(), Error> {
    let Some(folder) = args.folder else {
        return unmount(Path::new(&args.source));
    };
    let Side::There { machine, path } = Side::read(&args.source)? else {
        return Err(Error::Usage(format!(
            "`{}` is of this computer already: what is mounted is written as worker-1:PATH",
            args.source.display()
        )));
    };
    if !folder.is_dir() {
        let problem = format!("there is no folder `{}` to mount it at", folder.display());
        return Err(Error::Usage(problem));
    }
    let (record, machine) = context.machine(&machine)?;
    let files = context.ssh(&record.spec.name);
    // sshfs goes on after this command has ended.
    context.open_tunnels(&record, std::slice::from_ref(&machine)).await?;
    let mut command = Command::new("sshfs");
    command.args(arguments(&machine, &files, &path, &folder)?);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Program { program: "sshfs", status: status.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NoSshfs),
        Err(source) => Err(Error::Io { operation: "run sshfs", source }),
    }
}

/// What sshfs is told: where the machine is, and which keys are right.
fn arguments(
    machine: &Machine,
    files: &SshFiles,
    path: &str,
    folder: &Path,
) -> Result<Vec<OsString>, Error> {
    let address = machine.endpoint(Service::Ssh).map_err(crate::workflow::Error::from)?;
    let host = match address.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let mut arguments: Vec<OsString> = vec![
        format!("{}@{host}:{path}", machine.user).into(),
        // A name that begins with a dash is no option then.
        Path::new(".").join(folder).into(),
        // What the user tells their ssh of other hosts is not meant.
        "-F".into(),
        "/dev/null".into(),
        "-p".into(),
        address.port().to_string().into(),
    ];
    let options = [
        format!("IdentityFile={}", quoted(&files.identity)),
        format!("UserKnownHostsFile={}", quoted(&files.known_hosts)),
        format!("HostKeyAlias={}", machine.id.alias()),
        "IdentitiesOnly=yes".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        "BatchMode=yes".to_owned(),
        "ServerAliveInterval=15".to_owned(),
        "reconnect".to_owned(),
    ];
    for option in options {
        arguments.extend(["-o".into(), option.into()]);
    }
    Ok(arguments)
}

/// A path for ssh, which takes words apart at spaces, and for sshfs, which does so at commas.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display()).replace(',', "\\,")
}

/// Takes away what was mounted.
fn unmount(folder: &Path) -> Result<(), Error> {
    let folder = PathBuf::from(".").join(folder);
    for program in ["fusermount3", "fusermount"] {
        match Command::new(program).arg("-u").arg(&folder).status() {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => return Err(Error::Program { program, status: status.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Io { operation: "run fusermount", source }),
        }
    }
    Err(Error::NoSshfs)
}
