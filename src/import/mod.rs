//! What other programs know of hosts, read so that hosts of theirs can become machines. Nothing of theirs is changed.

mod docker_machine;
mod error;

pub use docker_machine::{DockerMachines, Found, Instance};
pub use error::Error;
