//! `machine.file`: a file on a machine, its lines and their order.

use serde::Deserialize;

use crate::lesson::look::{Found, Look};
use crate::lesson::reason::Reason;
use crate::lesson::told::Values;

use super::count::Count;
use super::leaf::Leaf;
use super::lookout::{Lookout, On};
use super::looks::{ask, failure, last};
use super::story::{Met, Moment, Unmet};

/// A file on a machine is so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// On which machines; of several, their lines are counted together.
    pub on: On,
    /// Where pods are looked for; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// Where it is.
    pub path: String,
    /// Whether it is there.
    #[serde(default = "yes")]
    pub exists: bool,
    /// How many lines it has; of those that fit, if `match` is given.
    pub lines: Option<Count>,
    /// A text that a line has.
    #[serde(rename = "match")]
    pub text: Option<String>,
    /// Texts that lines of one file have, one after the other.
    #[serde(default)]
    pub sequence: Vec<String>,
    /// Whether only lines count that have come since the step began.
    #[serde(default)]
    pub new: bool,
}

fn yes() -> bool {
    true
}

fn text_of(found: &Found) -> (u64, &str) {
    match found {
        Found::File { lines, text } => (*lines, text),
        _ => (0, ""),
    }
}

impl File {
    fn lookout(&self) -> Lookout {
        let look = Look::File { path: self.path.clone() };
        Lookout { on: self.on.clone(), namespace: self.namespace.clone(), look }
    }

    /// The lines of a file that count, as far as they are known, and how many there are.
    fn lines<'a>(&self, found: &'a Found, before: Option<&Found>) -> (Vec<&'a str>, usize) {
        let (number, text) = text_of(found);
        let old = before.map_or(0, |before| text_of(before).0);
        // A file that has become shorter has begun anew.
        let new = if self.new && old <= number { number - old } else { number };
        let new = usize::try_from(new).unwrap_or(usize::MAX);
        let all: Vec<_> = text.lines().collect();
        let known = all[all.len().saturating_sub(new)..].to_vec();
        match &self.text {
            Some(text) => {
                let fit: Vec<_> = known.into_iter().filter(|it| it.contains(text)).collect();
                let number = fit.len();
                (fit, number)
            }
            None => (known, new),
        }
    }

    fn has_sequence(&self, lines: &[&str]) -> bool {
        let mut wanted = self.sequence.iter().peekable();
        for line in lines {
            if wanted.peek().is_some_and(|text| line.contains(text.as_str())) {
                wanted.next();
            }
        }
        wanted.peek().is_none()
    }
}

impl Leaf for File {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let lookout = self.lookout();
        let looks = last(moment, &lookout)?;
        if let Some(unmet) = failure(&looks, &self.on) {
            return Err(unmet);
        }
        let unmet = |reason, machine: &str| {
            Unmet::new(reason).saw("machine", machine).saw("path", &self.path)
        };
        let machines = ask(&looks, &self.on, |machine, found| match (found, self.exists) {
            (Found::Missing, true) => Err(unmet(Reason::NoFile, machine)),
            (Found::File { .. }, false) => Err(unmet(Reason::FileStillThere, machine)),
            _ => Ok(()),
        })?;
        let mark = &moment.story.looks_at_mark();
        let before = |machine: &str| {
            let mut looks = mark.iter().filter(|it| it.look == lookout.look);
            looks.find(|it| it.machine == machine).map(|it| &it.found)
        };
        let lines_of = |machine: &String| self.lines(looks[machine], before(machine));
        let number: usize = machines.iter().map(|machine| lines_of(machine).1).sum();
        let where_ = machines.join(", ");
        let wanted = self.lines.or(self.text.as_ref().map(|_| Count::AtLeast(1)));
        if let Some(count) = wanted {
            let told = |reason| Err(unmet(reason, &where_).saw("number", number));
            if count.has_too_few(number) {
                return told(Reason::TooFewLines);
            }
            if count.has_too_many(number) {
                return told(Reason::TooManyLines);
            }
        }
        let in_order = |machine: &&String| {
            let all = Self { text: None, ..self.clone() };
            self.has_sequence(&all.lines(looks[*machine], before(machine)).0)
        };
        let in_order = machines.iter().filter(in_order).count();
        let enough = if self.on == On::Each { machines.len() } else { 1 };
        if !self.sequence.is_empty() && in_order < enough {
            return Err(unmet(Reason::NoSequence, &where_));
        }
        Ok(Met::default().saw("machine", where_).saw("lines", number))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted =
            Values::from([("machine", self.on.to_string()), ("path", self.path.clone())]);
        wanted.extend(self.lines.map(|lines| ("lines", lines.to_string())));
        wanted.extend(self.text.clone().map(|text| ("match", text)));
        if !self.sequence.is_empty() {
            wanted.insert("sequence", self.sequence.join(", "));
        }
        wanted
    }

    fn command(&self) -> String {
        format!("dojo ssh {} -- tail {}", self.on.word(), self.path)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoMachineMeant,
            Reason::NoFile,
            Reason::FileStillThere,
            Reason::TooFewLines,
            Reason::TooManyLines,
            Reason::NoSequence,
        ]
    }

    fn lookout(&self) -> Option<Lookout> {
        Some(self.lookout())
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        self.on.fill(with);
        let texts = self.namespace.iter_mut().chain(&mut self.text).chain(&mut self.sequence);
        texts.for_each(&mut *with);
        with(&mut self.path);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }
}
