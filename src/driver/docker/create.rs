//! Creating machines: everything is checked first, then tried, and tried again with what the engine
//! refused left out.

use std::net::{Ipv4Addr, SocketAddr};

use bollard::body_full;
use bollard::models::{ContainerSummary, SystemInfoCgroupVersionEnum};
use bollard::query_parameters::{CreateContainerOptions, UploadToContainerOptions};

use super::allowances::{Allowances, Devices};
use super::cluster_network::ClusterNetwork;
use super::container::{self, Place};
use super::engine::{CONFLICT, failed, message, status};
use super::machine::HOST_KEY;
use super::network::other_cluster;
use super::options::DRIVER;
use super::ports;
use super::{DockerDriver, archive, labels, subnet};
use crate::driver::Error;
use crate::driver::local_ports::{self, HostPorts};
use crate::driver::lock::lock;
use crate::failpoint;
use crate::model::{Machine, MachineRequest, MachineState, Port, Protocol, Service};

/// How often a machine is tried, with other ports or with fewer rights.
const TRIES: usize = 24;

/// What came of one try to make a machine.
enum Try {
    /// The machine, made now or earlier.
    Done(Machine),
    /// Nothing was left behind; what was in the way is known now. Holds the reason.
    Again(Error),
}

impl DockerDriver {
    /// Refuses, before anything is made, what cannot be made.
    pub(super) async fn admit_requests(&self, requests: &[MachineRequest]) -> Result<(), Error> {
        let containers = self.containers(None).await?;
        for request in requests {
            for container in &containers {
                refuse_other_owner(request, container)?;
            }
        }
        let try_bind = |port: Port| {
            let local = Ipv4Addr::LOCALHOST.into();
            !self.engine.shares_ports() || local_ports::is_free(local, port.host, port.protocol)
        };
        ports::admit(requests, &containers, try_bind)?;
        self.admit_sizes(requests).await?;
        let mut book = lock(&self.ports);
        book.take(containers.iter().flat_map(labels::host_ports));
        book.take(requests.iter().flat_map(|r| &r.ports).map(|port| port.host));
        book.complete = true;
        Ok(())
    }

    /// Refuses machines with more processors than there are; the engine would, one by one.
    async fn admit_sizes(&self, requests: &[MachineRequest]) -> Result<(), Error> {
        let sized = requests.iter().filter_map(|r| Some((r, r.size.cpus?)));
        let Some((request, cpus)) = sized.max_by_key(|(_, cpus)| cpus.milli) else {
            return Ok(());
        };
        let info = self.engine.client.info().await;
        let info = info.map_err(failed("ask", format!("the engine at `{}`", self.engine.place)))?;
        match info.ncpu {
            Some(there) if i64::from(cpus.milli) > there * 1000 => {
                Err(Error::Unsupported(format!(
                    "machine `{}` is to have {cpus} processors, but the engine has {there}",
                    request.id
                )))
            }
            _ => Ok(()),
        }
    }

    /// Finds out which devices machines are to be given.
    pub(super) async fn learn_devices(&self) -> Result<(), Error> {
        let info = self.engine.client.info().await;
        let info = info.map_err(failed("ask", format!("the engine at `{}`", self.engine.place)))?;
        if info.cgroup_version == Some(SystemInfoCgroupVersionEnum::_2) {
            lock(&self.allowances).devices = Devices::Named;
        }
        Ok(())
    }

    /// Makes and starts a machine, or returns the one that exists.
    pub(super) async fn create_machine(&self, request: &MachineRequest) -> Result<Machine, Error> {
        let network = self.network_of(&request.id.cluster).await?;
        let mut reason = None;
        for _ in 0..TRIES {
            match self.try_to_create(request, &network).await? {
                Try::Done(machine) => return Ok(machine),
                Try::Again(error) => reason = Some(error),
            }
        }
        let gave_up = || Error::Unsupported(format!("machine `{}` cannot be made", request.id));
        Err(reason.unwrap_or_else(gave_up))
    }

    async fn try_to_create(
        &self,
        request: &MachineRequest,
        network: &ClusterNetwork,
    ) -> Result<Try, Error> {
        let subject = format!("machine `{}`", request.id);
        let image = self.image();
        let place = Place {
            image: &image,
            network: &network.id,
            address: subnet::address(network.subnet, request.id.name)?,
            ports: self.choose_ports(&request.services()).await?,
            publish: self.engine.publish,
            gateway: subnet::gateway(network.subnet),
        };
        let allowances = lock(&self.allowances).clone();
        let body = container::body(request, &place, &allowances);
        let options =
            CreateContainerOptions { name: Some(request.id.alias()), ..Default::default() };
        let created = self.engine.client.create_container(Some(options), body);
        let id = match created.await {
            Ok(created) => created.id,
            Err(error) if status(&error) == Some(CONFLICT) => {
                let found = self.take_over(request).await?;
                return Ok(
                    found.map_or_else(|| Try::Again(failed("create", subject)(error)), Try::Done)
                );
            }
            Err(error) => {
                let may_help = self.adapt(&allowances, &message(&error));
                return again_if(may_help, failed("create", subject)(error));
            }
        };
        failpoint::reached("machine.create.created");
        let started = match self.give_keys(&id, request).await {
            Ok(()) => self.engine.client.start_container(&id, None).await,
            Err(error) => Err(error),
        };
        let Err(error) = started else {
            let key = request.host_key.public.trim_end().to_owned();
            lock(&self.host_keys).insert(id.clone(), key);
            return Ok(Try::Done(self.describe(id, request, &place)));
        };
        // It never ran, so there is nothing in it to keep. If this fails too, it is unfinished, and
        // the next attempt replaces it; the first error is the one to tell.
        let _ = self.remove_container(&id, &request.id.to_string()).await;
        let text = message(&error);
        if let Some(port) = ports::refused(&text) {
            lock(&self.ports).take([port]);
            let taken = ports::taken(port, "another process on this computer".to_owned());
            let by_request = request.ports.iter().any(|p| p.host == port);
            return again_if(!by_request, taken);
        }
        let may_help = self.adapt(&allowances, &text);
        again_if(may_help, failed("start", subject)(error))
    }

    /// Remembers what the engine refused; whether it is worth asking again. Machines made in
    /// parallel are refused the same thing, and only the first of them has to tell.
    fn adapt(&self, asked: &Allowances, message: &str) -> bool {
        let Some(next) = asked.after(message) else {
            return false;
        };
        let mut allowances = lock(&self.allowances);
        if *allowances == *asked {
            *allowances = next;
        }
        true
    }

    async fn choose_ports(&self, services: &[Service]) -> Result<HostPorts, Error> {
        if !lock(&self.ports).complete {
            let containers = self.containers(None).await?;
            let mut book = lock(&self.ports);
            book.take(containers.iter().flat_map(labels::host_ports));
            book.complete = true;
        }
        let is_free = |port| {
            !self.engine.shares_ports()
                || local_ports::is_free(self.engine.publish, port, Protocol::Tcp)
        };
        lock(&self.ports).choose(services, local_ports::anywhere(), is_free)
    }

    /// Puts the keys where sshd looks for them, while the machine is still off: it is never up
    /// without them, and they pass through no command line.
    async fn give_keys(
        &self,
        id: &str,
        request: &MachineRequest,
    ) -> Result<(), bollard::errors::Error> {
        let line = |text: &str| format!("{}\n", text.trim_end());
        let public_path = format!("{HOST_KEY}.pub");
        let contents = [
            ("root/.ssh/authorized_keys", line(&request.authorized_key)),
            (&public_path, line(&request.host_key.public)),
            (HOST_KEY, line(request.host_key.private.expose())),
        ];
        let files = contents.each_ref().map(|(path, text)| archive::File {
            path,
            mode: 0o600,
            content: text.as_bytes(),
        });
        let options = UploadToContainerOptions { path: "/".to_owned(), ..Default::default() };
        let archive = body_full(archive::pack(&files)?);
        let upload = self.engine.client.upload_to_container(id, Some(options), archive);
        upload.await
    }

    /// Returns the machine that has the name already; `None` if it was of no use and is gone now.
    async fn take_over(&self, request: &MachineRequest) -> Result<Option<Machine>, Error> {
        let containers = self.containers(None).await?;
        for container in &containers {
            refuse_other_owner(request, container)?;
        }
        let mut machines = containers.iter().filter_map(|c| labels::machine(c, self.engine.reach));
        let Some(machine) = machines.find(|machine| machine.id == request.id) else {
            return Ok(None);
        };
        if machine.state == MachineState::Unfinished {
            self.remove_container(&machine.handle, &machine.id.to_string()).await?;
            return Ok(None);
        }
        Ok(Some(machine))
    }

    fn describe(&self, handle: String, request: &MachineRequest, place: &Place<'_>) -> Machine {
        let reach = |port| SocketAddr::new(self.engine.reach, port);
        Machine {
            id: request.id.clone(),
            driver: DRIVER,
            cluster_id: request.cluster_id.clone(),
            home: Some(request.home.clone()),
            orchestrator: request.orchestrator,
            handle,
            state: MachineState::Running,
            user: "root".to_owned(),
            private_ip: place.address.into(),
            endpoints: place.ports.iter().map(|(service, port)| (*service, reach(*port))).collect(),
            expires: None,
            cost: None,
        }
    }
}

fn again_if(may_help: bool, error: Error) -> Result<Try, Error> {
    if may_help { Ok(Try::Again(error)) } else { Err(error) }
}

/// Refuses a container that has the request's name and is not the same machine.
fn refuse_other_owner(request: &MachineRequest, container: &ContainerSummary) -> Result<(), Error> {
    let alias = request.id.alias();
    let same_cluster = labels::cluster(container) == Some(request.id.cluster.as_str());
    if labels::name(container) == alias && !same_cluster {
        return Err(Error::Foreign { subject: format!("a container named `{alias}`") });
    }
    let id = labels::cluster_id(container);
    if same_cluster && id != request.cluster_id {
        return Err(other_cluster(&request.id.cluster, id));
    }
    Ok(())
}
