//! The containers of engines, as each engine tells of its own.

use crate::model::MachineName;
use crate::observe::{Facts, Part};
use crate::remote::ContainerFact;

use super::story::{Unmet, known};

/// All that are told of, with their machines.
pub(super) fn containers(facts: &Facts) -> impl Iterator<Item = (MachineName, &ContainerFact)> {
    facts.machines.iter().flat_map(|machine| {
        let its = machine.containers.iter().flat_map(Part::iter);
        its.map(|container| (machine.name, container))
    })
}

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
