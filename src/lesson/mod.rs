//! Lessons: what they are as files, and what evidence says of their steps. Nothing here touches a cluster, a disk or the
//! user: text and facts come in, lessons and verdicts go out.

mod built_in;
mod condition;
mod evidence;
mod fill;
mod format;
mod judge;
mod labels;
mod lint;
mod look;
mod looking;
mod names;
mod one_or_many;
mod probe;
mod reason;
mod refused;
mod saying;
mod spoken;
mod step;
mod text;
mod thin;
mod time;
mod told;
mod words;

pub use built_in::built_in;
pub use condition::{Condition, Lookout, On};
pub use evidence::{Answer, Evidence, Gap, Mark, Sample};
pub use fill::{GIVEN, Params};
pub use format::{Lesson, MachineScript, Need, Shape};
pub use judge::{Prediction, Verdict, judge};
pub use labels::label;
pub use lint::{Flaw, lint};
pub use look::{Found, Line, Look, Looked};
pub use looking::{PROBE, answers, script};
pub use probe::Probe;
pub use reason::Reason;
pub use refused::Refused;
pub use saying::Saying;
pub use step::{Break, Predict, Step, Wrong};
pub use text::{Ask, Hint, StepText, Text};
pub use thin::thinned;
pub use time::Time;
pub use told::{Outcome, Told, Values};
pub use words::sentence;
