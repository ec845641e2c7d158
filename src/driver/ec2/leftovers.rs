//! Everything in the region that carries our tags. Interfaces and disks of instances go with these and are not
//! told of; what is left of an instance is.

use aws_sdk_ec2::types::InstanceStateName;

use crate::driver::{Error, Leftover};

use super::client::failed;
use super::driver::Ec2Driver;
use super::tags::{self, filter};

impl Ec2Driver {
    pub(super) async fn all_leftovers(&self) -> Result<Vec<Leftover>, Error> {
        let ours = || Some(tags::cluster_filters(None, None));
        let mut leftovers = Vec::new();
        let mut instances = self.instances(tags::cluster_filters(None, None)).await?;
        instances.retain(|instance| tags::state(instance) != InstanceStateName::Terminated);
        leftovers.extend(
            instances.iter().map(|i| tags::leftover(i.tags(), "instance", i.instance_id())),
        );

        let free = filter("status", ["available"]);
        let volumes = self.ec2().describe_volumes().set_filters(ours()).filters(free);
        let volumes = volumes.into_paginator().items().send().try_collect().await;
        let volumes = volumes.map_err(failed("list", "volumes"))?;
        leftovers.extend(volumes.iter().map(|v| tags::leftover(v.tags(), "volume", v.volume_id())));

        let groups = self.ec2().describe_security_groups().set_filters(ours());
        let groups = groups.into_paginator().items().send().try_collect().await;
        let groups = groups.map_err(failed("list", "security groups"))?;
        leftovers.extend(
            groups.iter().map(|g| tags::leftover(g.tags(), "security group", g.group_id())),
        );
        Ok(leftovers.into_iter().flatten().collect())
    }
}
