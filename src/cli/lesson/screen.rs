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
use super::{check, solve, tell, view, words};

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
    notice: Option<String>,
    /// Tells when a solution that runs has ended, and how.
    solution: Option<oneshot::Receiver<Result<(), learn::Error>>>,
}

/// What a panel shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    Question,
    Words,
}

/// Shows a lesson until its reader leaves.
pub(super) async fn run(
    context: &Context,
    session: Session,
    mut screen: Screen,
) -> Result<ExitCode, Error> {
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
        notice: None,
        solution: None,
    };
    state.notice = check::elsewhere(context, &state.session);
    state.ask()?;
    let drawn = |source| Error::Io { operation: "draw on the terminal", source };
    loop {
        screen.draw(&state.view()).map_err(drawn)?;
        tokio::select! {
            seen = state.following.next(&mut state.session) => {
                match seen? {
                    Seen::Judged(verdict, facts) => state.see(verdict, facts),
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
            self.panel = None;
        }
        Ok(())
    }

    fn open(&mut self, title: &str, text: String) {
        let panel = Panel { title: title.to_owned(), text, ..Panel::default() };
        self.panel = Some((Opened::Words, panel));
    }

    async fn press(&mut self, key: Key) -> Result<(), Error> {
        let language = self.session.attempt.language;
        self.notice = None;
        match key {
            Key::Hint => match self.session.hint()? {
                Some((hint, number, of)) => {
                    self.open(&format!("{} {number}/{of}", words::HINT.of(language)), hint.text);
                }
                None => self.notice = Some(words::NO_MORE_HINTS.of(language).to_owned()),
            },
            Key::Text => self.open(words::WHY.of(language), self.text()),
            Key::Check => {
                let verdict = self.session.check(&self.eyes).await?;
                self.session.tried(&verdict)?;
                self.verdict = Some(verdict);
            }
            Key::Solve => self.solve().await?,
            Key::Reset => self.reset().await?,
            Key::List => self.list()?,
            Key::Next => self.next().await?,
            Key::Close => self.panel = None,
            Key::Choose(index) if self.opened() == Some(Opened::Question) => {
                self.answer(&[index])?;
            }
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
            Key::Choose(_) | Key::Quit => {}
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
        if self.solution.is_some() {
            return Ok(());
        }
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
        let different = reset.about(&record.spec.name)?;
        self.begin()?;
        if !different.is_empty() {
            self.notice = Some(format!("{}: dojo lesson reset --hard", different.join("; ")));
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<(), Error> {
        if !self.session.attempt.step.passed {
            return Ok(());
        }
        let (services, record) = cluster_of(self.context, &self.session).await?;
        if self.session.next(&services, &self.eyes).await.about(&record.spec.name)? {
            self.begin()
        } else {
            let text = tell::ended(self.context, &self.session)?;
            self.open(words::LESSON_PASSED.of(self.session.attempt.language), text);
            Ok(())
        }
    }

    /// Looks at a step that has just begun.
    fn begin(&mut self) -> Result<(), Error> {
        (self.verdict, self.panel, self.moved) = (None, None, None);
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
