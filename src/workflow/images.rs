//! `image load`: puts an image on every node, in parallel.

use std::path::Path;
use std::time::Duration;

use crate::model::{ClusterName, MachineState, TlsFiles};

use super::machines::ours;
use super::settle::on_each;
use super::{Error, MachineError, Services};

/// How long an engine that runs may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Loads an image archive (as `docker save` writes it) into the engine of every machine; returns how
/// many machines there are.
pub async fn load_image(
    services: &Services,
    name: &ClusterName,
    archive: &Path,
) -> Result<usize, Error> {
    let (entry, progress) = services.lock(name, "image-load").await?;
    let record = entry.record()?.ok_or_else(|| Error::UnknownCluster(name.clone()))?;
    let (machines, _) = ours(&*services.driver, name, Some(&record)).await?;
    let tls = TlsFiles::in_directory(&entry.pki()?.join("client"));
    let of = machines.len();
    let result = on_each(services, name, machines, &progress, async |machine, progress| {
        if machine.state != MachineState::Running {
            return Err(MachineError::NotRunning(machine.state));
        }
        let engine = services.dialer.engine(machine, &tls, PATIENCE).await?;
        let load = async { engine.load_image(archive).await.map_err(MachineError::Engine) };
        progress.step("load image", load).await?;
        progress.ready();
        Ok(())
    })
    .await;
    progress.ready();
    result?;
    Ok(of)
}
