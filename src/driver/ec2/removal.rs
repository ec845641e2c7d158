//! Ending instances, and removing what is left when they are gone.

use std::time::Duration;

use aws_sdk_ec2::types::InstanceStateName;
use tokio::time::{Instant, sleep};

use crate::driver::{Error, LABEL_CLUSTER_ID};
use crate::model::ClusterName;
use crate::pace::stretch;

use super::client::{failed, is};
use super::consistency::POLL;
use super::driver::Ec2Driver;
use super::tags::{self, filter};

/// How long instances may take to end, and what held on to their security group to let go of it.
const PATIENCE: Duration = Duration::from_secs(600);

impl Ec2Driver {
    pub(super) async fn terminate(&self, id: &str) -> Result<(), Error> {
        let ended = self.ec2().terminate_instances().instance_ids(id).send().await;
        self.look_anew().await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) if is(&error, &["InvalidInstanceID.NotFound"]) => Ok(()),
            Err(error) => Err(failed("end", format!("instance `{id}`"))(error)),
        }
    }

    /// Removes all that carries the cluster's tags, and returns once it is gone.
    pub(super) async fn remove_all(
        &self,
        cluster: &ClusterName,
        id: Option<&str>,
    ) -> Result<(), Error> {
        self.until_no_instances(cluster, id).await?;
        self.remove_volumes(cluster, id).await?;
        self.remove_groups(cluster, id).await
    }

    async fn until_no_instances(
        &self,
        cluster: &ClusterName,
        id: Option<&str>,
    ) -> Result<(), Error> {
        let end = Instant::now() + stretch(PATIENCE);
        loop {
            let mut left = self.instances(tags::cluster_filters(Some(cluster), id)).await?;
            left.retain(|instance| tags::state(instance) != InstanceStateName::Terminated);
            for instance in left.iter().filter(|i| tags::machine(i).is_some()) {
                self.terminate(instance.instance_id().unwrap_or_default()).await?;
            }
            let Some(first) = left.first() else { return Ok(()) };
            if Instant::now() > end {
                return Err(Error::Failed {
                    operation: "end",
                    subject: format!("instance `{}`", first.instance_id().unwrap_or_default()),
                    source: format!("it is still {}", tags::state(first)).into(),
                });
            }
            sleep(POLL).await;
        }
    }

    /// Volumes go with their instances; one that was made for an instance that never ran may be left.
    async fn remove_volumes(&self, cluster: &ClusterName, id: Option<&str>) -> Result<(), Error> {
        let list = self
            .ec2()
            .describe_volumes()
            .set_filters(Some(tags::cluster_filters(Some(cluster), id)))
            .filters(filter("status", ["available"]))
            .send()
            .await
            .map_err(failed("list", "volumes"))?;
        for volume in list.volumes.unwrap_or_default() {
            let id = volume.volume_id.unwrap_or_default();
            match self.ec2().delete_volume().volume_id(&id).send().await {
                Ok(_) => {}
                Err(error) if is(&error, &["InvalidVolume.NotFound"]) => {}
                Err(error) => return Err(failed("remove", format!("volume `{id}`"))(error)),
            }
        }
        Ok(())
    }

    async fn remove_groups(&self, cluster: &ClusterName, id: Option<&str>) -> Result<(), Error> {
        let mut filters = tags::cluster_filters(Some(cluster), None);
        filters.extend(id.map(|id| filter(format!("tag:{LABEL_CLUSTER_ID}"), [id])));
        let list = self.ec2().describe_security_groups().set_filters(Some(filters)).send().await;
        let list = list.map_err(failed("list", "security groups"))?;
        for group in list.security_groups.unwrap_or_default() {
            self.remove_group(&group.group_id.unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Network interfaces of instances that are gone hold on to it for a while.
    async fn remove_group(&self, id: &str) -> Result<(), Error> {
        let end = Instant::now() + stretch(PATIENCE);
        loop {
            match self.ec2().delete_security_group().group_id(id).send().await {
                Ok(_) => return Ok(()),
                Err(error) if is(&error, &["InvalidGroup.NotFound"]) => return Ok(()),
                Err(error)
                    if is(&error, &["DependencyViolation", "InvalidGroup.InUse"])
                        && Instant::now() < end =>
                {
                    sleep(POLL).await;
                }
                Err(error) => {
                    return Err(failed("remove", format!("security group `{id}`"))(error));
                }
            }
        }
    }
}
