//! Drivers make machines. Each one knows a single place where machines come from; none knows what
//! will run on them.
//!
//! The contract, which `tests/e2e` runs against every driver:
//!
//! - every method may be called twice: creating what exists returns it, destroying what is gone is
//!   success;
//! - machines carry their labels from birth, set in the same call that creates them, so that whatever
//!   was begun can be found and removed with nothing remembered;
//! - only what carries our labels is ever changed or removed.

pub mod by_hand;
mod contract;
pub mod docker;
pub mod ec2;
mod error;
pub mod external;
#[cfg(feature = "fake")]
pub mod fake;
pub mod flag;
mod images;
mod kind;
mod labels;
mod local_ports;
mod lock;
pub mod mixed;
pub mod nowhere;
pub mod registry;
pub mod remembered;
pub mod section;
pub mod ssh;
#[cfg(feature = "fake")]
pub mod toy;

pub use self::contract::{Driver, Force, Leftover, Price};
pub use self::docker::{Baked, Variant};
pub use self::error::{Error, Holder, Source};
pub use self::images::{Image, Images};
pub use self::kind::{AsTheyAre, Kind, Memory, Program, Setting};
pub use self::labels::{
    LABEL_CLUSTER, LABEL_CLUSTER_ID, LABEL_HOME, LABEL_MACHINE, LABEL_ORCHESTRATOR, LABEL_ROLE,
};
pub use self::section::Section;
