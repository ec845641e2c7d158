//! `machine.unit`, `machine.journal` and `script`: what systemd and scripts say on machines.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::lesson::look::{Found, Line, Look};
use crate::lesson::reason::Reason;
use crate::lesson::told::Values;

use super::leaf::Leaf;
use super::lookout::{Lookout, On};
use super::looks::{ask, failure, last};
use super::story::{Met, Moment, Unmet, unknown};

/// A unit of systemd is so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "lessons call it so")]
pub struct Unit {
    /// On which machines.
    pub on: On,
    /// Its name.
    pub unit: String,
    /// Whether it is active.
    pub active: bool,
}

/// A unit has written something into its journal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// On which machines.
    pub on: On,
    /// The unit.
    pub unit: String,
    /// An extended regular expression.
    #[serde(rename = "match")]
    pub pattern: String,
    /// How many lines, at least; one, if absent.
    pub count: Option<usize>,
}

/// A script says it: 0 is passed, 10 not yet, 20 lost, and all else that it cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// On which machines.
    pub on: On,
    /// Its text, for bash.
    pub run: String,
}

impl Unit {
    fn lookout(&self) -> Lookout {
        let look = Look::Unit { unit: self.unit.clone() };
        Lookout { on: self.on.clone(), namespace: None, look }
    }
}

impl Leaf for Unit {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let looks = last(moment, &self.lookout())?;
        if let Some(unmet) = failure(&looks, &self.on) {
            return Err(unmet);
        }
        let machines = ask(&looks, &self.on, |machine, found| {
            let unmet = |reason| Unmet::new(reason).saw("machine", machine).saw("unit", &self.unit);
            match found {
                Found::Unit { load, .. } if load == "not-found" && self.active => {
                    Err(unmet(Reason::NoUnit))
                }
                Found::Unit { active, .. } if (active == "active") == self.active => Ok(()),
                Found::Unit { active, sub, .. } => {
                    let reason =
                        if self.active { Reason::UnitInactive } else { Reason::UnitActive };
                    Err(unmet(reason).saw("state", format!("{active} ({sub})")))
                }
                _ => Err(unknown("the machine does not tell")),
            }
        })?;
        Ok(Met::default().saw("machine", machines.join(", ")))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let state = if self.active { "active" } else { "inactive" };
        Values::from([
            ("machine", self.on.to_string()),
            ("unit", self.unit.clone()),
            ("state", state.to_owned()),
        ])
    }

    fn command(&self) -> String {
        format!("dojo ssh {} -- systemctl status {}", self.on.word(), self.unit)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoMachineMeant, Reason::NoUnit, Reason::UnitInactive, Reason::UnitActive]
    }

    fn lookout(&self) -> Option<Lookout> {
        Some(self.lookout())
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.on.fill(with);
        with(&mut self.unit);
    }
}

impl Journal {
    fn lookout(&self) -> Lookout {
        let look = Look::Journal { unit: self.unit.clone(), pattern: self.pattern.clone() };
        Lookout { on: self.on.clone(), namespace: None, look }
    }
}

impl Leaf for Journal {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let lookout = self.lookout();
        let last = last(moment, &lookout);
        // Lines that were told before stay written.
        let mut lines = BTreeSet::<(Timestamp, &str, &str)>::new();
        if let Ok(looks) = &last {
            for sample in moment.samples() {
                for it in sample.looks.iter().filter(|it| it.look == lookout.look) {
                    if let (true, Found::Journal { lines: found }) =
                        (looks.contains_key(&it.machine), &it.found)
                    {
                        let new = found.iter().filter(|line| line.at > moment.after);
                        lines.extend(
                            new.map(|Line { at, text }| (*at, it.machine.as_str(), text.as_str())),
                        );
                    }
                }
            }
        }
        let wanted = self.count.unwrap_or(1).max(1);
        let enough = |machine: &str| lines.iter().filter(|it| it.1 == machine).count() >= wanted;
        let looks = last?;
        let is_met = match self.on {
            On::Each => looks.keys().all(|machine| enough(machine)),
            _ => lines.len() >= wanted,
        };
        if let (true, Some((at, machine, text))) = (is_met, lines.iter().nth(wanted - 1)) {
            return Ok(Met::happened(*at).saw("machine", machine).saw("line", text));
        }
        if let Some(unmet) = failure(&looks, &self.on) {
            return Err(unmet);
        }
        Err(Unmet::new(Reason::NoJournalLine)
            .saw("unit", &self.unit)
            .saw("number", lines.len())
            .saw("machine", looks.into_keys().collect::<Vec<_>>().join(", ")))
    }

    fn is_live(&self) -> bool {
        false
    }

    fn wanted(&self) -> Values {
        Values::from([
            ("machine", self.on.to_string()),
            ("unit", self.unit.clone()),
            ("match", self.pattern.clone()),
            ("count", self.count.unwrap_or(1).to_string()),
        ])
    }

    fn command(&self) -> String {
        format!("dojo ssh {} -- journalctl --unit {} --since -5min", self.on.word(), self.unit)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoMachineMeant, Reason::NoJournalLine]
    }

    fn lookout(&self) -> Option<Lookout> {
        Some(self.lookout())
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.on.fill(with);
        with(&mut self.unit);
        with(&mut self.pattern);
    }
}

impl Script {
    fn lookout(&self) -> Lookout {
        let look = Look::Script { run: self.run.clone() };
        Lookout { on: self.on.clone(), namespace: None, look }
    }
}

impl Leaf for Script {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let looks = last(moment, &self.lookout())?;
        if let Some(unmet) = failure(&looks, &self.on) {
            return Err(unmet);
        }
        let machines = ask(&looks, &self.on, |machine, found| {
            let Found::Script { exit, said } = found else {
                return Err(unknown("the machine does not tell"));
            };
            let unmet = |unmet: Unmet| unmet.saw("machine", machine).saw("said", said);
            match exit {
                0 => Ok(()),
                10 => Err(unmet(Unmet::new(Reason::ScriptNotYet))),
                20 => Err(unmet(Unmet::lost(Reason::ScriptLost))),
                exit => Err(unknown(&format!("the script ended with {exit} ({said})"))),
            }
        })?;
        Ok(Met::default().saw("machine", machines.join(", ")))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        Values::from([("machine", self.on.to_string())])
    }

    fn command(&self) -> String {
        format!("dojo ssh {}", self.on.word())
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoMachineMeant, Reason::ScriptNotYet, Reason::ScriptLost]
    }

    fn lookout(&self) -> Option<Lookout> {
        Some(self.lookout())
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.on.fill(with);
        with(&mut self.run);
    }
}
