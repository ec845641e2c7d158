//! `dojo lesson watch` on a full screen.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tokio::sync::oneshot;

use crate::cli::error::{About as _, Error};
use crate::cli::services::Context;
use crate::event::chain;
use crate::learn::{self, Eyes, Following, Seen, Session, happenings};
use crate::lesson::{Outcome, Verdict};
use crate::observe::Facts;
use crate::report::screen::{Choice, Happening, Key, Panel, Screen, View};

use super::reach::{cluster_of, eyes};
use super::step::no_hint;
use super::words::{self, Words};
use super::{check, solve, tell, view};

/// How many things that have happened are kept.
const HAPPENINGS: usize = 200;

/// What is on the screen beside how it stands.
struct State<'a> {
    context: &'a Context,
    session: Session,
    eyes: Eyes,
    following: Following,
    verdict: Option<Verdict>,
    facts: Option<Facts>,
    happened: VecDeque<Happening>,
    /// When something has happened last in this step.
    moved: Option<Instant>,
    panel: Option<(Opened, Panel)>,
    /// Whether the question of the step is to stand there as long as nothing else does.
    asking: bool,
    /// Whether the learner was told what can be seen once the step is passed.
    told_after: bool,
    notice: Option<String>,
    /// What is to be done once it is on the screen that it is being done.
    wanted: Option<Deed>,
    /// Tells when a solution that runs has ended, and how.
    solution: Option<oneshot::Receiver<Result<(), learn::Error>>>,
}

/// What a panel shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Question,
    Words,
    /// Whether the learner really wants that.
    Sure(Deed),
}

/// What is done only if the learner says so twice: it changes the cluster, and is not taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Solve,
    Reset,
}

/// Shows a lesson until its reader leaves.
pub(super) async fn run(
    context: &Context,
    session: Session,
    mut screen: Screen,
) -> Result<ExitCode, Error> {
    let context = &context.silent();
    let eyes = eyes(context, &session).await?;
    let following = Following::of(&session, &eyes)?;
    let mut state = State {
        context,
        session,
        eyes,
        following,
        verdict: None,
        facts: None,
        happened: VecDeque::new(),
        moved: None,
        panel: None,
        asking: false,
        told_after: false,
        notice: None,
        wanted: None,
        solution: None,
    };
    state.notice = check::elsewhere(context, &state.session);
    state.ask()?;
    let drawn = |source| Error::Io { operation: "draw on the terminal", source };
    loop {
        screen.draw(&state.view()).map_err(drawn)?;
        if let Some(deed) = state.wanted.take() {
            state.act(deed).await?;
            continue;
        }
        tokio::select! {
            seen = state.following.next(&mut state.session) => {
                match seen? {
                    Seen::Judged(verdict, facts) => state.see(*verdict, facts.map(|facts| *facts)),
                    Seen::OtherStep => state.begin()?,
                    Seen::Gone => {
                        let gone = state.session.check_cluster(None).map(drop);
                        return gone.map(|()| ExitCode::FAILURE).map_err(Error::from);
                    }
                }
            }
            key = screen.next_key() => {
                if key == Key::Quit {
                    let outcome = state.verdict.map(|verdict| verdict.verdict);
                    return Ok(outcome.map_or(ExitCode::SUCCESS, check::code));
                }
                state.press(key).await?;
            }
            ended = ended(&mut state.solution) => {
                state.solution = None;
                state.notice = match ended {
                    Some(Err(error)) => Some(chain(&error)),
                    _ => None,
                };
            }
        }
    }
}

/// How a solution that runs has ended; nothing does, where none runs.
async fn ended(
    solution: &mut Option<oneshot::Receiver<Result<(), learn::Error>>>,
) -> Option<Result<(), learn::Error>> {
    match solution {
        Some(solution) => solution.await.ok(),
        None => std::future::pending().await,
    }
}

impl State<'_> {
    fn see(&mut self, verdict: Verdict, facts: Option<Facts>) {
        if let Some(facts) = facts {
            if let Some(before) = &self.facts {
                let at = self.eyes.now().to_zoned(TimeZone::system()).strftime("%H:%M:%S");
                let at = at.to_string();
                for learn::Happening { place, words } in happenings(before, &facts) {
                    self.moved = Some(Instant::now());
                    self.happened.push_back(Happening { at: at.clone(), place, words });
                }
                while self.happened.len() > HAPPENINGS {
                    self.happened.pop_front();
                }
            }
            self.facts = Some(facts);
        }
        self.verdict = Some(verdict);
        let is_free = self.opened().is_none_or(|opened| opened == Opened::Words);
        if self.session.attempt.step.passed && !self.told_after && is_free {
            self.told_after = true;
            if let Some(after) = self.session.step_text().after {
                self.open(words::PASSED.of(self.session.attempt.language), after);
            }
        }
    }

    fn view(&self) -> View {
        let mut view = view::of(&self.session, self.verdict.as_ref(), self.facts.as_ref());
        view.happenings = self.happened.iter().cloned().collect();
        view.panel = self.panel.as_ref().map(|(_, panel)| panel.clone());
        view.notice.clone_from(&self.notice);
        view.patience_left = self.patience_left();
        view
    }

    /// How long it may take until what was done is seen; nothing, where nothing was done or it is decided.
    fn patience_left(&self) -> Option<Duration> {
        let waits = self.verdict.as_ref().is_some_and(|it| it.verdict == Outcome::NotYet);
        let patience = self.session.step().ok()?.patience.0;
        let left = patience.checked_sub(self.moved.filter(|_| waits)?.elapsed())?;
        Some(Duration::from_secs(left.as_secs()))
    }

    /// Opens the question of the step, if it has one that is not answered.
    fn ask(&mut self) -> Result<(), Error> {
        if !self.session.asks()? {
            return Ok(());
        }
        let several = self.session.step()?.predict.as_ref().is_some_and(|it| it.truth.len() > 1);
        if let Some(ask) = self.session.step_text().ask {
            let choices = ask
                .options
                .into_iter()
                .map(|(_, words)| Choice { words, chosen: several.then_some(false) });
            let title = words::QUESTION.of(self.session.attempt.language).to_owned();
            let choices = choices.collect();
            let panel = Panel { title, text: ask.question, choices, first: 0 };
            self.panel = Some((Opened::Question, panel));
            self.asking = true;
        }
        Ok(())
    }

    fn answer(&mut self, chosen: &[usize]) -> Result<(), Error> {
        let options = self.session.step()?.predict.as_ref().map(|it| it.options.clone());
        let options = options.unwrap_or_default();
        let said: Vec<String> =
            chosen.iter().filter_map(|index| options.get(*index).cloned()).collect();
        if !said.is_empty() {
            self.session.answer(&said)?;
            (self.panel, self.asking) = (None, false);
        }
        Ok(())
    }

    /// Closes the panel. The question that it covered is there again.
    fn close(&mut self) -> Result<(), Error> {
        let closed = self.panel.take().map(|(opened, _)| opened);
        self.asking &= closed != Some(Opened::Question);
        if self.asking { self.ask() } else { Ok(()) }
    }

    /// Asks whether the learner really wants that.
    fn ask_whether(&mut self, deed: Deed) {
        let language = self.session.attempt.language;
        let (command, text) = match deed {
            Deed::Solve => ("solve", words::SURE_TO_SOLVE),
            Deed::Reset => ("reset", words::SURE_TO_RESET),
        };
        let choice = |words: Words| Choice { words: words.of(language).to_owned(), chosen: None };
        let panel = Panel {
            title: format!("dojo lesson {command}"),
            text: text.of(language).to_owned(),
            choices: vec![choice(words::DO_IT), choice(words::LEAVE_IT)],
            first: 1,
        };
        self.panel = Some((Opened::Sure(deed), panel));
    }

    async fn act(&mut self, deed: Deed) -> Result<(), Error> {
        self.notice = None;
        match deed {
            Deed::Solve => self.solve().await,
            Deed::Reset => self.reset().await,
        }
    }

    fn choose(&mut self, index: usize) -> Result<(), Error> {
        match self.opened() {
            Some(Opened::Question) => self.answer(&[index]),
            Some(Opened::Sure(deed)) => {
                self.close()?;
                if index == 0 {
                    let language = self.session.attempt.language;
                    self.notice = Some(words::AT_WORK.of(language).to_owned());
                    self.wanted = Some(deed);
                }
                Ok(())
            }
            Some(Opened::Words) | None => Ok(()),
        }
    }

    /// Shows the hints that were given, the newest first.
    fn hint(&mut self) -> Result<(), Error> {
        let language = self.session.attempt.language;
        let mut title = words::HINT.of(language).to_owned();
        match self.session.hint()? {
            Some((_, number, of)) => title.push_str(&format!(" {number}/{of}")),
            None => self.notice = Some(no_hint(&self.session).of(language).to_owned()),
        }
        let given: Vec<_> = self.session.hints_given().into_iter().map(|hint| hint.text).collect();
        if !given.is_empty() {
            self.open(&title, given.join("\n\n"));
        }
        Ok(())
    }

    fn open(&mut self, title: &str, text: String) {
        let panel = Panel { title: title.to_owned(), text, ..Panel::default() };
        self.panel = Some((Opened::Words, panel));
    }

    async fn press(&mut self, key: Key) -> Result<(), Error> {
        let language = self.session.attempt.language;
        self.notice = check::elsewhere(self.context, &self.session);
        match key {
            Key::Hint => self.hint()?,
            Key::Text => {
                // Whoever has put it aside finds the question again behind the text.
                self.asking |= self.session.asks()? && !self.session.attempt.step.passed;
                self.open(words::WHY.of(language), self.text());
            }
            Key::Check => {
                let verdict = self.session.check(&self.eyes).await?;
                self.session.tried(&verdict)?;
                self.verdict = Some(verdict);
            }
            Key::Solve if self.solution.is_none() => self.ask_whether(Deed::Solve),
            Key::Reset => self.ask_whether(Deed::Reset),
            Key::List => self.list()?,
            Key::Next => self.next().await?,
            Key::Close => self.close()?,
            Key::Choose(index) => self.choose(index)?,
            Key::Toggle(index) => {
                if let Some((_, panel)) = &mut self.panel
                    && let Some(choice) = panel.choices.get_mut(index)
                {
                    choice.chosen = choice.chosen.map(|chosen| !chosen);
                }
            }
            Key::Confirm => {
                let choices = self.panel.iter().flat_map(|(_, panel)| panel.choices.iter());
                let marked = choices.enumerate().filter(|(_, it)| it.chosen == Some(true));
                let marked: Vec<usize> = marked.map(|(index, _)| index).collect();
                self.answer(&marked)?;
            }
            Key::Solve | Key::Quit => {}
        }
        Ok(())
    }

    fn opened(&self) -> Option<Opened> {
        self.panel.as_ref().map(|(opened, _)| *opened)
    }

    /// Why the step is done; once it is passed, also what can be seen then.
    fn text(&self) -> String {
        let text = self.session.step_text();
        let passed = self.session.attempt.step.passed;
        let after = text.after.filter(|_| passed).map(|after| format!("\n\n{after}"));
        text.why + &after.unwrap_or_default()
    }

    async fn solve(&mut self) -> Result<(), Error> {
        let shell = solve::shell(self.context, &self.session).await?;
        let commands = self.session.solving()?;
        self.open("dojo lesson solve", commands.join("\n\n"));
        let (ended, solution) = oneshot::channel();
        self.solution = Some(solution);
        tokio::spawn(async move {
            // Whoever has left does not want to know.
            let _ = ended.send(learn::run_quietly(&shell, &commands).await);
        });
        Ok(())
    }

    async fn reset(&mut self) -> Result<(), Error> {
        let (services, record) = cluster_of(self.context, &self.session).await?;
        let reset = self.session.reset(&services, &record).await;
        let (different, _) = reset.about(&record.spec.name)?;
        self.begin()?;
        if !different.is_empty() {
            self.notice = Some(format!("{}: dojo lesson reset --hard", different.join("; ")));
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<(), Error> {
        let language = self.session.attempt.language;
        if !self.session.attempt.step.passed {
            self.notice = Some(words::NOT_PASSED.of(language).to_owned());
            return Ok(());
        }
        let (services, record) = cluster_of(self.context, &self.session).await?;
        if self.session.next(&services, &self.eyes).await.about(&record.spec.name)? {
            self.begin()
        } else {
            // As code: its columns stay.
            let text = tell::ended(self.context, &self.session)?;
            let text: String = text.lines().map(|line| format!("  {line}\n")).collect();
            self.open(words::LESSON_PASSED.of(language), text);
            Ok(())
        }
    }

    /// Looks at a step that has just begun.
    fn begin(&mut self) -> Result<(), Error> {
        (self.verdict, self.panel, self.moved) = (None, None, None);
        (self.asking, self.told_after) = (false, false);
        // What was looked for before is of another step.
        self.following = Following::of(&self.session, &self.eyes)?;
        self.ask()
    }

    fn list(&mut self) -> Result<(), Error> {
        let passed = self.session.desk.progress().passed()?;
        let language = self.session.attempt.language;
        let lines = crate::lesson::built_in().into_iter().map(|lesson| {
            let (count, of) = (passed.count(&lesson), lesson.steps.len());
            format!("- `{}` {count}/{of}: {}", lesson.id, lesson.title_in(language))
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        self.open("dojo lesson ls", text);
        Ok(())
    }
}
