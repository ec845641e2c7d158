//! Removing machines, and whatever else carries a cluster's label.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::Volume;
use bollard::query_parameters::{ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions};
use futures_util::future::join_all;
use futures_util::{join, try_join};

use super::engine::{CONFLICT, NOT_FOUND, failed, message, status};
use super::{DockerDriver, labels};
use crate::driver::Error;
use crate::model::ClusterName;
use crate::retry::{Attempt, Patience, retry};

/// How long the engine may take to remove something that is still being let go.
const REMOVAL: Duration = Duration::from_secs(60);

impl DockerDriver {
    /// Removes a container and its volumes, and returns when it is gone.
    pub(super) async fn remove_container(&self, id: &str, subject: &str) -> Result<(), Error> {
        let gone = retry(Patience::until(REMOVAL), || async {
            let options = RemoveContainerOptions { force: true, v: true, ..Default::default() };
            match self.engine.client.remove_container(id, Some(options)).await {
                Ok(()) => Attempt::Ready(()),
                Err(error) => match status(&error) {
                    Some(NOT_FOUND) => Attempt::Ready(()),
                    // Somebody else removes it; the next question tells when that is done.
                    Some(CONFLICT) => Attempt::Later(error),
                    _ if message(&error).contains("busy") => Attempt::Later(error),
                    _ => Attempt::GiveUp(error),
                },
            }
        });
        gone.await.map_err(|error| removal_failed(format!("machine `{subject}`"), error))
    }

    /// Removes everything that carries the cluster's labels.
    pub(super) async fn remove_remains(
        &self,
        cluster: &ClusterName,
        cluster_id: Option<&str>,
    ) -> Result<(), Error> {
        let filter = || Some(labels::exact_filter(cluster, cluster_id));
        let containers = self.containers(filter()).await?;
        let removals = containers.iter().filter_map(|container| {
            let id = container.id.as_deref()?;
            Some(self.remove_container(id, labels::name(container)))
        });
        first_error(join_all(removals).await)?;
        let (volumes, networks) = try_join!(self.volumes(filter()), self.networks(filter()))?;
        let volumes = volumes.iter().map(|volume| self.remove_volume(&volume.name));
        let networks = networks.iter().filter_map(|network| network.id.as_deref());
        let networks = networks.map(|id| self.remove_network(id, cluster));
        let (volumes, networks) = join!(join_all(volumes), join_all(networks));
        if let Err(error) = first_error(volumes).and(first_error(networks)) {
            // Whoever holds it may have come a moment ago.
            self.refuse_holders(cluster, cluster_id).await?;
            return Err(error);
        }
        self.remove_litter().await
    }

    /// The engine's volumes that pass a filter.
    pub(super) async fn volumes(
        &self,
        filters: Option<HashMap<String, Vec<String>>>,
    ) -> Result<Vec<Volume>, Error> {
        let list = self.engine.client.list_volumes(Some(ListVolumesOptions { filters }));
        Ok(list.await.map_err(failed("list", "volumes"))?.volumes.unwrap_or_default())
    }

    pub(super) async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        let gone = retry(Patience::until(REMOVAL), || async {
            let options = Some(RemoveVolumeOptions { force: true });
            match self.engine.client.remove_volume(name, options).await {
                Ok(()) => Attempt::Ready(()),
                Err(error) => match status(&error) {
                    Some(NOT_FOUND) => Attempt::Ready(()),
                    // An engine goes on with what a command asked for that was killed: the container that it
                    // belongs to is on its way out, and not listed any more.
                    Some(CONFLICT) => Attempt::Later(error),
                    _ => Attempt::GiveUp(error),
                },
            }
        });
        gone.await.map_err(|error| removal_failed(format!("volume `{name}`"), error))
    }

    async fn remove_network(&self, id: &str, cluster: &ClusterName) -> Result<(), Error> {
        // An engine lets go of the last machine's address a moment after the machine is gone.
        let gone = retry(Patience::until(Duration::from_secs(5)), || async {
            match self.engine.client.remove_network(id).await {
                Ok(()) => Attempt::Ready(()),
                Err(error) if status(&error) == Some(NOT_FOUND) => Attempt::Ready(()),
                Err(error) if message(&error).contains("active endpoints") => Attempt::Later(error),
                Err(error) => Attempt::GiveUp(error),
            }
        });
        let subject = format!("network `{}`", cluster.context());
        gone.await.map_err(|error| removal_failed(subject, error))
    }
}

fn first_error(results: Vec<Result<(), Error>>) -> Result<(), Error> {
    results.into_iter().find(Result::is_err).unwrap_or(Ok(()))
}

fn removal_failed(subject: String, error: Option<bollard::errors::Error>) -> Error {
    let error = error.unwrap_or(bollard::errors::Error::RequestTimeoutError);
    failed("remove", subject)(error)
}
