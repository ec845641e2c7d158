//! Proves on a real cluster that a lesson is right: each step is not passed by itself, is passed by its solution and by each other
//! way, tells of each wrong way what is wrong with it, says the same when it is asked twice, and leaves nothing behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::sleep;

use crate::durable;
use crate::lesson::{Outcome, Reason, Verdict, thinned};
use crate::pace::within;
use crate::store::Record;
use crate::workflow::Services;

use super::desk::Desk;
use super::error::Error;
use super::following::follow;
use super::look::Eyes;
use super::session::{Beginning, Session};
use super::solution::{Shell, run_quietly};

/// Something that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// The step.
    pub step: String,
    /// `red`, `green`, `twice`, `also-1`, `wrong-1`, `reset`.
    pub case: String,
    /// What is wrong with it; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What a proof needs.
#[derive(Debug)]
pub struct Prover<'a> {
    /// What reaches the cluster.
    pub services: &'a Services,
    /// The cluster.
    pub record: &'a Record,
    /// What commands run in; their directory is made by the proof.
    pub shell: Shell,
    /// Where all evidence is kept as files, if it is to be.
    pub keep: Option<PathBuf>,
}

/// The lesson on its cluster.
struct Trial<'a, 'p> {
    prover: &'a Prover<'p>,
    session: Session,
    eyes: Eyes,
    shell: Shell,
}

impl Prover<'_> {
    /// Tries all of it. `tell` is told of each case when it is done.
    ///
    /// # Errors
    /// Those of the cluster; what is wrong with the lesson is told by the cases.
    pub async fn prove(
        &self,
        beginning: Beginning,
        mut tell: impl FnMut(&Case),
    ) -> Result<Vec<Case>, Error> {
        // What is proven is nobody's progress.
        let apart = tempfile::tempdir().map_err(Error::file("make", std::env::temp_dir()))?;
        let desk = Desk::at(apart.path());
        let begun = Session::begin(self.services, self.record, desk, beginning).await?;
        let (session, handout) = begun;
        let mut shell = self.shell.clone();
        // What is answered belongs to the proof.
        shell.lessons = Some(apart.path().to_owned());
        shell.directory = handout.directory.unwrap_or_else(|| session.attempt.within.clone());
        let eyes = Eyes::on(self.services, self.record).await?;
        let mut trial = Trial { prover: self, session, eyes, shell };
        let mut cases = Vec::new();
        let mut done = |case: Case| {
            tell(&case);
            cases.push(case);
        };
        let steps = trial.session.lesson.steps.clone();
        for (number, step) in steps.iter().enumerate() {
            done(trial.red(number).await?);
            done(trial.attempt(number, "green", &step.solve, None).await?);
            done(trial.twice(number).await?);
            if number + 1 < steps.len() {
                trial.session.enter(self.services, &trial.eyes, number + 1).await?;
            }
        }
        done(trial.reset("reset").await?);
        let ways = steps.iter().map(|step| step.also.len()).max().unwrap_or_default();
        for way in 0..ways {
            for (number, step) in steps.iter().enumerate() {
                let (name, commands) = match step.also.get(way) {
                    Some(commands) => (format!("also-{}", way + 1), commands),
                    None => (format!("before also-{}", way + 1), &step.solve),
                };
                trial.session.enter(self.services, &trial.eyes, number).await?;
                done(trial.attempt(number, &name, commands, None).await?);
            }
            done(trial.reset("reset").await?);
        }
        for (number, step) in steps.iter().enumerate() {
            for (index, wrong) in step.wrong.iter().enumerate() {
                let name = format!("wrong-{}", index + 1);
                for (before, step) in steps.iter().enumerate().take(number) {
                    trial.session.enter(self.services, &trial.eyes, before).await?;
                    let name = format!("before {name}");
                    let case = trial.attempt(before, &name, &step.solve, None).await?;
                    if case.problem.is_some() {
                        done(case);
                    }
                }
                trial.session.enter(self.services, &trial.eyes, number).await?;
                let reason = Some(wrong.reason);
                done(trial.attempt(number, &name, &wrong.commands, reason).await?);
                done(trial.reset("reset").await?);
            }
        }
        Ok(cases)
    }
}

impl Trial<'_, '_> {
    fn case(&self, number: usize, case: &str, problem: Option<String>, began: Instant) -> Case {
        let step = self.session.lesson.steps[number].id.clone();
        Case { step, case: case.to_owned(), problem, seconds: began.elapsed().as_secs_f64() }
    }

    /// A step that has just begun is not passed.
    async fn red(&mut self, number: usize) -> Result<Case, Error> {
        let began = Instant::now();
        let verdict = self.session.check(&self.eyes).await?;
        self.keep("red")?;
        let problem = match (verdict.verdict, verdict.reason) {
            (Outcome::NotYet, Some(_)) => None,
            _ => Some(format!("before anything was done it is {}", told(&verdict))),
        };
        Ok(self.case(number, "red", problem, began))
    }

    /// Runs commands, and waits for what is wanted of them: that the step is passed, or that it is not for a reason.
    async fn attempt(
        &mut self,
        number: usize,
        case: &str,
        commands: &[String],
        reason: Option<Reason>,
    ) -> Result<Case, Error> {
        let began = Instant::now();
        let patience = self.session.lesson.steps[number].patience.0;
        let (session, eyes) = (&mut self.session, &self.eyes);
        // Nothing comes after these.
        let is_wanted = |verdict: &Verdict| {
            matches!(verdict.verdict, Outcome::Passed | Outcome::Lost)
                || reason.is_some() && verdict.reason == reason
        };
        let mut last: Option<Verdict> = None;
        // What was seen before they ended may be told a moment later.
        let mut looks_since_then = 0;
        // Somebody looks while the commands run, as a learner has it in a second terminal.
        let problem = {
            let (ended, has_ended) = tokio::sync::watch::channel(None);
            let commands = async {
                let result = run_quietly(&self.shell, commands).await;
                let failed = result.err().map(|error| error.to_string());
                let is_over = failed.is_some() && reason.is_none();
                ended.send_replace(Some(failed));
                if is_over {
                    // What they did before is seen soon.
                    sleep(SOON).await;
                } else {
                    // The verdict ends it.
                    std::future::pending::<()>().await;
                }
            };
            let watching = follow(session, eyes, |_, verdict| {
                looks_since_then += u32::from(has_ended.borrow().is_some());
                let done = looks_since_then > 1 && is_wanted(&verdict);
                last = Some(verdict);
                Ok::<_, Error>(!done)
            });
            let both = async {
                tokio::select! {
                    watched = watching => watched,
                    () = commands => Ok(()),
                }
            };
            // Where it does not come to it in time, the last verdict says why.
            within(patience + COMMANDS, both).await.unwrap_or(Ok(()))?;
            has_ended.borrow().clone()
        };
        self.keep(case)?;
        let said = last.as_ref().map_or("nothing is known".to_owned(), told);
        let failed = problem.flatten().map(|error| format!("; {error}")).unwrap_or_default();
        let is_right = last.as_ref().is_some_and(|verdict| match reason {
            None => verdict.verdict == Outcome::Passed,
            Some(_) => verdict.verdict != Outcome::Passed && verdict.reason == reason,
        });
        let wanted = reason.map_or("passed".to_owned(), |reason| format!("not passed: {reason}"));
        let problem = (!is_right).then(|| format!("it is {said}, and not {wanted}{failed}"));
        Ok(self.case(number, case, problem, began))
    }

    /// A step that is passed is so when it is asked again.
    async fn twice(&mut self, number: usize) -> Result<Case, Error> {
        let began = Instant::now();
        let verdict = self.session.check(&self.eyes).await?;
        let problem = (verdict.verdict != Outcome::Passed)
            .then(|| format!("asked again it is {}", told(&verdict)));
        Ok(self.case(number, "twice", problem, began))
    }

    /// Nothing is left of what was done.
    async fn reset(&mut self, case: &str) -> Result<Case, Error> {
        let began = Instant::now();
        let reset = self.session.reset(self.prover.services, self.prover.record).await?;
        let (different, _) = reset;
        let problem = (!different.is_empty()).then(|| different.join("; "));
        Ok(self.case(0, case, problem, began))
    }

    fn keep(&self, case: &str) -> Result<(), Error> {
        let Some(directory) = &self.prover.keep else { return Ok(()) };
        if case.starts_with("before") {
            return Ok(());
        }
        let evidence = self.session.evidence().read()?;
        let evidence = thinned(self.session.step()?, &evidence);
        std::fs::create_dir_all(directory).map_err(Error::file("make", directory))?;
        let name = format!("{}.{}.{case}.json", evidence.lesson.replace('/', "-"), evidence.step);
        let path = directory.join(name);
        let mut text = serde_json::to_vec(&evidence).expect("facts are JSON");
        text.push(b'\n');
        durable::replace(&path, &text, 0o644).map_err(Error::file("write", path))
    }
}

/// How long commands may take beside the patience of the step.
const COMMANDS: Duration = Duration::from_secs(60);
/// How long what was done may take to be seen, where nothing more is done.
const SOON: Duration = Duration::from_secs(10);

fn told(verdict: &Verdict) -> String {
    let outcome = serde_json::to_value(verdict.verdict).expect("a word");
    let outcome = outcome.as_str().unwrap_or_default().to_owned();
    verdict.reason.map_or(outcome.clone(), |reason| format!("{outcome} ({reason})"))
}
