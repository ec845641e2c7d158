//! What was found on the machines that a condition means.
//!
//! Whoever collects evidence looks at what `lookout` names; a look holds until the next one of the same kind on the same
//! machine.

use std::collections::BTreeMap;

use crate::lesson::look::Found;
use crate::lesson::reason::Reason;

use super::lookout::{Lookout, On};
use super::story::{Moment, Unmet, known, unknown};

/// Looks by the names of the machines.
pub(super) type Looks<'a> = BTreeMap<String, &'a Found>;

/// The last look at each machine that is meant.
pub(super) fn last<'a>(moment: Moment<'a>, lookout: &Lookout) -> Result<Looks<'a>, Unmet> {
    let mark = std::iter::once(moment.story.mark());
    let facts = mark.chain(moment.samples().map(|sample| &sample.facts));
    let machines = lookout.machines(facts);
    let mut found = Looks::new();
    for sample in moment.samples() {
        let looks = sample.looks.iter().filter(|it| it.look == lookout.look);
        let looks = looks.filter(|it| machines.contains(&it.machine));
        found.extend(looks.map(|it| (it.machine.clone(), &it.found)));
    }
    let facts = moment.facts()?;
    if machines.is_empty() {
        match &lookout.on {
            On::Pods(pods) => drop(pods.all(facts, lookout.namespace.as_deref())?),
            _ => drop(known(Some(&facts.machines))?),
        }
        return Err(Unmet::new(Reason::NoMachineMeant).saw("machines", &lookout.on));
    }
    let needs_all = matches!(lookout.on, On::Each | On::Name(_));
    match machines.iter().find(|name| !found.contains_key(*name)) {
        Some(name) if needs_all || found.is_empty() => {
            Err(unknown(&format!("{name} was not looked at")))
        }
        _ => Ok(found),
    }
}

/// What failed, if nothing else was found.
pub(super) fn failure(looks: &Looks<'_>, on: &On) -> Option<Unmet> {
    let failed: Vec<_> = looks
        .iter()
        .filter_map(|(name, found)| match found {
            Found::Failed { error } => Some(format!("{name}: {error}")),
            _ => None,
        })
        .collect();
    let first = failed.first()?;
    (*on == On::Each || failed.len() == looks.len()).then(|| unknown(first))
}

/// Asks each machine that is meant: of `each`, all have to do, else one. The first that does not is told.
pub(super) fn ask<'a>(
    looks: &Looks<'a>,
    on: &On,
    mut fits: impl FnMut(&str, &'a Found) -> Result<(), Unmet>,
) -> Result<Vec<String>, Unmet> {
    let (mut names, mut unmet) = (Vec::new(), None);
    for (name, found) in looks {
        match fits(name, found) {
            Ok(()) => names.push(name.clone()),
            Err(error) => drop(unmet.get_or_insert(error)),
        }
    }
    match unmet {
        Some(unmet) if *on == On::Each || names.is_empty() => Err(unmet),
        _ => Ok(names),
    }
}
