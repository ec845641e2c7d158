//! Machines that are hosts of the user: there already, lent to a cluster, and given back as they were.
//!
//! Nothing is made here. To create a machine is to claim a host: what it is like is written down on it,
//! a mark says whose it is, and the cluster's key is let in. To destroy it is to undo all of that.

mod assignment;
mod by_hand;
mod claim;
mod driver;
mod facts;
mod kind;
mod lease;
mod openssh;
mod options;
mod said;
mod tunnel;

pub(super) use self::by_hand::by_hand;
pub use self::driver::{Memory, SshDriver};
pub use self::kind::Ssh;
pub use self::options::{SshHost, SshOptions};
