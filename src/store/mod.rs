//! What this computer remembers of each cluster: one locked directory, one versioned record.
//!
//! The record is memory; the labels and tags that machines carry from birth are the truth. Losing the
//! record costs the keys, never the ability to remove what was made. `docs/state.md` tells every file.

mod entry;
mod error;
mod holder;
mod home;
mod record;

pub use entry::Entry;
pub use error::Error;
pub use holder::{Holder, Holders};
pub use home::{Home, Listed, Selection};
pub use record::{ContextFiles, InstalledWatch, Intent, Phase, Record, SCHEMA};
