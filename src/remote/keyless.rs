//! For whoever has no key to log in with, and need not.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;

use crate::model::{Machine, Service, SshFiles, TlsFiles};
use crate::pace::{stretch, within};

use super::{Dialer, Engine, Error, Remote};

/// Speaks to engines as others do, and sees of a machine itself only whether it answers.
#[derive(Debug, Clone, Copy)]
pub struct Keyless;

#[async_trait]
impl Dialer for Keyless {
    /// Is always refused.
    async fn dial(
        &self,
        machine: &Machine,
        _files: &SshFiles,
        _deadline: Duration,
    ) -> Result<Arc<dyn Remote>, Error> {
        Err(Error::NoHostKey { machine: machine.id.clone() })
    }

    /// Whether it answers at the port of SSH. One that refuses a connection there has answered, too: its sshd may listen
    /// at another one.
    async fn greet(
        &self,
        machine: &Machine,
        _files: &SshFiles,
        deadline: Duration,
    ) -> Result<(), Error> {
        let address = machine.endpoint(Service::Ssh)?;
        let source = match within(deadline, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => return Ok(()),
            Ok(Err(error)) => Some(error.into()),
            Err(_) => None,
        };
        Err(Error::Timeout {
            machine: machine.id.clone(),
            what: format!("SSH at {address}"),
            waited: stretch(deadline),
            source,
        })
    }

    async fn engine(
        &self,
        machine: &Machine,
        files: &TlsFiles,
        deadline: Duration,
    ) -> Result<Engine, Error> {
        Engine::connect(machine, files, deadline).await
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::model::{ClusterName, MachineId};

    fn machine(port: u16) -> Machine {
        let cluster: ClusterName = "practice".parse().unwrap();
        serde_json::from_value(serde_json::json!({
            "id": MachineId { cluster, name: "worker-1".parse().unwrap() },
            "cluster_id": "1", "orchestrator": "swarm", "handle": "1", "state": "running",
            "user": "root", "private_ip": "127.0.0.1",
            "endpoints": { "ssh": format!("127.0.0.1:{port}") }
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn who_refuses_a_connection_is_there_and_nobody_is_let_in() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let machine = machine(listener.local_addr().unwrap().port());
        let files = SshFiles::in_directory(std::path::Path::new("/nowhere"));
        let second = Duration::from_secs(1);
        Keyless.greet(&machine, &files, second).await.unwrap();
        drop(listener);
        Keyless.greet(&machine, &files, second).await.unwrap();
        assert!(Keyless.dial(&machine, &files, second).await.is_err());
    }
}
