//! Snapshots: what a whole cluster knows, kept on its own machines so that it can be put back later.
//!
//! Each machine keeps its part in a directory of its own, which goes with the machine; this computer keeps nothing of it.
//! What belongs to it says the [kind](crate::kind) of the cluster. When what is done stands elsewhere, in `workflow`; here
//! is what snapshots are, which of them fit to a cluster, and the scripts.

mod about;
mod error;
mod fitting;
mod found;
mod lack;
mod scripts;

pub use about::About;
pub use error::{Error, list};
pub use fitting::{Ground, admit};
pub use found::{Part, Seen, Snapshot, gathered, seen};
pub use lack::Lack;
pub use scripts::Scripts;
