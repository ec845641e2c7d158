//! A step of a lesson.

use crate::fault::Fault;
use crate::model::MachineName;

use super::condition::Condition;
use super::probe::Probe;
use super::reason::Reason;
use super::time::Time;

/// What is to be done, and how it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The lesson that it is of.
    pub lesson: String,
    /// Its name.
    pub id: String,
    /// What is asked before it is done.
    pub predict: Option<Predict>,
    /// What is asked again and again while it is done.
    pub probe: Option<Probe>,
    /// What is broken when it begins.
    pub breaks: Vec<Break>,
    /// What is to become so.
    pub check: Condition,
    /// How long that may take once the learner is done.
    pub patience: Time,
    /// Commands that do it.
    pub solve: Vec<String>,
    /// Other ways to do it.
    pub also: Vec<Vec<String>>,
    /// Ways that are wrong.
    pub wrong: Vec<Wrong>,
    /// Where it begins in `lesson.md`.
    pub line: u64,
}

/// A question before a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predict {
    /// What is asked: the key of the question.
    pub ask: String,
    /// The keys of what may be answered.
    pub options: Vec<String>,
    /// Those that are true.
    pub truth: Vec<String>,
}

impl Predict {
    /// Whether these options are those that are true, in whatever order.
    pub fn is_right(&self, said: &[String]) -> bool {
        said.len() == self.truth.len() && self.truth.iter().all(|it| said.contains(it))
    }
}

/// A fault on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// What is done to the machine.
    pub fault: Fault,
    /// The machine.
    pub on: MachineName,
}

/// A way that is wrong, and why it is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The commands.
    pub commands: Vec<String>,
    /// What the verdict must say of it.
    pub reason: Reason,
    /// Where it stands in `lesson.md`.
    pub line: u64,
}

impl Step {
    /// All its commands.
    pub fn commands(&self) -> impl Iterator<Item = &String> {
        let wrong = self.wrong.iter().flat_map(|wrong| &wrong.commands);
        self.solve.iter().chain(self.also.iter().flatten()).chain(wrong)
    }

    pub(super) fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.check.fill(with);
        if let Some(probe) = &mut self.probe {
            probe.fill(with);
        }
        let wrong = self.wrong.iter_mut().flat_map(|wrong| &mut wrong.commands);
        let also = self.also.iter_mut().flatten();
        self.solve.iter_mut().chain(also).chain(wrong).for_each(with);
    }
}
