//! Whether engines tell of their containers.

use crate::model::MachineName;
use crate::observe::Facts;

use super::story::{Unmet, known};

/// Refuses to say that there is none while a machine on which it may be does not tell.
pub(super) fn all_tell(
    facts: &Facts,
    may_be_on: impl Fn(MachineName) -> bool,
) -> Result<(), Unmet> {
    let machines = known(Some(&facts.machines))?.iter();
    for machine in machines.filter(|machine| machine.is_on() && may_be_on(machine.name)) {
        known(machine.containers.as_ref())?;
    }
    Ok(())
}
