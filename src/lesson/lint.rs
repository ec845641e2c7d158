//! What a lesson lacks, beyond what no lesson can be read without.

use std::collections::BTreeSet;
use std::fmt;

use crate::kind;
use crate::model::{Language, Service};

use super::format::Lesson;
use super::look::Look;
use super::saying::sentences;
use super::step::Step;
use super::text::{self, Part, StepText, Text};

/// Something that is to be mended before a lesson is given to learners.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// The file.
    pub file: String,
    /// Where, counted from 1.
    pub line: u64,
    /// What it is.
    pub problem: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

/// The only image that a lesson may name, with any tag.
const IMAGE: &str = "dojo/lab";

/// How few hints a step may have.
const HINTS: usize = 2;

/// All that is to be mended, by file and line.
pub fn lint(lesson: &Lesson) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    let mut note = |file: &str, line: u64, problem: String| {
        flaws.push(Flaw { file: file.to_owned(), line, problem });
    };
    for language in Language::ALL {
        let file = text::file(language);
        if !lesson.title.contains_key(&language) {
            note(text::file(Language::En), 1, format!("no title for `{file}`"));
        }
        match lesson.texts.get(&language) {
            None => note(file, 1, "it is missing".to_owned()),
            Some(text) => look_at_text(lesson, file, text, &mut note),
        }
    }
    if let (Some(english), Some(korean)) =
        (lesson.texts.get(&Language::En), lesson.texts.get(&Language::Ko))
    {
        compare(english, korean, &mut note);
    }
    let mut named = BTreeSet::new();
    for step in &lesson.steps {
        look_at_step(lesson, step, &mut named, &mut note);
    }
    for (name, text) in &lesson.files {
        let file = format!("files/{name}");
        let is_in_another =
            lesson.files.iter().any(|(other, text)| other != name && text.contains(name.as_str()));
        if !named.contains(name) && !is_in_another {
            note(&file, 1, "no command names it".to_owned());
        }
        for (line, words) in (1..).zip(text.lines()) {
            let value = words.trim_start().trim_start_matches("- ").strip_prefix("image:");
            let image = value.map(|value| value.split('#').next().unwrap_or_default());
            if let Some(image) = image.map(|it| it.trim().trim_matches(['"', '\''])) {
                look_at_image(image, &file, line, &mut note);
            }
        }
    }
    flaws.sort();
    flaws
}

fn is_lab(image: &str) -> bool {
    image.strip_prefix(IMAGE).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn look_at_image(image: &str, file: &str, line: u64, note: &mut impl FnMut(&str, u64, String)) {
    if !is_lab(image) {
        note(file, line, format!("image `{image}`: only {IMAGE} is there without a network"));
    }
}

fn look_at_text(
    lesson: &Lesson,
    file: &str,
    text: &Text,
    note: &mut impl FnMut(&str, u64, String),
) {
    if text.introduction.is_empty() {
        note(file, 1, "no introduction before the first step".to_owned());
    }
    for step in &lesson.steps {
        let id = &step.id;
        let Some(words) = text.steps.get(id) else {
            note(file, 1, format!("no text of step `{id}`: expected `# {id}`"));
            continue;
        };
        for part in [Part::Goal, Part::Why] {
            if !words.has(part) {
                note(file, words.line, format!("step `{id}` has no `## {part}`"));
            }
        }
        if words.hints.len() < HINTS {
            let count = words.hints.len();
            let problem = format!("step `{id}` has {count} hints: expected at least {HINTS}");
            note(file, words.line, problem);
        }
        if step.predict.is_some() && words.ask.is_none() {
            note(file, words.line, format!("step `{id}` has `predict`, but no `## ask`"));
        }
        if text::file(Language::En) != file {
            look_at_sayings(step, file, words, note);
        }
        let can_be_given: BTreeSet<_> = reasons(step).into_iter().collect();
        for (part, line) in words.headings() {
            if let Part::Hint(_, Some(reason)) = part
                && !can_be_given.contains(&reason)
            {
                note(file, line, format!("the check of `{id}` never says `{reason}`"));
            }
        }
    }
}

/// What the scripts of a step say has to be in the language of the text.
fn look_at_sayings(
    step: &Step,
    file: &str,
    words: &StepText,
    note: &mut impl FnMut(&str, u64, String),
) {
    let lookouts = step.check.looks();
    let said = lookouts.iter().flat_map(|lookout| match &lookout.look {
        Look::Script { run } => sentences(run.as_str()),
        _ => Vec::new(),
    });
    let said: BTreeSet<_> = said.collect();
    for said in &said {
        if !words.says.iter().any(|saying| saying.of(said).is_some()) {
            note(file, words.line, format!("no `- {said} = …` below `## says`"));
        }
    }
    for saying in &words.says {
        if !said.iter().any(|said| saying.of(said).is_some()) {
            note(file, words.line, format!("no script says `{}`", saying.said));
        }
    }
}

/// All reasons that the check of a step may give.
fn reasons(step: &Step) -> Vec<super::reason::Reason> {
    let mut all = Vec::new();
    step.check.each(&mut |condition| all.extend(condition.reasons()));
    all
}

fn compare(english: &Text, korean: &Text, note: &mut impl FnMut(&str, u64, String)) {
    let file = text::file(Language::Ko);
    for (id, words) in &english.steps {
        let Some(other) = korean.steps.get(id) else { continue };
        // What scripts say is English already.
        let parts = |text: &StepText| {
            let parts = text.headings().map(|(part, _)| part);
            parts.filter(|part| *part != Part::Says).collect::<Vec<_>>()
        };
        if parts(words) != parts(other) {
            let wanted: Vec<_> = parts(words).iter().map(ToString::to_string).collect();
            let problem =
                format!("step `{id}` has other headings than in English: {}", wanted.join(", "));
            note(file, other.line, problem);
        }
    }
}

fn look_at_step(
    lesson: &Lesson,
    step: &Step,
    named: &mut BTreeSet<String>,
    note: &mut impl FnMut(&str, u64, String),
) {
    let (file, id) = (text::file(Language::En), &step.id);
    if step.solve.is_empty() {
        note(file, step.line, format!("step `{id}` has no `solve`"));
    }
    if step.also.iter().all(Vec::is_empty) {
        note(file, step.line, format!("step `{id}` has no `also`: another way that is right"));
    }
    if step.wrong.is_empty() {
        note(file, step.line, format!("step `{id}` has no `wrong`: a way that is not"));
    }
    let can_be_given = reasons(step);
    for wrong in &step.wrong {
        if !can_be_given.contains(&wrong.reason) {
            let problem = format!("the check of `{id}` never says `{}`", wrong.reason);
            note(file, wrong.line, problem);
        }
    }
    step.check.each(&mut |condition| {
        if let Some(image) = condition.image() {
            look_at_image(image, file, step.line, note);
        }
        // What a kind of cluster does not tell could never be judged.
        let service = match condition.name().split('.').next() {
            Some("swarm") => Some(Service::Engine),
            Some("k8s") => Some(Service::Api),
            _ => None,
        };
        let kind = kind::of(lesson.cluster.orchestrator);
        if service.is_some_and(|service| kind.service() != service) {
            let problem = format!("`{}` cannot be told of such a cluster", condition.name());
            note(file, step.line, problem);
        }
    });
    let mut is_probed = false;
    step.check.each(&mut |condition| is_probed |= condition.name() == "probe");
    if is_probed != step.probe.is_some() {
        let problem = if is_probed {
            format!("the check of `{id}` asks for a `probe`, and the step has none")
        } else {
            format!("the check of `{id}` does not ask what its `probe` has counted")
        };
        note(file, step.line, problem);
    }
    for command in step.commands() {
        let words: Vec<&str> = command.split_whitespace().collect();
        let plain = |word: &str| {
            let word = word.trim_matches(|c: char| "'\"<>();&|".contains(c));
            word.strip_prefix("./").unwrap_or(word).to_owned()
        };
        let given = words.iter().map(|word| plain(word));
        named.extend(given.filter(|name| lesson.files.contains_key(name)));
        for pair in words.windows(2) {
            let name = plain(pair[1]);
            let ending = name.rsplit_once('.').map(|(_, ending)| ending);
            let is_file = ending.is_some_and(|it| ["yaml", "yml"].contains(&it));
            let takes_file = ["-f", "-c", "--filename", "--compose-file"].contains(&pair[0]);
            if takes_file && is_file && !lesson.files.contains_key(&name) {
                note(file, step.line, format!("there is no `files/{name}`"));
            }
            if pair[0] == "--image" {
                look_at_image(pair[1], file, step.line, note);
            }
        }
        if command.contains(" set image ") {
            let named = words.iter().filter(|word| !word.starts_with('-'));
            for (_, image) in named.filter_map(|word| word.split_once('=')) {
                look_at_image(image.trim_matches(['"', '\'']), file, step.line, note);
            }
        }
        for word in &words {
            if let Some(image) = word.strip_prefix("--image=") {
                look_at_image(image, file, step.line, note);
            }
        }
        let makes = ["docker run ", "docker service create ", "docker pull ", "kubectl run "];
        let names_lab = words.iter().any(|word| is_lab(word.trim_start_matches("--image=")));
        if makes.iter().any(|verb| command.contains(verb)) && !names_lab {
            note(file, step.line, format!("`{command}` names another image than {IMAGE}"));
        }
    }
}
