//! What a verb does, as data: a list of phases. The verb walks it, and so does `--explain`, with a driver and
//! connections that touch nothing.

use futures_util::future::BoxFuture;

use super::Error;

/// A part of a verb's work on `R`, which is what the verb knows so far.
pub(super) struct Phase<R> {
    /// What it does, as a short imperative: "make the machines".
    pub title: &'static str,
    /// Why that is needed, in a sentence for a learner.
    pub why: &'static str,
    /// Whether there is anything to do.
    pub applies: fn(&R) -> bool,
    /// Does it.
    pub run: for<'r> fn(&'r mut R) -> BoxFuture<'r, Result<(), Error>>,
    /// The commands by which a person does on this computer what [`run`](Self::run) has just done here; what was
    /// done on machines is not among them.
    pub by_hand: fn(&R) -> Option<String>,
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
