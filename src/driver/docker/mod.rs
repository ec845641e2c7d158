//! Machines as containers of a local Docker engine: whole systemd systems, not single processes.
//!
//! Each cluster has a network of its own with fixed addresses, and each machine fixed ports on this
//! computer, so that nothing changes when machines, the engine or the computer restart.

mod address;
mod allowances;
mod archive;
mod bake;
mod baked;
mod by_hand;
mod check;
mod cluster_network;
mod container;
mod contract;
mod create;
mod driver;
mod engine;
mod holders;
mod image;
mod kind;
mod labels;
mod leftovers;
mod locate;
mod machine;
mod machine_image;
mod network;
mod options;
mod place;
mod ports;
mod recovery;
mod removal;
mod routes;
mod subnet;
mod surroundings;
mod transport;
mod variant;
mod workshop;

pub use self::baked::Baked;
pub use self::driver::DockerDriver;
pub use self::image::ImageBuild;
pub use self::kind::Docker;
pub use self::options::DockerOptions;
pub use self::variant::Variant;
