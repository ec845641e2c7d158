//! Lessons as files: a folder with `lesson.md` (its front matter, and the English text), `lesson.ko.md` and `files/`.
//! What is unknown, missing, doubled or of the wrong type is refused where it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use crate::fault::{self, Fault};
use crate::kind;
use crate::model::{InvalidName, Language, MachineName, Orchestrator, Role};

use super::condition::Condition;
use super::fill::{self, Params};
use super::names::{LessonName, Name};
use super::one_or_many::OneOrMany;
use super::probe::Probe;
use super::reason::Reason;
use super::refused::{At, Refused, typed};
use super::step::{Break, Predict, Step, Wrong};
use super::text::{self, Text};
use super::time::Time;

/// A lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// Its name: `swarm/replicas`.
    pub id: String,
    /// What it is called, in each language.
    pub title: BTreeMap<Language, String>,
    /// The cluster that it is done on.
    pub cluster: Shape,
    /// What the kernel must have.
    pub needs: Vec<Need>,
    /// How long it takes.
    pub minutes: u16,
    /// Values that its texts, commands and conditions name.
    pub params: Params,
    /// Where its conditions look in Kubernetes, and `kubectl` meanwhile.
    pub namespace: Option<String>,
    /// What is done in it.
    pub steps: Vec<Step>,
    /// What makes machines as they are found in it.
    pub prepare: Vec<MachineScript>,
    /// What puts machines back of which it changes more than can be listed, whatever was done of it.
    pub undo: Vec<MachineScript>,
    /// Its texts.
    pub texts: BTreeMap<Language, Text>,
    /// What the learner gets, by name.
    pub files: BTreeMap<String, String>,
}

/// A cluster: its kind, and how many machines it has of each role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// What kind it is of.
    pub orchestrator: Orchestrator,
    /// How many machines lead it, or stand alone.
    pub leading: u16,
    /// How many workers it has.
    pub workers: u16,
}

/// What the kernel must have, by the name of its module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The routing mesh.
    IpVs,
    /// Slow networks.
    SchNetem,
    /// Bridges that netfilter sees.
    BrNetfilter,
}

/// A script for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineScript {
    /// The machine.
    pub on: MachineName,
    /// The text of the script.
    pub run: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    id: LessonName,
    title: BTreeMap<Language, String>,
    cluster: Spanned<ShapeWritten>,
    #[serde(default)]
    needs: Vec<Need>,
    minutes: Spanned<u16>,
    #[serde(default)]
    params: BTreeMap<Name, Spanned<Value>>,
    namespace: Option<Name>,
    steps: Spanned<Vec<Spanned<StepWritten>>>,
    #[serde(default)]
    prepare: Vec<Spanned<MachineScriptWritten>>,
    #[serde(default)]
    undo: Vec<Spanned<MachineScriptWritten>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ShapeWritten {
    orchestrator: Orchestrator,
    managers: Option<u16>,
    control_planes: Option<u16>,
    machines: Option<u16>,
    #[serde(default)]
    workers: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepWritten {
    id: Spanned<Name>,
    predict: Option<Spanned<PredictWritten>>,
    probe: Option<Probe>,
    #[serde(default, rename = "break")]
    breaks: Vec<Spanned<BreakWritten>>,
    check: Condition,
    #[serde(default = "patience")]
    patience: Time,
    #[serde(default)]
    solve: Vec<String>,
    #[serde(default)]
    also: Vec<Vec<String>>,
    #[serde(default)]
    wrong: Vec<Spanned<WrongWritten>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PredictWritten {
    ask: Name,
    options: Vec<Name>,
    truth: OneOrMany,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakWritten {
    fault: String,
    on: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MachineScriptWritten {
    on: String,
    run: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrongWritten {
    #[serde(rename = "do")]
    commands: Vec<String>,
    reason: Reason,
}

/// The value of a parameter; shells and YAML need no quotes around it.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = OneOrMany::deserialize(deserializer)?;
        let text = text.iter().cloned().collect::<Vec<_>>().join(" ");
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        if !text.is_empty() && text.chars().all(fits) {
            return Ok(Self(text));
        }
        let problem =
            format!("`{text}` is no value: expected letters, digits and -_.:/ without spaces");
        Err(serde::de::Error::custom(problem))
    }
}

fn patience() -> Time {
    Time(std::time::Duration::from_secs(60))
}

impl ShapeWritten {
    fn read(self) -> Result<Shape, String> {
        let counts = [
            (Role::Manager, "managers", self.managers),
            (Role::ControlPlane, "control-planes", self.control_planes),
            (Role::Engine, "machines", self.machines),
        ];
        let roles = kind::of(self.orchestrator).roles();
        let key_of =
            |role| counts.iter().find(|(it, ..)| *it == role).map_or("", |(_, key, _)| key);
        let leading = roles.first().copied().unwrap_or(Role::Engine);
        let wanted = key_of(leading);
        let stray = counts.iter().find(|(role, _, count)| *role != leading && count.is_some());
        if let Some((_, key, _)) = stray {
            let kind = self.orchestrator;
            return Err(format!("a cluster of {kind} has no {key}: expected {wanted}"));
        }
        let count =
            counts.iter().find(|(role, ..)| *role == leading).and_then(|(.., count)| *count);
        let number = count.filter(|count| (1..=9).contains(count));
        let number = number.ok_or_else(|| format!("expected {wanted}: 1, or up to 9"))?;
        if self.workers > 0 && !roles.contains(&Role::Worker) {
            return Err(format!("a cluster of {} has no workers", self.orchestrator));
        }
        if self.workers > 9 {
            return Err("expected at most 9 workers".to_owned());
        }
        Ok(Shape { orchestrator: self.orchestrator, leading: number, workers: self.workers })
    }
}

impl Shape {
    /// How many machines it has of each role.
    pub fn counts(&self) -> Vec<(Role, u16)> {
        let leading = kind::of(self.orchestrator).roles()[0];
        let workers = Some((Role::Worker, self.workers)).filter(|(_, count)| *count > 0);
        [(leading, self.leading)].into_iter().chain(workers).collect()
    }

    /// The machine of that name in a cluster of this shape.
    fn machine(&self, name: &str) -> Result<MachineName, String> {
        let machine: MachineName = name.parse().map_err(|error: InvalidName| error.to_string())?;
        let fits = |(role, count)| role == machine.role && (1..=count).contains(&machine.number);
        if self.counts().into_iter().any(fits) {
            return Ok(machine);
        }
        Err(format!("the cluster of this lesson has no machine `{machine}`"))
    }
}

const LESSON: &str = "lesson.md";
const FILES: &str = "files/";

/// A text without what editors of other systems put into it: a mark of the order of bytes ahead, and two characters at each end of a
/// line.
fn plain(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

/// The front matter and the rest, and the line at which that begins.
fn split(text: &str) -> Result<(&str, &str, u64), Refused> {
    let none = |line| {
        let problem = "no front matter: expected YAML between two lines of `---` at the beginning";
        At { line, column: 1 }.refuse(LESSON, problem)
    };
    let inside = text.strip_prefix("---\n").ok_or_else(|| none(1))?;
    let end = inside.find("\n---\n").ok_or_else(|| none(1))?;
    let (front, rest) = (&inside[..=end], &inside[end + "\n---\n".len()..]);
    Ok((front, rest, front.lines().count() as u64 + 3))
}

impl Lesson {
    /// Reads a lesson from the files of its folder, by their paths in it.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Refused> {
        let given = |name: &str, text: &str| {
            if name.starts_with(FILES) { text.to_owned() } else { plain(text) }
        };
        let files = files.into_iter().map(|(name, text)| (name, given(name, text)));
        let all: BTreeMap<&str, String> = files.collect();
        let whole = At::default();
        for name in all.keys() {
            let is_text = Language::ALL.iter().any(|language| text::file(*language) == *name);
            if !is_text && !name.starts_with(FILES) {
                let problem =
                    "unknown file: expected lesson.md, lesson.ko.md or files below files/";
                return Err(whole.refuse(name, problem));
            }
        }
        let Some(text) = all.get(LESSON) else {
            return Err(whole.refuse(LESSON, "it is missing"));
        };
        let (front, english, line) = split(text)?;
        let mut lesson = front_matter(front)?;
        for (name, text) in &all {
            fill::check(name, text, &lesson.params)?;
        }
        lesson.texts.insert(Language::En, Text::read(LESSON, english, line)?);
        if let Some(text) = all.get(text::file(Language::Ko)) {
            lesson.texts.insert(Language::Ko, Text::read(text::file(Language::Ko), text, 1)?);
        }
        for (language, text) in &lesson.texts {
            lesson.compare(text::file(*language), text)?;
        }
        let given = all.iter().filter_map(|(name, text)| Some((name.strip_prefix(FILES)?, text)));
        lesson.files = given.map(|(name, text)| (name.to_owned(), text.clone())).collect();
        let params = lesson.params.clone();
        lesson.fill(&params);
        Ok(lesson)
    }

    /// Puts values in the places of parameters: those of the lesson are in place, those that dojo gives come with its
    /// beginning.
    pub fn fill(&mut self, params: &Params) {
        let mut with = |text: &mut String| fill::fill(text, params);
        self.steps.iter_mut().for_each(|step| step.fill(&mut with));
        let scripts = self.prepare.iter_mut().chain(&mut self.undo);
        scripts.for_each(|script| with(&mut script.run));
        self.texts.values_mut().for_each(|text| text.fill(&mut with));
        self.files.values_mut().for_each(with);
    }

    /// What it is called: in English, where it has no name in that language.
    pub fn title_in(&self, language: Language) -> &str {
        let title = self.title.get(&language).or(self.title.get(&Language::En));
        title.map_or(&self.id, String::as_str)
    }

    /// A step, by its name.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// Refuses texts of steps and questions that are not in the front matter.
    fn compare(&self, file: &str, text: &Text) -> Result<(), Refused> {
        for (id, words) in &text.steps {
            let at = At { line: words.line, column: 3 };
            let Some(step) = self.step(id) else {
                let all: Vec<_> = self.steps.iter().map(|step| step.id.as_str()).collect();
                let all = all.join(", ");
                return Err(at.refuse(file, format!("unknown step `{id}`: expected one of {all}")));
            };
            let (options, line) = match (&words.ask, &step.predict) {
                (None, _) => continue,
                (Some(ask), Some(predict)) => (&predict.options, ask.line),
                (Some(ask), None) => {
                    let at = At { line: ask.line, column: 4 };
                    return Err(at.refuse(file, "a question, but the step has no `predict`"));
                }
            };
            let words = words.ask.iter().flat_map(|ask| &ask.options);
            let words: Vec<_> = words.map(|(key, _)| key.clone()).collect();
            if &words != options {
                let problem = format!(
                    "the options are {}: expected {}",
                    words.join(", "),
                    options.join(", ")
                );
                return Err(At { line, column: 4 }.refuse(file, problem));
            }
        }
        Ok(())
    }
}

fn front_matter(front: &str) -> Result<Lesson, Refused> {
    let written: Front = typed(LESSON, front)?;
    let refuse = |at, problem: String| At::in_front(at).refuse(LESSON, problem);
    let cluster_at = written.cluster.referenced;
    let cluster = written.cluster.value.read().map_err(|problem| refuse(cluster_at, problem))?;
    if !(1..=240).contains(&written.minutes.value) {
        let problem = "expected a number of minutes from 1 to 240".to_owned();
        return Err(refuse(written.minutes.referenced, problem));
    }
    let mut params = Params::new();
    for (Name(name), value) in written.params {
        if fill::GIVEN.contains(&name.as_str()) {
            let problem = format!("`{name}` is given by dojo: expected another name");
            return Err(refuse(value.referenced, problem));
        }
        params.insert(name, value.value.0);
    }
    let namespace = written.namespace.map(|Name(name)| name);
    if written.steps.value.is_empty() {
        return Err(refuse(written.steps.referenced, "no step: expected at least one".to_owned()));
    }
    let mut steps: Vec<Step> = Vec::new();
    for step in written.steps.value {
        let (at, step) = (step.referenced, step.value);
        let Name(id) = step.id.value;
        if steps.iter().any(|it| it.id == id) {
            return Err(refuse(step.id.referenced, format!("step `{id}` is there twice")));
        }
        let predict = step.predict.map(|predict| {
            predict.value.read().map_err(|problem| refuse(predict.referenced, problem))
        });
        let mut check = step.check;
        check.settle(namespace.as_deref().unwrap_or("default"));
        if let Some(probe) = &step.probe {
            check.probe_from(&probe.from);
        }
        let breaks = step
            .breaks
            .into_iter()
            .map(|it| it.value.read(&cluster).map_err(|problem| refuse(it.referenced, problem)));
        let breaks = breaks.collect::<Result<_, _>>()?;
        let wrong = step.wrong.into_iter().map(|wrong| Wrong {
            commands: wrong.value.commands,
            reason: wrong.value.reason,
            line: At::in_front(wrong.referenced).line,
        });
        steps.push(Step {
            lesson: written.id.0.clone(),
            id,
            predict: predict.transpose()?,
            probe: step.probe,
            breaks,
            check,
            patience: step.patience,
            solve: step.solve,
            also: step.also,
            wrong: wrong.collect(),
            line: At::in_front(at).line,
        });
    }
    let scripts = |written: Vec<Spanned<MachineScriptWritten>>| {
        let read = written
            .into_iter()
            .map(|it| it.value.read(&cluster).map_err(|problem| refuse(it.referenced, problem)));
        read.collect::<Result<_, _>>()
    };
    let (prepare, undo) = (scripts(written.prepare)?, scripts(written.undo)?);
    Ok(Lesson {
        id: written.id.0,
        title: written.title,
        cluster,
        needs: written.needs,
        minutes: written.minutes.value,
        params,
        namespace,
        steps,
        prepare,
        undo,
        texts: BTreeMap::new(),
        files: BTreeMap::new(),
    })
}

impl BreakWritten {
    fn read(self, cluster: &Shape) -> Result<Break, String> {
        let fault: Fault = self.fault.parse().map_err(|error: fault::Error| error.to_string())?;
        Ok(Break { fault, on: cluster.machine(&self.on)? })
    }
}

impl MachineScriptWritten {
    fn read(self, cluster: &Shape) -> Result<MachineScript, String> {
        Ok(MachineScript { on: cluster.machine(&self.on)?, run: self.run })
    }
}

impl PredictWritten {
    fn read(self) -> Result<Predict, String> {
        let options: Vec<String> = self.options.into_iter().map(|Name(name)| name).collect();
        let different: BTreeSet<_> = options.iter().collect();
        if different.len() != options.len() || options.len() < 2 {
            return Err("expected two options or more, each another one".to_owned());
        }
        let truth: Vec<String> = self.truth.iter().cloned().collect();
        if let Some(stray) = truth.iter().find(|it| !options.contains(it)) {
            let all = options.join(", ");
            return Err(format!("`{stray}` is no option: expected one of {all}"));
        }
        Ok(Predict { ask: self.ask.0, options, truth })
    }
}
