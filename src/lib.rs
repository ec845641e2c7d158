//! **clusterdojo** makes real multi-machine clusters for learning Docker Swarm and Kubernetes, and removes them
//! without a trace. The command is `dojo`.
//!
//! One natural way leads through the crate, and each stage takes the type that the one before made:
//!
//! ```text
//! argv ─► ClusterSpec ─► Plan ─► Vec<Machine> ─► Vec<Node> ─► Access ─► context entries ─► Summary
//!  cli      spec         plan      driver         provision    bootstrap     context           cli
//! ```
//!
//! Sideways, all along, [`event`]s go to one reporter (stderr) and records go to the [`store`]
//! (disk). Only [`cli`] and [`report`] print; only [`workflow`] knows order.
//!
//! `docs/architecture.md` has the floors that the modules stand on, and a test enforces them.

pub mod alarm;
pub mod bootstrap;
pub mod bundle;
pub mod by_hand;
pub mod cli;
pub mod context;
pub mod driver;
pub mod durable;
pub mod event;
pub mod failpoint;
#[cfg(feature = "fake")]
pub mod fake;
pub mod fault;
pub mod import;
pub mod kind;
pub mod lab_image;
pub mod learn;
pub mod lesson;
pub mod marked;
pub mod model;
pub mod observe;
pub mod pace;
pub mod pki;
mod plan;
pub mod provision;
pub mod remote;
pub mod report;
pub mod retry;
pub mod snapshot;
pub mod spec;
pub mod store;
mod tls;
pub mod view;
pub mod watch;
pub mod webhook;
pub mod workflow;
mod yaml;
