//! `kubectl`: the program that a cluster's machines have, for a computer that has none or one of another release.

use std::env::consts::{ARCH, OS};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::event::{Progress, chain};
use crate::kind;
use crate::model::{Machine, Role, SshFiles, Tool};
use crate::remote::{self, Dialer, Remote, Script};
use crate::store::Record;

use super::Error;

/// How long a machine may take to answer before another one is asked.
const PATIENCE: Duration = Duration::from_secs(15);

/// The cluster's kubectl on this computer: below `cache`, one for each release. It is fetched from a machine if it is
/// not there yet.
///
/// # Errors
/// [`Error::NotKubernetes`], and [`Error::Kubectl`] if none of the machines has one that runs here.
pub async fn kubectl(
    record: &Record,
    cache: &Path,
    files: &SshFiles,
    dialer: impl Fn(&Machine) -> Arc<dyn Dialer>,
    progress: &Progress,
) -> Result<PathBuf, Error> {
    let cluster = record.spec.name.clone();
    let kind = kind::of(record.spec.orchestrator);
    if kind.tool() != Tool::Kubectl {
        let exists = kind.noun().to_owned();
        return Err(Error::NotKubernetes { cluster, exists, what: "has a kubectl" });
    }
    let refused = |reason: String| Error::Kubectl { cluster: cluster.clone(), reason };
    let Some(release) = record.release else {
        return Err(refused(
            "nobody knows its release, because `dojo up` has not come to its end".to_owned(),
        ));
    };
    let directory = cache.join("kubectl").join(format!("{}-{OS}-{ARCH}", release.tag()));
    let program = directory.join("kubectl");
    if program.is_file() {
        return Ok(program);
    }
    if OS != "linux" {
        return Err(refused(format!(
            "that of its machines is for Linux, and this computer has {OS}"
        )));
    }
    let planes = record.machines.iter().filter(|m| m.id.name.role == Role::ControlPlane);
    let mut reason = "it has no control plane".to_owned();
    for machine in planes {
        let fetched = async {
            let remote = dialer(machine).dial(machine, files, PATIENCE).await?;
            fetch(&*remote, machine, &program).await
        };
        let progress = progress.machine(machine.id.name);
        match progress.step(&format!("fetch kubectl {release}"), fetched).await {
            Ok(()) => return Ok(program),
            Err(error) => reason = chain(&error),
        }
    }
    Err(refused(reason))
}

/// Puts the kubectl of a machine at a place on this computer, in whole or not at all.
async fn fetch(
    remote: &dyn Remote,
    machine: &Machine,
    program: &Path,
) -> Result<(), remote::Error> {
    let script = Script::new(
        "give kubectl out",
        "It is of the cluster's release, and this computer may have none or another one.",
        include_str!("../../templates/kubernetes/give-kubectl.sh"),
    )
    .with("ARCHITECTURE", ARCH);
    let unwritable = |source| remote::Error::Output { machine: machine.id.clone(), source };
    let directory = program.parent().expect("it is in a directory of its release");
    std::fs::create_dir_all(directory).map_err(unwritable)?;
    // Beside its place, so that it can be moved there, and gone if that is not come to.
    let beside = tempfile::NamedTempFile::new_in(directory).map_err(unwritable)?;
    let mut file = tokio::fs::File::from_std(beside.reopen().map_err(unwritable)?);
    remote.run_with_output(&script, &mut file).await?;
    file.flush().await.map_err(unwritable)?;
    file.sync_all().await.map_err(unwritable)?;
    let executable = std::fs::Permissions::from_mode(0o755);
    beside.as_file().set_permissions(executable).map_err(unwritable)?;
    beside.persist(program).map(drop).map_err(|error| unwritable(error.error))
}
