//! What others need to reach a cluster: an address, and the credentials of its administrator.

use std::net::SocketAddr;

use crate::context::{DockerContext, KubeContext};
use crate::kind::{self, engines, kubernetes};
use crate::model::{Access, Machine, NoService, Service};
use crate::store::Record;

use super::contexts;
use super::error::Error;
use super::mend::{address as context_address, leaders, leads_to};
use super::services::Services;

/// From where a cluster is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// From this computer.
    Here,
    /// From other computers.
    Elsewhere,
}

/// A kubectl context that leads to a cluster of Kubernetes.
///
/// # Errors
/// [`Error::NoAddress`] if it cannot be reached from there; [`Error::Credentials`] if the cluster's own kubeconfig
/// cannot be read.
pub fn shared_kubeconfig(
    services: &Services,
    record: &Record,
    reader: Reader,
) -> Result<KubeContext, Error> {
    let name = &record.spec.name;
    let own = services.home.directory(name).join("kubeconfig");
    let credentials = kubernetes::credentials(&own)?;
    let machine = reached_by(services, record, reader)?;
    // The server's certificate is looked at under a name that is in it whatever the address.
    let endpoint = address(machine, Service::Api, reader)?;
    Ok(contexts::kube_context(record, endpoint, &credentials))
}

/// A docker context that leads to the engine of a machine, or where none is named to that of the cluster.
///
/// # Errors
/// [`Error::NoAddress`] if it cannot be reached from there; [`Error::NotNamed`] if it could, but its certificate does
/// not prove there that it is the right one.
pub fn shared_context(
    services: &Services,
    record: &Record,
    machine: Option<&Machine>,
    reader: Reader,
) -> Result<DockerContext, Error> {
    let name = &record.spec.name;
    let directory = services.home.directory(name);
    let (machine, context) = match machine {
        Some(machine) => (machine, machine.id.context()),
        None => (reached_by(services, record, reader)?, name.context()),
    };
    let endpoint = address(machine, Service::Engine, reader)?;
    if reader == Reader::Elsewhere && !engines::serves(&directory.join("pki"), machine) {
        return Err(Error::NotNamed { machine: machine.id.clone(), address: endpoint.ip() });
    }
    let access = kind::of(record.spec.orchestrator).access(machine, &directory)?;
    let Access::Engine { tls, .. } = access else {
        let (machine, service) = (machine.id.clone(), Service::Engine);
        return Err(NoService { machine, service }.into());
    };
    Ok(contexts::of_machine(record, context, machine, endpoint, tls))
}

/// The machine by which a cluster as a whole is reached: where its context leads if that will do, else the first one
/// that will.
fn reached_by<'r>(
    services: &Services,
    record: &'r Record,
    reader: Reader,
) -> Result<&'r Machine, Error> {
    let service = kind::of(record.spec.orchestrator).service();
    let mut able = leaders(record);
    if able.is_empty() {
        able.extend(record.machines.iter().min_by_key(|machine| machine.id.name));
    }
    let now = leads_to(services, record)?;
    able.sort_by_key(|machine| context_address(machine) != now);
    let fitting = able.iter().find(|machine| address(machine, service, reader).is_ok());
    let none = || Error::NotWhole(record.spec.name.clone());
    fitting.or(able.first()).copied().ok_or_else(none)
}

/// Where a service of a machine is reached from there.
fn address(machine: &Machine, service: Service, reader: Reader) -> Result<SocketAddr, Error> {
    let address = machine.endpoint(service)?;
    let is_own = address.ip().is_loopback() || address.ip().is_unspecified();
    if is_own && reader == Reader::Elsewhere {
        return Err(Error::NoAddress { machine: machine.id.clone(), address });
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_this_computer_reaches_is_no_address_for_others() {
        for (own, text) in [
            (true, "127.0.0.1:20001"),
            (true, "[::1]:20001"),
            (true, "0.0.0.0:1"),
            (false, "192.0.2.7:2376"),
        ] {
            let mut machine = machine();
            machine.endpoints.insert(Service::Engine, text.parse().unwrap());
            let others = address(&machine, Service::Engine, Reader::Elsewhere);
            assert_eq!(matches!(others, Err(Error::NoAddress { .. })), own, "{text}");
            assert!(address(&machine, Service::Engine, Reader::Here).is_ok(), "{text}");
        }
    }

    fn machine() -> Machine {
        serde_json::from_value(serde_json::json!({
            "id": { "cluster": "lab", "name": "machine-1" },
            "driver": "docker",
            "cluster_id": "1",
            "orchestrator": "engines",
            "handle": "1",
            "state": "running",
            "user": "root",
            "private_ip": "10.0.0.2",
            "endpoints": {}
        }))
        .unwrap()
    }
}
