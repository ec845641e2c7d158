//! `bundle create`: installs Kubernetes on a machine from packages, takes it from there, and removes the
//! machine.

use std::path::{Path, PathBuf};

use crate::bundle::{Architecture, Bundle, BundleWriter};
use crate::kind::kubernetes;
use crate::model::{MachineName, Role};
use crate::remote::keys;
use crate::spec::ClusterSpec;
use crate::store::Record;

use super::admit::check_surroundings;
use super::error::{Error, Failure, MachineError, Work};
use super::machines::{self, Origin, become_node};
use super::place::note;
use super::removal::remove_rest;
use super::services::{Cluster, Services};

/// Makes a bundle of what a machine of `spec` has once it is provisioned. `spec` is of a cluster that does
/// not exist; none of it is left. Without `output` the file is named after what is in it.
pub async fn create_bundle(
    services: &Services,
    spec: &ClusterSpec,
    output: Option<&Path>,
) -> Result<Bundle, Error> {
    let cluster = services.lock(&spec.name, "bundle-create").await?;
    let result = make(&cluster, spec, output).await;
    let removed = remove(&cluster).await;
    // What went wrong first matters more.
    let bundle = result?;
    removed.map(|()| bundle)
}

async fn make(
    cluster: &Cluster<'_>,
    spec: &ClusterSpec,
    output: Option<&Path>,
) -> Result<Bundle, Error> {
    let Cluster { services, entry, progress } = cluster;
    let install = machines::install(spec, false)?;
    check_surroundings(services, progress).await?;
    let mut record = Record::new(spec.clone());
    note(services, &mut record, services.driver.places().await?);
    // From here on `down` knows what to look for, should this be cut short.
    entry.save(&record)?;
    let provisioner = machines::provisioner(services, entry, &record, install)?;
    let name = MachineName::new(Role::ControlPlane, 1);
    let mut requests =
        machines::requests(spec, &record, &provisioner.ssh, &services.home.id()?, &[name])?;
    services.ask(services.driver.prepare(&spec.name, &requests, progress)).await?;
    let request = requests.remove(0);
    let pin = (request.id.alias(), request.host_key.public.clone());
    keys::pin(&provisioner.ssh.known_hosts, &[pin])?;

    let progress = progress.machine(name);
    let failed = |cause: MachineError| Failure {
        cluster: spec.name.clone(),
        work: Work::Make,
        causes: vec![(name, cause)],
        left: Vec::new(),
        of: 1,
    };
    let origin = Origin::Create(Box::new(request));
    let node = become_node(services, &provisioner, origin, &progress).await.map_err(failed)?;
    // Goes with everything else that is known of the cluster.
    let directory = services.home.directory(&spec.name).join("bundle");
    let file = |source| Error::Archive { path: directory.clone(), source };
    std::fs::create_dir(&directory).map_err(file)?;
    let collect = kubernetes::collect(&node, &directory, &progress);
    let collect = services.interrupt.or(collect).await.ok_or(Error::Interrupted)?;
    let writer = collect.map_err(|error| failed(error.into()))?;
    let output = output.map_or_else(|| default_name(&writer), Path::to_owned);
    let write = tokio::task::spawn_blocking(move || writer.write(&output));
    let write = async { write.await.expect("writing does not panic") };
    Ok(progress.step("write the bundle", write).await?)
}

async fn remove(cluster: &Cluster<'_>) -> Result<(), Error> {
    let Some(record) = cluster.entry.record()? else { return Ok(()) };
    remove_rest(cluster, &record, &[]).await?;
    Ok(cluster.entry.remove()?)
}

fn default_name(writer: &BundleWriter) -> PathBuf {
    let architecture: Architecture = writer.architecture();
    format!("kubernetes-{}-{architecture}.tar", writer.version().tag()).into()
}
