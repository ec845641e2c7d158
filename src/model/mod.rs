//! The nouns: names, roles, services, machines and access. Pure data, validated when it is made, so
//! that nothing further in has to check it again.

mod access;
mod credentials;
mod driver_name;
mod engine;
mod engine_context;
mod files;
mod finding;
mod fingerprint;
mod image;
mod kubernetes;
mod language;
mod machine;
mod money;
mod name;
mod orchestrator;
mod place;
mod proxies;
mod quantity;
mod secret;
mod service;
mod snapshot_name;
mod subnet;
mod ttl;
mod tunnel;

pub use access::{Access, Tool};
pub use credentials::KubeCredentials;
pub use driver_name::DriverName;
pub use engine::{EngineChannel, EngineOptions};
pub use engine_context::EngineContext;
pub use files::{SshFiles, TlsFiles};
pub use finding::{Finding, Level};
pub use fingerprint::{Fingerprint, Sha256Sum};
pub use image::{LoadedImage, familiar_reference, full_reference, split_tag};
pub use kubernetes::{KubernetesOptions, KubernetesVersion, PodNetwork};
pub use language::Language;
pub use machine::{
    HostKey, Machine, MachineRequest, MachineState, NoService, Port, Protocol, Size,
};
pub use money::{Cost, Dollars};
pub use name::{ClusterName, InvalidName, MachineId, MachineName, Role};
pub use orchestrator::Orchestrator;
pub use place::{Place, Places};
pub use proxies::Proxies;
pub use quantity::{Bytes, Cpus, InvalidQuantity, counted};
pub use secret::Secret;
pub use service::Service;
pub use snapshot_name::SnapshotName;
pub use subnet::Subnet;
pub use ttl::Ttl;
pub use tunnel::Tunnel;
