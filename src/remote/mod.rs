//! Reaching machines: scripts over SSH with a pinned host key, and an engine or a Kubernetes API server
//! over mutual TLS.

mod api_server;
pub mod by_hand;
mod commands;
mod connection;
mod containers;
mod engine;
mod error;
mod extras;
mod health;
mod health_log;
mod images;
mod input;
mod keyless;
pub mod keys;
mod said;
mod script;
mod ssh;
mod stacks;
mod swarm;

pub use api_server::{
    ApiError, ApiServer, BudgetStatus, ContainerDetails, ContainerState, CronJobStatus, EventFact,
    JobStatus, KeysFact, KubernetesExtras, KubernetesView, Labels, NodeDetails, NodeState,
    NodeStatus, NodeTaint, Owner, PodContainer, PodDetails, PodPort, PodProbe, PodStatus,
    ReplicaSetStatus, Watching, Workload, WorkloadDetails,
};
pub use connection::{Dialer, Hear, Printed, Remote, Stream};
pub use containers::Mortal;
pub use engine::Engine;
pub use error::Error;
pub use extras::{Extra, Extras};
pub use health::{ManagerHealth, NodeHealth, Standing};
pub use health_log::{ContainerFact, HealthCheck, HealthLog, HealthProbe};
pub use input::Input;
pub use keyless::Keyless;
pub use script::Script;
pub(crate) use script::{HIDDEN, quote};
pub use ssh::SshDialer;
pub use stacks::{ServiceDetails, SwarmObject};
pub use swarm::{ImageFact, SwarmNode, SwarmService, SwarmTask, SwarmView};
