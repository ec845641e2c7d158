//! What is, asked of everything that knows a part of it: drivers, engines, managers, API servers.
//!
//! [`once()`] looks once, [`changes()`] goes on. Nothing here changes anything or waits for it to become otherwise, and
//! what cannot be known costs no more than the time that was given.

mod ask;
mod cause;
mod certificates;
mod changes;
mod clock;
mod cluster;
mod containers;
mod facts;
mod findings;
mod in_time;
mod looked_at;
mod machines;
mod once;
mod sight;

pub use ask::Ask;
pub use cause::{Cause, by_place, ill_tasks};
pub use changes::changes;
pub use clock::clock;
pub use cluster::{Nodes, nodes};
pub use facts::{
    ApiFacts, CertificateFacts, EngineFacts, ExtraFacts, Facts, MachineFacts, ManagerFacts,
    NodeFacts, Part, Remark,
};
pub use in_time::{PATIENCE, in_time};
pub use looked_at::{Cluster, look};
pub use once::{once, once_at};
pub use sight::{Lost, Sight, looked};
