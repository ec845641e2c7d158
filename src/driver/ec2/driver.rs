//! Machines that are instances.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, Instance, Tag};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::event::Progress;
use crate::model::{
    ClusterName, Dollars, DriverName, Finding, Machine, MachineRequest, Place, Size,
};

use crate::driver::{Driver, Error, Force, Leftover, Price};
use crate::durable;

use super::client::{self, Account, failed};
use super::common::Launch;
use super::consistency::POLL;
use super::options::DRIVER;
use super::termination_reason::termination_reason;
use super::{Ec2Options, tags, user_data};

/// Makes machines of instances.
pub struct Ec2Driver {
    pub(super) account: Account,
    pub(super) options: Ec2Options,
    /// What all machines of a cluster have in common, by the cluster's id; found out once.
    launches: Mutex<BTreeMap<String, Arc<Launch>>>,
    /// All instances of a cluster as of a moment ago, for all who wait for one of them.
    last: Mutex<Option<(Instant, Vec<Instance>)>>,
    /// What an hour of an instance type costs, once that was asked.
    pub(super) prices: Mutex<BTreeMap<String, Result<Dollars, String>>>,
}

impl Ec2Driver {
    /// Finds credentials and asks whose they are. The same credentials that the AWS command line uses:
    /// environment, shared configuration, single sign-on, instance profile.
    ///
    /// # Errors
    /// [`Error::Unsupported`] without a region, or with another account than the options name;
    /// [`Error::Unreachable`] without valid credentials.
    pub async fn connect(options: Ec2Options) -> Result<Self, Error> {
        let account = client::connect(&options).await?;
        let (launches, last, prices) = Default::default();
        Ok(Self { account, options, launches, last, prices })
    }

    pub(super) fn ec2(&self) -> &Client {
        &self.account.ec2
    }

    pub(super) async fn instances(&self, filters: Vec<Filter>) -> Result<Vec<Instance>, Error> {
        let pages = self.ec2().describe_instances().set_filters(Some(filters)).into_paginator();
        let pages = pages.send().try_collect().await.map_err(failed("list", "instances"))?;
        let reservations = pages.into_iter().flat_map(|page| page.reservations.unwrap_or_default());
        Ok(reservations.flat_map(|r| r.instances.unwrap_or_default()).collect())
    }

    /// An instance as it was at most a moment ago; one call serves all who wait.
    pub(super) async fn seen(
        &self,
        cluster: &ClusterName,
        id: &str,
    ) -> Result<Option<Instance>, Error> {
        let mut last = self.last.lock().await;
        if last.as_ref().is_none_or(|(when, _)| when.elapsed() > POLL / 2) {
            let all = self.instances(tags::cluster_filters(Some(cluster), None)).await?;
            *last = Some((Instant::now(), all));
        }
        let all = last.as_ref().map(|(_, all)| all.as_slice()).unwrap_or_default();
        Ok(all.iter().find(|instance| instance.instance_id() == Some(id)).cloned())
    }

    /// Forgets what was seen, because something was done to an instance since.
    pub(super) async fn look_anew(&self) {
        *self.last.lock().await = None;
    }

    async fn tag(&self, machine: &Machine, key: &str, value: String) -> Result<(), Error> {
        let tag = Tag::builder().key(key).value(value).build();
        let tagged = self.ec2().create_tags().resources(&machine.handle).tags(tag).send().await;
        self.look_anew().await;
        tagged.map(drop).map_err(failed("tag", format!("machine `{}`", machine.id)))
    }

    /// The host key that the machine made itself, if it did.
    async fn own_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        let seen = self.seen(&machine.id.cluster, &machine.handle).await?;
        Ok(seen.as_ref().and_then(tags::host_key))
    }

    fn refuse(requests: &[MachineRequest]) -> Result<(), Error> {
        for request in requests {
            if request.size != Size::default() {
                return Err(Error::Unsupported(format!(
                    "the size of machine `{}` is that of its instance type: --instance-type",
                    request.id.name
                )));
            }
            if !request.ports.is_empty() {
                return Err(Error::Unsupported(format!(
                    "machine `{}` has an address of its own, so no port of this computer leads to it: \
                     --open-port",
                    request.id.name
                )));
            }
        }
        Ok(())
    }

    async fn common(&self, request: &MachineRequest) -> Result<Arc<Launch>, Error> {
        let mut launches = self.launches.lock().await;
        if let Some(launch) = launches.get(&request.cluster_id) {
            return Ok(Arc::clone(launch));
        }
        let architecture = self.architecture_of_types().await?;
        let image = self.image(architecture).await?;
        let (_, mut places) = self.places().await?;
        if request.orchestrator.routes() {
            // Pods are routed from machine to machine, which only machines of one subnet can.
            places.truncate(1);
        }
        let group =
            self.group_in_time(&request.cluster_id).await?.ok_or_else(|| Error::Failed {
                operation: "find",
                subject: "the security group".to_owned(),
                source: "it is gone".into(),
            })?;
        let launch = Arc::new(Launch { image, places, group, further: self.further()? });
        launches.insert(request.cluster_id.clone(), Arc::clone(&launch));
        Ok(launch)
    }

    /// The user data of the user's.
    fn further(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.options.user_data else { return Ok(None) };
        durable::read_to_string(path, durable::KEY).map(Some).map_err(|source| Error::Failed {
            operation: "read",
            subject: format!("user data `{}`", path.display()),
            source: source.into(),
        })
    }

    /// Refuses user data that is too long, whose length is the same for all but a few bytes of a name.
    fn measure(&self, request: &MachineRequest) -> Result<(), Error> {
        let Some(further) = self.further()? else { return Ok(()) };
        let expires = self.options.ttl.duration().map(|ttl| Timestamp::now() + ttl);
        let length = user_data::user_data(request, expires, Some(&further)).expose().len();
        if length <= user_data::MOST {
            return Ok(());
        }
        Err(Error::Unsupported(format!(
            "EC2 takes {} bytes of user data, and with yours it is {length}",
            user_data::MOST
        )))
    }
}

#[async_trait]
impl Driver for Ec2Driver {
    fn name(&self) -> DriverName {
        DRIVER
    }

    async fn place(&self) -> Result<Place, Error> {
        let Account { id, region, endpoint, .. } = &self.account;
        Ok(Ec2Options::place_of(id, region, endpoint.as_deref()))
    }

    async fn architecture(&self) -> Result<Option<String>, Error> {
        Ok(Some(self.architecture_of_types().await?.to_owned()))
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        let Account { id, region, .. } = &self.account;
        let (vpc, places) = self.places().await?;
        let zones: Vec<_> = places.into_iter().map(|place| place.zone).collect();
        Ok(vec![
            Finding::ok("AWS", format!("account {id}, region {region}")),
            Finding::ok("network", format!("{vpc}, zones {}", zones.join(", "))),
        ])
    }

    async fn price(&self, _driver: &DriverName) -> Option<Price> {
        let kind = self.options.instance_types.first()?;
        let of = format!("{kind} in {}", self.account.region);
        Some(Price { of, hourly: self.hourly(kind).await })
    }

    async fn admit(
        &self,
        _cluster: &ClusterName,
        requests: &[MachineRequest],
    ) -> Result<(), Error> {
        Self::refuse(requests)?;
        for request in requests {
            self.measure(request)?;
        }
        let architecture = self.architecture_of_types().await?;
        self.image(architecture).await.map(drop)
    }

    async fn prepare(
        &self,
        cluster: &ClusterName,
        requests: &[MachineRequest],
        progress: &Progress,
    ) -> Result<(), Error> {
        let Some(first) = requests.first() else { return Ok(()) };
        self.admit(cluster, requests).await?;
        // The group of an earlier time may be gone.
        self.launches.lock().await.remove(&first.cluster_id);
        let (vpc, _) = self.places().await?;
        let make = Box::pin(self.make_group(requests, &vpc));
        progress.step("make the security group", make).await?;
        self.common(first).await.map(drop)
    }

    async fn create(&self, request: &MachineRequest) -> Result<Machine, Error> {
        let common = self.common(request).await?;
        self.launch(&common, request).await
    }

    async fn list(&self, cluster: Option<&ClusterName>) -> Result<Vec<Machine>, Error> {
        let mut filters = tags::cluster_filters(cluster, None);
        filters.push(tags::alive());
        let instances = self.instances(filters).await?;
        let mut machines: Vec<_> = instances.iter().filter_map(tags::machine).collect();
        machines.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(machines)
    }

    async fn leftovers(&self) -> Result<Vec<Leftover>, Error> {
        self.all_leftovers().await
    }

    async fn start(&self, machine: &Machine) -> Result<(), Error> {
        self.switch_on(machine).await
    }

    async fn located(&self, machine: Machine) -> Result<Machine, Error> {
        let seen = self.seen(&machine.id.cluster, &machine.handle).await?;
        Ok(seen.as_ref().and_then(tags::machine).unwrap_or(machine))
    }

    async fn stop(&self, machine: &Machine) -> Result<(), Error> {
        self.switch_off(machine, false).await
    }

    fn admit_force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        match force {
            Force::Kill => Ok(()),
            Force::Pause | Force::Unpause => Err(Error::Unsupported(format!(
                "machine `{}` is an EC2 instance, which cannot be paused",
                machine.id
            ))),
        }
    }

    async fn force(&self, machine: &Machine, force: Force) -> Result<(), Error> {
        self.admit_force(machine, force)?;
        self.switch_off(machine, true).await
    }

    async fn extend(&self, machine: &Machine, end: Timestamp) -> Result<(), Error> {
        self.tag(machine, tags::EXPIRES, format!("{end:.0}")).await
    }

    async fn termination_reason(&self, machine: &Machine) -> Result<Option<String>, Error> {
        let seen = self.seen(&machine.id.cluster, &machine.handle).await?;
        Ok(seen.as_ref().and_then(termination_reason))
    }

    async fn destroy(&self, machine: &Machine) -> Result<(), Error> {
        self.terminate(&machine.handle).await
    }

    async fn cleanup(&self, cluster: &ClusterName, cluster_id: Option<&str>) -> Result<(), Error> {
        self.remove_all(cluster, cluster_id).await
    }

    async fn host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        match self.own_key(machine).await? {
            Some(own) => Ok(Some(own)),
            None => self.host_key_of(&machine.handle).await,
        }
    }

    async fn known_host_key(&self, machine: &Machine) -> Result<Option<String>, Error> {
        match self.own_key(machine).await? {
            Some(_) => Ok(None),
            None => self.host_key_of(&machine.handle).await,
        }
    }

    async fn note_host_key(&self, machine: &Machine, public: &str) -> Result<(), Error> {
        self.tag(machine, tags::HOST_KEY, public.to_owned()).await
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::model::{HostKey, MachineId, MachineRequest, Orchestrator, Secret, Size};

    /// A machine of a swarm, with keys of its own.
    pub(in crate::driver::ec2) fn request(name: &str) -> MachineRequest {
        let number = rand::random::<u32>();
        MachineRequest {
            id: MachineId { cluster: "practice".parse().unwrap(), name: name.parse().unwrap() },
            driver: super::DRIVER,
            cluster_id: "0123456789abcdef".to_owned(),
            home: "fedcba9876543210".to_owned(),
            orchestrator: Orchestrator::Swarm,
            size: Size::default(),
            ports: Vec::new(),
            authorized_key: "ssh-ed25519 AAAAuser".to_owned(),
            host_key: HostKey {
                public: format!("ssh-ed25519 AAAA{number}"),
                private: Secret::new(format!("-----BEGIN {number}-----\n")),
            },
        }
    }
}
