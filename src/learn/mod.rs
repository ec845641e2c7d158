//! Learning: a lesson is begun on a cluster, the cluster is looked at, what was seen is kept and judged, and the cluster is put
//! back as it was. What lessons are, and how they are judged, is in [`lesson`](crate::lesson).

mod attempt;
mod breaking;
mod desk;
mod error;
mod evidence;
mod following;
mod handout;
mod happenings;
mod inventory;
mod login;
mod look;
mod lookouts;
mod machine_scripts;
mod namespace;
mod probing;
mod progress;
mod prove;
mod put_back;
mod session;
mod shape;
mod shelf;
mod solution;

pub use attempt::Attempt;
pub use desk::Desk;
pub use error::Error;
pub use evidence::{EvidenceFile, Reading, Watcher};
pub use following::{Following, Seen, follow};
pub use handout::{Handout, make_room};
pub use happenings::{Happening, happenings};
pub use look::Eyes;
pub use probing::{Counted, Counter};
pub use progress::{Deed, Done, Entry, Passed, Progress, Steps};
pub use prove::{Case, Prover};
pub use put_back::clear;
pub use session::{Beginning, Session};
pub use shape::{check, usual_name, wanted};
pub use shelf::{find, read};
pub use solution::{Shell, run, run_quietly};
