//! Ports that users have published, or want to be.

use bollard::models::ContainerSummary;

use super::labels;
use crate::driver::Error;
use crate::model::{MachineRequest, Port};

/// Checks the ports that users asked for: against each other, against the ports of other containers
/// and, where `try_bind` can tell, against everything else on this computer.
pub(super) fn admit(
    requests: &[MachineRequest],
    containers: &[ContainerSummary],
    try_bind: impl Fn(Port) -> bool,
) -> Result<(), Error> {
    let mut wanted: Vec<(Port, &MachineRequest)> = Vec::new();
    for request in requests {
        for port in &request.ports {
            let clash = |other: &Port| (other.host, other.protocol) == (port.host, port.protocol);
            if let Some((_, other)) = wanted.iter().find(|(p, _)| clash(p)) {
                return Err(taken(port.host, format!("machine `{}`", other.id)));
            }
            wanted.push((*port, request));
        }
    }
    for (port, request) in wanted {
        let owner = containers.iter().find(|c| labels::host_ports(c).any(|p| p == port.host));
        match owner.map(labels::name) {
            Some(name) if name == request.id.alias() => {}
            Some(name) => return Err(taken(port.host, format!("container `{name}`"))),
            None if !try_bind(port) => {
                let owner = "another process on this computer".to_owned();
                return Err(taken(port.host, owner));
            }
            None => {}
        }
    }
    Ok(())
}

/// The error for a port in use.
pub(super) fn taken(port: u16, owner: String) -> Error {
    Error::Taken { resource: format!("port {port}"), owner }
}

/// The port that the engine could not publish, if that is what its message says.
pub(super) fn refused(message: &str) -> Option<u16> {
    let about_ports = ["port is already allocated", "address already in use"];
    if !about_ports.iter().any(|words| message.contains(words)) {
        return None;
    }
    // "Bind for 127.0.0.1:8080 failed: …", "listen tcp4 127.0.0.1:8080: bind: …", "0.0.0.0:8080/tcp".
    let numbers = message.split(':').skip(1).filter_map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit());
        part[..end.unwrap_or(part.len())].parse().ok()
    });
    Some(numbers.into_iter().next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_port_from_the_engine_s_refusals() {
        for message in [
            "driver failed programming external connectivity on endpoint a (f0): Bind for \
             127.0.0.1:21001 failed: port is already allocated",
            "driver failed programming external connectivity on endpoint a (f0): Error starting \
             userland proxy: listen tcp4 127.0.0.1:21001: bind: address already in use",
            "failed to set up container networking: driver failed programming external \
             connectivity on endpoint a: failed to bind host port for 127.0.0.1:21001:1.2.3.4:22/tcp: \
             address already in use",
        ] {
            assert_eq!(refused(message), Some(21_001), "{message}");
        }
        assert_eq!(refused("no such image: a:1234"), None);
    }
}
