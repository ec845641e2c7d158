//! Where instances are: subnets of a VPC, and the cluster's own security group.

use std::net::IpAddr;

use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_ec2::types::{
    IpPermission, IpRange, ResourceType, SecurityGroup, Subnet as Zone, UserIdGroupPair,
};
use tokio::time::{Instant, sleep};

use crate::driver::{Error, LABEL_CLUSTER_ID};
use crate::model::{MachineRequest, Service, Subnet};
use crate::pace::stretch;

use super::client::{failed, is};
use super::common::Place;
use super::consistency::{CONSISTENCY, POLL, retry_absent};
use super::driver::Ec2Driver;
use super::tags::{self, filter};

/// Allows any protocol.
const ALL: &str = "-1";

impl Ec2Driver {
    /// The subnets that instances may be in, by zone, and their VPC.
    pub(super) async fn places(&self) -> Result<(String, Vec<Place>), Error> {
        let (filters, what) = match (&self.options.subnet, &self.options.vpc) {
            (Some(subnet), _) => {
                (vec![filter("subnet-id", [subnet])], format!("subnet `{subnet}`"))
            }
            (None, Some(vpc)) => {
                (vec![filter("vpc-id", [vpc])], format!("a subnet of VPC `{vpc}`"))
            }
            (None, None) => {
                (vec![filter("default-for-az", ["true"])], "a default subnet".to_owned())
            }
        };
        let list = self.ec2().describe_subnets().set_filters(Some(filters)).send().await;
        let list = list.map_err(failed("list", "subnets"))?;
        let mut found: Vec<Zone> = list.subnets.unwrap_or_default();
        if let Some(zone) = &self.options.zone {
            found.retain(|subnet| subnet.availability_zone() == Some(zone));
        }
        found.sort_by(|a, b| a.availability_zone().cmp(&b.availability_zone()));
        let vpc = found.first().and_then(|subnet| subnet.vpc_id()).map(str::to_owned);
        let Some(vpc) = vpc else {
            let zone = self.options.zone.as_ref().map(|zone| format!(" in zone `{zone}`"));
            return Err(Error::Unsupported(format!(
                "region `{}` has not got {what}{}",
                self.account.region,
                zone.unwrap_or_default()
            )));
        };
        let places = found.iter().filter(|subnet| subnet.vpc_id() == Some(&vpc)).filter_map(|s| {
            let (subnet, zone) = (s.subnet_id()?.to_owned(), s.availability_zone()?.to_owned());
            Some(Place { subnet, zone })
        });
        Ok((vpc.clone(), places.collect()))
    }

    /// The cluster's security group.
    pub(super) async fn group(&self, cluster_id: &str) -> Result<Option<SecurityGroup>, Error> {
        let ours = filter(format!("tag:{LABEL_CLUSTER_ID}"), [cluster_id]);
        let list = self.ec2().describe_security_groups().filters(ours).send().await;
        let list = list.map_err(failed("look for", "the security group"))?;
        Ok(list.security_groups.unwrap_or_default().into_iter().next())
    }

    /// The id of a security group that must be there, but may not be seen yet.
    pub(super) async fn group_in_time(&self, cluster_id: &str) -> Result<Option<String>, Error> {
        let end = Instant::now() + stretch(CONSISTENCY);
        loop {
            let group = self.group(cluster_id).await?.and_then(|group| group.group_id);
            if group.is_some() || Instant::now() > end {
                return Ok(group);
            }
            sleep(POLL).await;
        }
    }

    /// Makes the cluster's security group, or completes it.
    pub(super) async fn make_group(
        &self,
        requests: &[MachineRequest],
        vpc: &str,
    ) -> Result<(), Error> {
        let Some(first) = requests.first() else { return Ok(()) };
        let cluster_id = first.cluster_id.as_str();
        let group = self.group(cluster_id).await?.and_then(|group| group.group_id);
        let group = match group {
            Some(group) => group,
            None => self.new_group(first, vpc).await?,
        };
        self.open(&group, requests).await
    }

    async fn new_group(&self, request: &MachineRequest, vpc: &str) -> Result<String, Error> {
        let (cluster, cluster_id) = (&request.id.cluster, request.cluster_id.as_str());
        let name = format!("clusterdojo-{cluster}-{cluster_id}");
        let labels = tags::of_cluster(request);
        let made = self
            .ec2()
            .create_security_group()
            .group_name(&name)
            .description(format!("cluster {cluster} of clusterdojo"))
            .vpc_id(vpc)
            .tag_specifications(tags::specification(ResourceType::SecurityGroup, &labels))
            .send()
            .await;
        match made {
            Ok(made) => Ok(made.group_id.unwrap_or_default()),
            // The answer to an earlier attempt may have been lost.
            Err(error) if is(&error, &["InvalidGroup.Duplicate"]) => {
                let group = self.group_in_time(cluster_id).await?;
                group.ok_or(Error::Foreign { subject: format!("a security group `{name}`") })
            }
            Err(error) => Err(failed("make", format!("security group `{name}`"))(error)),
        }
    }

    /// Lets the caller in, and the members talk to each other.
    async fn open(&self, group: &str, requests: &[MachineRequest]) -> Result<(), Error> {
        let callers = self.callers().await?;
        let mut ports: Vec<u16> =
            requests.iter().flat_map(MachineRequest::services).map(Service::port).collect();
        ports.extend(&self.options.open_ports);
        ports.sort_unstable();
        ports.dedup();
        let ranges = |cidr: &Subnet| {
            IpRange::builder().cidr_ip(cidr.to_string()).description("clusterdojo").build()
        };
        let mut rules: Vec<IpPermission> = ports
            .into_iter()
            .map(|port| {
                IpPermission::builder()
                    .ip_protocol("tcp")
                    .from_port(port.into())
                    .to_port(port.into())
                    .set_ip_ranges(Some(callers.iter().map(ranges).collect()))
                    .build()
            })
            .collect();
        let members = UserIdGroupPair::builder().group_id(group).build();
        rules.push(IpPermission::builder().ip_protocol(ALL).user_id_group_pairs(members).build());
        // One by one, because one that is there already refuses all of its call.
        for rule in rules {
            let allow = self.ec2().authorize_security_group_ingress().group_id(group);
            let opened = retry_absent(
                || allow.clone().ip_permissions(rule.clone()).send(),
                |error| error.code() == Some("InvalidGroup.NotFound"),
            );
            match opened.await {
                Ok(_) => {}
                Err(error) if is(&error, &["InvalidPermission.Duplicate"]) => {}
                Err(error) => {
                    return Err(failed("open", format!("security group `{group}`"))(error));
                }
            }
        }
        Ok(())
    }

    /// Whose connections are let in.
    async fn callers(&self) -> Result<Vec<Subnet>, Error> {
        if !self.options.allow_cidr.is_empty() {
            return Ok(self.options.allow_cidr.clone());
        }
        let address = super::caller::address(self.account.endpoint.as_deref()).await?;
        match address {
            IpAddr::V4(address) => Ok(vec![Subnet::containing(address, 32)]),
            IpAddr::V6(address) => Err(Error::Unsupported(format!(
                "this computer reaches AWS from {address}, and only IPv4 is opened by itself: --allow-cidr \
                 names who may connect"
            ))),
        }
    }
}
