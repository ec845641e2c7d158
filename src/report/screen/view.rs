//! What a screen shows: plain data, which whoever knows lessons fills.

use std::time::Duration;

use crate::model::Language;

/// All that is on the screen at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// The lesson, as commands name it: `swarm/healthcheck`.
    pub lesson: String,
    /// What the lesson is called.
    pub title: String,
    /// Which step it is, from 1 on.
    pub step: usize,
    /// How many steps the lesson has.
    pub of: usize,
    /// What the step is called.
    pub step_title: String,
    /// What is to be done.
    pub goal: String,
    /// What has to be so, in the order of the lesson.
    pub conditions: Vec<Line>,
    /// The command that shows why.
    pub look: Option<String>,
    /// The directory with the learner's files, if the lesson has any.
    pub files: Option<String>,
    /// How long the step may still take, once the learner has done what it asks for.
    pub patience_left: Option<Duration>,
    /// What the learner expected.
    pub prediction: Option<Prediction>,
    /// What has happened, the newest last.
    pub happenings: Vec<Happening>,
    /// The machines of the cluster and what runs on them.
    pub machines: Vec<Machine>,
    /// How many hints were shown, and how many there are.
    pub hints: (usize, usize),
    /// What stands before all else until it is closed.
    pub panel: Option<Panel>,
    /// One sentence about what was done last.
    pub notice: Option<String>,
    /// Whether the step is passed, and the next one may begin.
    pub can_next: bool,
    /// The language of the words around all this.
    pub language: Language,
}

/// How it stands with a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is met.
    Passed,
    /// It is not met yet.
    NotYet,
    /// It is still not met, though it should be by now.
    Unmet,
    /// It cannot be met any more, unless the step begins again.
    Lost,
    /// Nothing that was seen tells.
    CannotTell,
    /// Something else comes first.
    Waiting,
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it stands.
    pub sign: Sign,
    /// What has to be so.
    pub words: String,
    /// What was seen of it.
    pub seen: Option<String>,
    /// How many conditions it is a part of.
    pub depth: usize,
}

/// What the learner expected before it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// What they said.
    pub said: String,
    /// What is true; nothing as long as that would give it away.
    pub truth: Option<Truth>,
}

/// How it turned out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// What is true.
    pub words: String,
    /// Whether that is what they said.
    pub right: bool,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When: `14:02:09`.
    pub at: String,
    /// On which machine; nothing, if on none.
    pub place: String,
    /// What.
    pub words: String,
}

/// How a machine is, or what runs on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// On its way there.
    Changing,
    /// Not as it should be.
    Bad,
    /// Off, or ended.
    Off,
    /// Nobody could tell.
    Unknown,
}

/// A machine of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What it is called.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// What runs on it.
    pub tiles: Vec<Tile>,
}

/// A task or a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Which one: `web.2`.
    pub label: String,
    /// How it is.
    pub health: Health,
}

/// A text that the learner asked for, or a question to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Panel {
    /// What it is.
    pub title: String,
    /// The text: paragraphs, lists and code, as Markdown writes them.
    pub text: String,
    /// What can be chosen.
    pub choices: Vec<Choice>,
    /// Where among the choices the cursor begins.
    pub first: usize,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What it is.
    pub words: String,
    /// Where several can be chosen: whether this one is.
    pub chosen: Option<bool>,
}

impl Panel {
    /// Whether several of the choices can be chosen.
    pub fn several(&self) -> bool {
        self.choices.iter().any(|choice| choice.chosen.is_some())
    }
}
