//! The text of a lesson in one language: a small part of Markdown.
//!
//! What is before the first step is its introduction. `# step-id` opens a step, and below it stand `## goal`, `## why`,
//! `## hint 1` and so on (`## hint 2 when: too-few`), `## ask`, `## after`, and `## says`: what scripts say, in this language.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;

use super::names::is_name;
use crate::model::Language;

use super::reason::Reason;
use super::refused::{At, Refused};
use super::saying::Saying;

/// The file of a lesson's folder with the text of a language.
pub(super) fn file(language: Language) -> &'static str {
    match language {
        Language::En => "lesson.md",
        Language::Ko => "lesson.ko.md",
    }
}

/// A lesson in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// What is before the first step.
    pub introduction: String,
    /// The texts of the steps, by their names.
    pub steps: BTreeMap<String, StepText>,
}

/// A step in one language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepText {
    /// What is to be done.
    pub goal: String,
    /// Why.
    pub why: String,
    /// From the first look to the solution.
    pub hints: Vec<Hint>,
    /// The question before it.
    pub ask: Option<Ask>,
    /// What to say when it is done.
    pub after: Option<String>,
    /// What the scripts of its check say.
    pub says: Vec<Saying>,
    /// Where it begins.
    pub line: u64,
    headings: Vec<(Part, u64)>,
}

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// For whom: those who were told that; everybody, if absent.
    pub when: Option<Reason>,
    /// Its words.
    pub text: String,
}

/// A question in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The question.
    pub question: String,
    /// What may be answered: keys and words, in the order of the text.
    pub options: Vec<(String, String)>,
    /// Where it stands.
    pub line: u64,
}

/// A heading within a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Goal,
    Why,
    Hint(usize, Option<Reason>),
    Ask,
    After,
    Says,
}

const PARTS: &str = "goal, why, hint NUMBER, hint NUMBER when: REASON, ask, after or says";

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Goal => f.write_str("goal"),
            Self::Why => f.write_str("why"),
            Self::Hint(number, None) => write!(f, "hint {number}"),
            Self::Hint(number, Some(reason)) => write!(f, "hint {number} when: {reason}"),
            Self::Ask => f.write_str("ask"),
            Self::After => f.write_str("after"),
            Self::Says => f.write_str("says"),
        }
    }
}

impl Part {
    fn read(words: &str) -> Result<Self, String> {
        let unknown = || format!("unknown heading `## {words}`: expected {PARTS}");
        let Some(rest) = words.strip_prefix("hint ") else {
            return match words {
                "goal" => Ok(Self::Goal),
                "why" => Ok(Self::Why),
                "ask" => Ok(Self::Ask),
                "after" => Ok(Self::After),
                "says" => Ok(Self::Says),
                _ => Err(unknown()),
            };
        };
        let (number, when) = match rest.split_once(" when:") {
            Some((number, key)) => (number, Some(reason(key.trim())?)),
            None => (rest, None),
        };
        Ok(Self::Hint(number.trim().parse().map_err(|_| unknown())?, when))
    }
}

fn reason(key: &str) -> Result<Reason, String> {
    let read: Result<Reason, serde::de::value::Error> =
        Reason::deserialize(key.into_deserializer());
    read.map_err(|error| error.to_string())
}

impl StepText {
    pub(super) fn has(&self, part: Part) -> bool {
        self.headings.iter().any(|(it, _)| *it == part)
    }

    pub(super) fn headings(&self) -> impl Iterator<Item = (Part, u64)> {
        self.headings.iter().copied()
    }
}

impl Text {
    /// Reads what stands in a file from a line on.
    pub(super) fn read(file: &str, text: &str, first: u64) -> Result<Self, Refused> {
        let mut reader = Reader { file, whole: Self::default(), open: None, words: Vec::new() };
        let mut is_code = false;
        for (line, words) in (first..).zip(text.lines()) {
            is_code ^= words.trim_start().starts_with("```");
            match words.strip_prefix('#').filter(|_| !is_code) {
                Some(heading) => reader.heading(line, heading)?,
                None => reader.words.push(words),
            }
        }
        reader.close()?;
        Ok(reader.whole)
    }

    pub(super) fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.introduction);
        for step in self.steps.values_mut() {
            with(&mut step.goal);
            with(&mut step.why);
            step.hints.iter_mut().for_each(|hint| with(&mut hint.text));
            step.after.iter_mut().for_each(&mut *with);
            step.says.iter_mut().for_each(|saying| {
                with(&mut saying.said);
                with(&mut saying.told);
            });
            if let Some(ask) = &mut step.ask {
                with(&mut ask.question);
                ask.options.iter_mut().for_each(|(_, words)| with(words));
            }
        }
    }
}

/// A text that is being read.
struct Reader<'a> {
    file: &'a str,
    whole: Text,
    /// The step, and its part, that the next words are of.
    open: Option<(String, Option<Part>, u64)>,
    words: Vec<&'a str>,
}

impl Reader<'_> {
    fn refuse<T>(&self, line: u64, column: u64, problem: impl fmt::Display) -> Result<T, Refused> {
        Err(At { line, column }.refuse(self.file, problem))
    }

    fn heading(&mut self, line: u64, heading: &str) -> Result<(), Refused> {
        if let Some(part) = heading.strip_prefix("# ") {
            self.close()?;
            let Some((step, ..)) = self.open.take() else {
                let problem = "a heading before the first step: expected `# STEP` before it";
                return self.refuse(line, 1, problem);
            };
            let part = match Part::read(part.trim()) {
                Ok(part) => part,
                Err(problem) => return self.refuse(line, 4, problem),
            };
            let known = self.whole.steps.entry(step.clone()).or_default();
            let is_same = |it: &Part| match (it, &part) {
                (Part::Hint(one, _), Part::Hint(other, _)) => one == other,
                (one, other) => one == other,
            };
            if known.headings.iter().any(|(it, _)| is_same(it)) {
                return self.refuse(line, 4, format!("`## {part}` is there twice"));
            }
            if let Part::Hint(number, _) = part
                && number != known.hints.len() + 1
            {
                let next = known.hints.len() + 1;
                return self.refuse(
                    line,
                    4,
                    format!("hint {number} is no next one: expected hint {next}"),
                );
            }
            known.headings.push((part, line));
            self.open = Some((step, Some(part), line));
            return Ok(());
        }
        let Some(step) = heading.strip_prefix(' ').map(str::trim) else {
            let problem = "expected `# STEP` or `## PART`";
            return self.refuse(line, 1, problem);
        };
        self.close()?;
        if !is_name(step) {
            let problem =
                format!("`{step}` is no step: expected the name of one, like `# too-slow`");
            return self.refuse(line, 3, problem);
        }
        if self.whole.steps.contains_key(step) {
            return self.refuse(line, 3, format!("step `{step}` is there twice"));
        }
        let text = StepText { line, ..StepText::default() };
        self.whole.steps.insert(step.to_owned(), text);
        self.open = Some((step.to_owned(), None, line));
        Ok(())
    }

    /// Puts the words since the last heading where they belong.
    fn close(&mut self) -> Result<(), Refused> {
        let text = self.words.join("\n").trim().to_owned();
        let words = std::mem::take(&mut self.words);
        let Some((step, part, line)) = self.open.clone() else {
            self.whole.introduction = text;
            return Ok(());
        };
        let Some(part) = part else {
            let first = words.iter().position(|words| !words.trim().is_empty());
            return match first {
                None => Ok(()),
                Some(after) => {
                    let line = line + after as u64 + 1;
                    self.refuse(line, 1, "words before the first `## PART` of a step")
                }
            };
        };
        if text.is_empty() {
            return self.refuse(line, 1, format!("there is nothing below `## {part}`"));
        }
        let (mut ask, mut says) = (None, Vec::new());
        match part {
            Part::Ask => ask = Some(self.ask(&words, line)?),
            Part::Says => says = self.says(&words, line)?,
            _ => {}
        }
        let known = self.whole.steps.entry(step).or_default();
        match part {
            Part::Goal => known.goal = text,
            Part::Why => known.why = text,
            Part::After => known.after = Some(text),
            Part::Hint(_, when) => known.hints.push(Hint { when, text }),
            Part::Ask => known.ask = ask,
            Part::Says => known.says = says,
        }
        Ok(())
    }

    /// A question, and below it a list of what may be answered: `- stays: It stays as it is.`
    fn ask(&self, words: &[&str], line: u64) -> Result<Ask, Refused> {
        let (mut question, mut options) = (Vec::new(), Vec::new());
        for (at, words) in (line + 1..).zip(words) {
            match words.strip_prefix("- ") {
                Some(option) => match option.split_once(": ") {
                    Some((key, words)) if is_name(key) => {
                        options.push((key.to_owned(), words.trim().to_owned()));
                    }
                    _ => return self.refuse(at, 3, "expected `- OPTION: words`"),
                },
                None if options.is_empty() => question.push(words.trim()),
                None if words.trim().is_empty() => {}
                None => return self.refuse(at, 1, "expected nothing below the options"),
            }
        }
        let question = question.join("\n").trim().to_owned();
        if question.is_empty() || options.is_empty() {
            let problem = "expected a question, and below it `- OPTION: words` for each option";
            return self.refuse(line, 1, problem);
        }
        Ok(Ask { question, options, line })
    }

    /// A list of what scripts say: `- there is no Secret * yet = 아직 Secret *이 없습니다`.
    fn says(&self, words: &[&str], line: u64) -> Result<Vec<Saying>, Refused> {
        let lines = (line + 1..).zip(words).filter(|(_, words)| !words.trim().is_empty());
        let read = |(at, words): (u64, &&str)| match words.strip_prefix("- ").map(Saying::read) {
            Some(Some(saying)) => Ok(saying),
            _ => self.refuse(at, 1, "expected `- WHAT A SCRIPT SAYS = the same in this language`"),
        };
        lines.map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Text, String> {
        Text::read("a", text, 1).map_err(|error| error.to_string())
    }

    #[test]
    fn a_text_is_told_apart_by_its_headings() {
        let text = read(
            "Hello.\n\n# one\n## goal\nDo:\n```\n# no heading\n```\n## hint 1\nA.\n\
             ## hint 2 when: too-few\nB.\n## ask\nWhat?\n\n- it-is: Yes: it is.\n- not: No.\n",
        )
        .unwrap();
        assert_eq!(text.introduction, "Hello.");
        let step = &text.steps["one"];
        assert_eq!((step.goal.as_str(), step.line), ("Do:\n```\n# no heading\n```", 3));
        assert_eq!(step.hints[1], Hint { when: Some(Reason::TooFew), text: "B.".to_owned() });
        let ask = step.ask.as_ref().unwrap();
        assert_eq!(ask.question, "What?");
        assert_eq!(ask.options[0], ("it-is".to_owned(), "Yes: it is.".to_owned()));
        assert!(step.has(Part::Goal) && !step.has(Part::Why));
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        for (text, refused) in [
            ("## goal\nA.", "a:1:1: a heading before the first step"),
            ("# one\n# one\n", "a:2:3: step `one` is there twice"),
            ("# one\n## hint one\nA.", "a:2:4: unknown heading `## hint one`"),
            ("# one\n### deep\n", "a:2:1: expected `# STEP` or `## PART`"),
            ("# one\n## ask\nWhat?\n", "a:2:1: expected a question"),
            ("# one\n## ask\n- a: A.\n", "a:2:1: expected a question"),
            ("# one\n## says\n- a = A\n- b\n", "a:4:1: expected `- WHAT"),
            ("# one\n## ask\nW?\n- a: A.\nSo.", "a:5:1: expected nothing below"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.starts_with(refused), "{text}: {told}");
        }
    }
}
