//! What each single condition is.

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Ask;

use super::lookout::Lookout;
use super::story::{Met, Moment, Unmet};

/// A condition without others in it.
pub(in crate::lesson) trait Leaf {
    /// Whether it is met at a moment. What is so is looked for in the last sample alone; what happens, in all of them.
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet>;

    /// Whether it may be missed where nobody looks: it is so, but does not leave a trace when it is over.
    fn is_live(&self) -> bool;

    /// What it wants.
    fn wanted(&self) -> Values;

    /// The command that shows it.
    fn command(&self) -> String;

    /// Why it may be not met.
    fn reasons(&self) -> &'static [Reason];

    /// What has to be asked so that it can be told.
    fn asks(&self) -> Ask {
        match self.lookout() {
            Some(lookout) => lookout.asks(),
            None => Ask { workloads: true, ..Ask::default() },
        }
    }

    /// What has to be looked at on machines so that it can be told.
    fn lookout(&self) -> Option<Lookout> {
        None
    }

    /// From which machine the step's probe asks.
    fn probe_from(&mut self, _machine: &str) {}

    /// Gives all its texts away to be filled in.
    fn fill(&mut self, with: &mut dyn FnMut(&mut String));

    /// Where it looks if it does not say.
    fn settle(&mut self, _namespace: &str) {}

    /// The image that it names.
    fn image(&self) -> Option<&str> {
        None
    }
}
