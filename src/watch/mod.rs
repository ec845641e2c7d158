//! A cluster is watched: what happens to it that nobody has asked for, while it happens.
//!
//! [`watch`] looks on as long as there is a cluster, and a [`Grouping`] makes messages of what it tells.

mod asked;
mod grouping;
mod looking;

pub use grouping::Grouping;
pub use looking::{Look, watch};
