//! `image load`: puts an image on every node, in parallel.

use std::path::Path;
use std::time::Duration;

use crate::model::{ClusterName, Machine, MachineState, Orchestrator, Role, SshFiles, TlsFiles};
use crate::remote::{self, Input, Script};

use super::machines::ours;
use super::settle::on_each;
use super::{Error, MachineError, Services};

/// How long a machine that runs may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts an image archive (as `docker save` writes it) where the containers of every node find it; returns
/// how many nodes there are.
pub async fn load_image(
    services: &Services,
    name: &ClusterName,
    archive: &Path,
) -> Result<usize, Error> {
    let (entry, progress) = services.lock(name, "image-load").await?;
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let (mut machines, _) = ours(&*services.driver, name, Some(&record)).await?;
    machines.retain(|m| m.id.name.role != Role::LoadBalancer);
    let tls = TlsFiles::in_directory(&entry.pki()?.join("client"));
    let ssh = entry.ssh()?;
    let of = machines.len();
    let result = on_each(services, name, machines, &progress, async |machine, progress| {
        if machine.state != MachineState::Running {
            return Err(MachineError::NotRunning(machine.state));
        }
        let load = async {
            match record.spec.orchestrator {
                Orchestrator::Kubernetes => Ok(into_node(services, machine, &ssh, archive).await?),
                Orchestrator::Swarm | Orchestrator::None => {
                    let engine = services.dialer.engine(machine, &tls, PATIENCE).await?;
                    engine.load_image(archive).await.map_err(MachineError::Engine)
                }
            }
        };
        progress.step("load image", load).await?;
        progress.ready();
        Ok(())
    })
    .await;
    progress.ready();
    result?;
    Ok(of)
}

/// Gives an image to the containerd that a node's kubelet uses.
async fn into_node(
    services: &Services,
    machine: &Machine,
    ssh: &SshFiles,
    archive: &Path,
) -> Result<(), remote::Error> {
    let failed = |source: std::io::Error| remote::Error::File {
        operation: "read",
        path: archive.to_owned(),
        source: source.into(),
    };
    let file = tokio::fs::File::open(archive).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    let script = Script::new(
        "load image",
        "kubelet starts containers from the images that its own containerd has, in its namespace `k8s.io`.",
        include_str!("../../templates/kubernetes/load-image.sh"),
    );
    let remote = services.dialer.dial(machine, ssh, PATIENCE).await?;
    let input = Input::new(archive.display().to_string(), length, file);
    remote.run_with_input(&script, input).await.map(drop)
}
