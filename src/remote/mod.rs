//! Reaching machines: scripts over SSH with a pinned host key, and an engine or a Kubernetes API server
//! over mutual TLS.

mod api_server;
pub mod by_hand;
mod commands;
mod connection;
mod containers;
mod engine;
mod error;
mod health;
mod health_log;
mod images;
mod input;
pub mod keys;
mod script;
mod ssh;
mod swarm;

pub use api_server::{
    ApiError, ApiServer, ContainerState, KubernetesView, NodeStatus, Owner, PodContainer, PodPort,
    PodStatus, Watching, Workload,
};
pub use connection::{Dialer, Remote, Stream};
pub use containers::Mortal;
pub use engine::Engine;
pub use error::Error;
pub use health::{ManagerHealth, NodeHealth, Standing};
pub use health_log::{ContainerFact, HealthLog, HealthProbe};
pub use input::Input;
pub use script::Script;
pub(crate) use script::{HIDDEN, quote};
pub use ssh::SshDialer;
pub use swarm::{ImageFact, SwarmNode, SwarmService, SwarmTask, SwarmView};
