//! What happens to a cluster that nobody has asked for: tasks that are replaced because they died, machines that go down, an
//! update that is taken back. Pure: it is told how the cluster is, again and again, and says what has happened.
//!
//! A [`Guard`] makes [`Happening`]s of facts, and a [`Digest`] chooses which of them are worth a message.

mod cluster;
mod containers;
mod digest;
mod guard;
mod happening;
mod look;
mod machines;
mod pods;
mod tasks;

pub use digest::Digest;
pub use guard::Guard;
pub use happening::{Happening, What};
