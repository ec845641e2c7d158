//! `image load`: puts an image on every node, in parallel.

use std::path::Path;

use crate::model::{ClusterName, MachineState, TlsFiles};

use super::machines::ours;
use super::settle::all_well;
use super::{Error, MachineError, Services, settle};

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
    let work = machines.into_iter().map(|machine| {
        let (tls, progress) = (&tls, progress.machine(machine.id.name));
        (machine.id.name, async move {
            if machine.state != MachineState::Running {
                return Err(MachineError::NotRunning(machine.state));
            }
            let deadline = std::time::Duration::from_secs(10);
            let engine = services.dialer.engine(&machine, tls, deadline).await?;
            let load = async { engine.load_image(archive).await.map_err(MachineError::Engine) };
            progress.step("load image", load).await?;
            progress.ready();
            Ok(())
        })
    });
    let (_, causes) = settle(work).await;
    progress.ready();
    all_well(services, name, of, causes).await?;
    Ok(of)
}
