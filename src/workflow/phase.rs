//! What a verb does, as data: a list of phases. The verb walks it; `--explain` walks it with a driver and connections that
//! touch nothing, and `--dry-run` asks each phase what it would do.

use futures_util::future::BoxFuture;

use crate::model::MachineName;
use crate::plan::Change;

use super::error::Error;

/// A part of a verb's work on `R`, which is what the verb knows so far.
pub(super) struct Phase<R> {
    /// What it does, as a short imperative: "make the machines".
    pub(super) title: &'static str,
    /// Why that is needed, in a sentence for a learner.
    pub(super) why: &'static str,
    applies: fn(&R) -> bool,
    would: fn(&R) -> Vec<(Change, MachineName)>,
    run: for<'r> fn(&'r mut R) -> BoxFuture<'r, Result<(), Error>>,
    by_hand: fn(&R) -> Option<String>,
}

impl<R> Phase<R> {
    /// What always applies, tells nothing beforehand, and has no commands for this computer.
    pub(super) fn new(
        title: &'static str,
        why: &'static str,
        run: for<'r> fn(&'r mut R) -> BoxFuture<'r, Result<(), Error>>,
    ) -> Self {
        Self { title, why, applies: |_| true, would: |_| Vec::new(), run, by_hand: |_| None }
    }

    /// The same, where there is anything to do only if `applies`.
    pub(super) fn when(self, applies: fn(&R) -> bool) -> Self {
        Self { applies, ..self }
    }

    /// The same with what it would do to which machine.
    pub(super) fn would(self, would: fn(&R) -> Vec<(Change, MachineName)>) -> Self {
        Self { would, ..self }
    }

    /// The same with the commands by which a person does on this computer what was done here; what was done on
    /// machines is not among them.
    pub(super) fn by_hand(self, by_hand: fn(&R) -> Option<String>) -> Self {
        Self { by_hand, ..self }
    }

    /// The commands for this computer, once the phase is done.
    pub(super) fn commands(&self, run: &R) -> Option<String> {
        (self.by_hand)(run)
    }
}

/// Goes through the phases that apply, one after the other, and tells of each one when it is done.
pub(super) async fn walk<R>(
    phases: Vec<Phase<R>>,
    run: &mut R,
    mut done: impl FnMut(&Phase<R>, &R),
) -> Result<(), Error> {
    for phase in phases {
        if (phase.applies)(run) {
            (phase.run)(run).await?;
            done(&phase, run);
        }
    }
    Ok(())
}

/// What the phases would do, without doing it.
pub(super) fn preview<R>(phases: &[Phase<R>], run: &R) -> Vec<(Change, MachineName)> {
    phases.iter().flat_map(|phase| (phase.would)(run)).collect()
}
