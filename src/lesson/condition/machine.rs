//! `machine`: a machine is on, or off.

use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Ask;

use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet, known};

/// A machine is on, or off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its name: `worker-1`.
    pub name: String,
    /// Whether it is on.
    pub on: bool,
}

impl Leaf for Machine {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let machines = known(Some(&moment.facts()?.machines))?;
        let found = machines.iter().find(|it| it.name.to_string() == self.name);
        let Some(machine) = found.filter(|it| it.exists != Some(false)) else {
            return Err(Unmet::new(Reason::NoMachine).saw("machine", &self.name));
        };
        if machine.exists.is_none() || machine.state.is_none() {
            let error = machine.error.as_deref().unwrap_or("its driver does not know it");
            return Err(Unmet::unknown(Reason::NotKnown).saw("error", error));
        }
        let state = machine.state.map(|state| state.to_string()).unwrap_or_default();
        if machine.is_on() == self.on {
            return Ok(Met::default().saw("state", state));
        }
        let reason = if self.on { Reason::StillOff } else { Reason::StillOn };
        Err(Unmet::new(reason).saw("machine", &self.name).saw("state", state))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let state = if self.on { "on" } else { "off" };
        Values::from([("machine", self.name.clone()), ("state", state.to_owned())])
    }

    fn command(&self) -> String {
        "dojo status".to_owned()
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoMachine, Reason::StillOn, Reason::StillOff]
    }

    fn asks(&self) -> Ask {
        Ask::default()
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
    }
}
