//! A lesson that is being learned, from its beginning to its last step.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::lesson;
use crate::lesson::{
    Answer, Evidence, Hint, Lesson, Mark, Outcome, Sample, StepText, Text, Verdict, judge,
};
use crate::model::Language;
use crate::store::Record;
use crate::workflow::Services;

use super::attempt::{Attempt, Step};
use super::breaking;
use super::desk::Desk;
use super::error::Error;
use super::evidence::EvidenceFile;
use super::handout::{self, Handout};
use super::inventory;
use super::look::Eyes;
use super::lookouts::look;
use super::machine_scripts;
use super::namespace::namespace;
use super::probing;
use super::progress::Deed;
use super::put_back::put_back;
use super::shelf;

/// A lesson that is being learned.
#[derive(Debug)]
pub struct Session {
    /// Where it is kept.
    pub desk: Desk,
    /// What is to be learned, with the names of this cluster in it.
    pub lesson: Lesson,
    /// How far it has come.
    pub attempt: Attempt,
}

/// What a lesson begins with.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// The lesson.
    pub lesson: Lesson,
    /// Where it was read from; `None` for one that is built in.
    pub from: Option<PathBuf>,
    /// The language of its texts.
    pub language: Language,
    /// Where the directory with its files is to be.
    pub within: PathBuf,
}

impl Session {
    /// Begins a lesson on a cluster that is ready.
    ///
    /// # Errors
    /// Those of the cluster, and of writing files.
    pub async fn begin(
        services: &Services,
        record: &Record,
        desk: Desk,
        beginning: Beginning,
    ) -> Result<(Self, Handout), Error> {
        let Beginning { mut lesson, from, language, within } = beginning;
        lesson.fill(&shelf::given(&record.spec.name));
        services.interrupt.begin();
        let now = Timestamp::now();
        let label = format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), lesson.id.replace('/', "-"));
        let evidence = desk.evidence(&label);
        // What is of this lesson alone is none of what was there.
        namespace(services, record, &lesson, "remove").await?;
        inventory::take(services, record).await?.keep(&evidence)?;
        let handout = handout::give(&lesson, &within)?;
        let first = &lesson.steps[0];
        let attempt = Attempt {
            lesson: lesson.id.clone(),
            from,
            cluster: record.spec.name.clone(),
            cluster_id: record.cluster_id.clone(),
            language,
            namespace: lesson.namespace.clone(),
            directory: handout.directory.clone(),
            within,
            evidence,
            begun: now,
            step: Step::new(&first.id),
        };
        let mut session = Self { desk, lesson, attempt };
        // From here on somebody knows how it is undone.
        session.desk.begin(&session.attempt)?;
        machine_scripts::prepare(services, record, &session.lesson).await?;
        namespace(services, record, &session.lesson, "make").await?;
        let eyes = Eyes::on(services, record).await?;
        session.enter(services, &eyes, 0).await?;
        Ok((session, handout))
    }

    /// The lesson that was begun.
    ///
    /// # Errors
    /// [`Error::NotBegun`]; those of reading what is kept, and the lesson.
    pub fn open(desk: Desk) -> Result<Self, Error> {
        let attempt = desk.attempt()?.ok_or(Error::NotBegun)?;
        Self::at(desk, attempt)
    }

    /// The lesson of an attempt that is kept.
    fn at(desk: Desk, attempt: Attempt) -> Result<Self, Error> {
        let lesson = shelf::begun(&attempt)?;
        let session = Self { desk, lesson, attempt };
        session.step()?;
        Ok(session)
    }

    /// Takes up what is kept of the lesson now; whether that is another step, because the learner has gone on in another
    /// terminal.
    ///
    /// # Errors
    /// [`Error::Elsewhere`] if it is a lesson on another cluster; those of [`open`](Self::open).
    pub fn refresh(&mut self) -> Result<bool, Error> {
        let kept = self.desk.attempt()?.ok_or(Error::NotBegun)?;
        if kept.is_at_the_step_of(&self.attempt) {
            self.attempt = kept;
            return Ok(false);
        }
        if kept.cluster_id != self.attempt.cluster_id {
            return Err(Error::Elsewhere { lesson: kept.lesson, cluster: kept.cluster });
        }
        *self = Self::at(self.desk.clone(), kept)?;
        Ok(true)
    }

    /// Refuses a cluster that is not the one on which the lesson was begun.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub fn check_cluster(&self, record: Option<Record>) -> Result<Record, Error> {
        let same = record.filter(|record| record.cluster_id == self.attempt.cluster_id);
        let Attempt { cluster, lesson, from, .. } = self.attempt.clone();
        same.ok_or(Error::Gone { cluster, lesson, from })
    }

    /// The step that is being done.
    ///
    /// # Errors
    /// [`Error::NoStep`] if the lesson has none of that name any more.
    pub fn step(&self) -> Result<&lesson::Step, Error> {
        let (lesson, step) = (self.lesson.id.clone(), self.attempt.step.id.clone());
        self.lesson.step(&self.attempt.step.id).ok_or(Error::NoStep { lesson, step })
    }

    /// Its number, counted from 0.
    pub fn number(&self) -> usize {
        let id = &self.attempt.step.id;
        self.lesson.steps.iter().position(|step| step.id == *id).unwrap_or_default()
    }

    /// Whether it is the last one.
    pub fn is_last(&self) -> bool {
        self.number() + 1 == self.lesson.steps.len()
    }

    /// The title of the lesson.
    pub fn title(&self) -> &str {
        self.lesson.title_in(self.attempt.language)
    }

    /// What is before the first step.
    pub fn introduction(&self) -> &str {
        let text = self.text().filter(|text| !text.introduction.is_empty());
        text.or(self.lesson.texts.get(&Language::En)).map_or("", |text| &text.introduction)
    }

    /// The text of the step: in English, where there is none in the learner's language.
    pub fn step_text(&self) -> StepText {
        let id = &self.attempt.step.id;
        let of = |text: &Text| text.steps.get(id).cloned();
        let text = self.text().and_then(of);
        text.or_else(|| self.lesson.texts.get(&Language::En).and_then(of)).unwrap_or_default()
    }

    fn text(&self) -> Option<&Text> {
        self.lesson.texts.get(&self.attempt.language)
    }

    /// The file with the evidence of the step.
    pub fn evidence(&self) -> EvidenceFile {
        EvidenceFile::at(self.attempt.evidence_file())
    }

    /// Looks at the cluster once, and judges all that is known.
    ///
    /// # Errors
    /// Those of keeping and reading the evidence.
    pub async fn check(&mut self, eyes: &Eyes) -> Result<Verdict, Error> {
        let file = self.evidence();
        let watcher = file.open(eyes.now())?;
        let mut reading = file.reading();
        let (facts, looks) = look(eyes, self.step()?, Some(reading.update()?)).await;
        watcher.saw(Sample { at: eyes.now(), facts, looks })?;
        self.judged(reading.update()?)
    }

    /// Judges evidence: how it stands, in the learner's words, and noted nowhere.
    ///
    /// # Errors
    /// Those of [`step`](Self::step).
    pub(super) fn verdict(&self, evidence: &Evidence) -> Result<Verdict, Error> {
        let mut verdict = judge(self.step()?, evidence);
        if let Some(text) = self.text().and_then(|text| text.steps.get(&self.attempt.step.id)) {
            verdict.told.reword(&|said| text.says.iter().find_map(|saying| saying.of(said)));
        }
        Ok(verdict)
    }

    /// Judges evidence, and notes what came of it.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be noted.
    pub fn judged(&mut self, evidence: &Evidence) -> Result<Verdict, Error> {
        let verdict = self.verdict(evidence)?;
        let passed = verdict.verdict == Outcome::Passed;
        let known = &self.attempt.step;
        // Most looks show nothing new.
        if known.reason == verdict.reason && (known.passed || !passed) {
            return Ok(verdict);
        }
        let mut newly = false;
        self.desk.change(&mut self.attempt, |step| {
            newly = passed && !step.passed;
            (step.reason, step.passed) = (verdict.reason, step.passed || passed);
        })?;
        if newly {
            self.note(Deed::Passed)?;
        }
        Ok(verdict)
    }

    /// Notes what the learner did.
    ///
    /// # Errors
    /// [`Error::File`].
    fn note(&self, deed: Deed) -> Result<(), Error> {
        self.desk.progress().add(&self.attempt.lesson, &self.attempt.step.id, deed)
    }

    /// Notes that the learner asked how it stands, if it is not passed.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn tried(&self, verdict: &Verdict) -> Result<(), Error> {
        if verdict.verdict == Outcome::Passed { Ok(()) } else { self.note(Deed::Tried) }
    }

    /// Gives the commands of the solution away, which are to be run for the learner.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn solving(&mut self) -> Result<Vec<String>, Error> {
        let commands = self.step()?.solve.clone();
        self.desk.change(&mut self.attempt, |step| step.solved = true)?;
        self.note(Deed::Solved)?;
        Ok(commands)
    }

    /// The next hint that fits, and which one of how many it is; `None` if there is none now.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn hint(&mut self) -> Result<Option<(Hint, usize, usize)>, Error> {
        let hints = self.step_text().hints;
        let step = &self.attempt.step;
        // A hint for those who did something wrong is for nobody else, and may fit later.
        let fits = |(index, hint): &(usize, &Hint)| {
            !step.has_had(*index) && (hint.when.is_none() || hint.when == step.reason)
        };
        let Some((index, hint)) = hints.iter().enumerate().find(fits) else { return Ok(None) };
        self.desk.change(&mut self.attempt, |step| step.had.push(index))?;
        self.note(Deed::Hint)?;
        Ok(Some((hint.clone(), index + 1, hints.len())))
    }

    /// How many hints were given, and how many there are.
    pub fn hint_counts(&self) -> (usize, usize) {
        let all = self.step_text().hints.len();
        ((0..all).filter(|index| self.attempt.step.has_had(*index)).count(), all)
    }

    /// The hints that were given, the newest first.
    pub fn hints_given(&self) -> Vec<Hint> {
        let hints = self.step_text().hints;
        self.attempt.step.had.iter().rev().filter_map(|index| hints.get(*index).cloned()).collect()
    }

    /// Keeps the learner's answer to the question of the step; whether it is what will turn out to be true.
    ///
    /// # Errors
    /// [`Error::NoOption`], [`Error::File`].
    pub fn answer(&self, said: &[String]) -> Result<bool, Error> {
        let step = self.step()?;
        let refuse = |said: &str, options: &str| Error::NoOption {
            said: said.to_owned(),
            step: step.id.clone(),
            options: options.to_owned(),
        };
        let Some(predict) = &step.predict else {
            return Err(refuse(&said.join(" "), "none: it asks nothing"));
        };
        if let Some(stray) = said.iter().find(|it| !predict.options.contains(it)) {
            return Err(refuse(stray, &predict.options.join(", ")));
        }
        let answer = Answer { at: Timestamp::now(), said: said.to_vec() };
        self.evidence().answer(&predict.ask, answer)?;
        let right = predict.is_right(said);
        self.note(Deed::Answered { said: said.to_vec(), right: Some(right) })?;
        Ok(right)
    }

    /// Whether the step asks something that the learner has not answered.
    ///
    /// # Errors
    /// Those of reading the evidence.
    pub fn asks(&self) -> Result<bool, Error> {
        let Some(predict) = &self.step()?.predict else { return Ok(false) };
        Ok(!self.evidence().read()?.answers.contains_key(&predict.ask))
    }

    /// Goes on to the next step; whether there is one.
    ///
    /// # Errors
    /// [`Error::NotPassed`]; those of the cluster.
    pub async fn next(&mut self, services: &Services, eyes: &Eyes) -> Result<bool, Error> {
        // Whoever has just done it need not ask first how it stands.
        if !self.attempt.step.passed && self.check(eyes).await?.verdict != Outcome::Passed {
            let (lesson, step) = (self.lesson.id.clone(), self.attempt.step.id.clone());
            return Err(Error::NotPassed { lesson, step });
        }
        if self.is_last() {
            return Ok(false);
        }
        self.enter(services, eyes, self.number() + 1).await?;
        Ok(true)
    }

    /// Puts the cluster back as it was when the lesson began, and begins with the first step again; what could not be put
    /// back, and what became of the learner's files.
    ///
    /// # Errors
    /// Those of the cluster.
    pub async fn reset(
        &mut self,
        services: &Services,
        record: &Record,
    ) -> Result<(Vec<String>, Handout), Error> {
        services.interrupt.begin();
        self.note(Deed::Reset)?;
        let different = put_back(services, record, &self.attempt, Some(&self.lesson)).await?;
        machine_scripts::prepare(services, record, &self.lesson).await?;
        let handout = handout::give(&self.lesson, &self.attempt.within)?;
        namespace(services, record, &self.lesson, "make").await?;
        let eyes = Eyes::on(services, record).await?;
        self.enter(services, &eyes, 0).await?;
        Ok((different, handout))
    }

    /// Begins a step: only what comes now counts, and what it breaks is a part of that.
    pub(super) async fn enter(
        &mut self,
        services: &Services,
        eyes: &Eyes,
        number: usize,
    ) -> Result<(), Error> {
        if let Ok(lesson::Step { probe: Some(probe), .. }) = self.step() {
            // A machine that is off asks nobody.
            let _ = probing::end(eyes, probe).await;
        }
        let step = &self.lesson.steps[number];
        let id = step.id.clone();
        if let Some(probe) = &step.probe {
            probing::begin(eyes, probe).await?;
        }
        let (facts, looks) = look(eyes, step, None).await;
        let mark = Mark { at: eyes.now(), facts, looks };
        self.attempt.step = Step::new(&id);
        EvidenceFile::begin(&self.attempt.evidence_file(), &self.lesson.id, &id, mark)?;
        self.desk.keep(&self.attempt)?;
        self.note(Deed::Began)?;
        breaking::begin(services, &self.attempt.cluster, &self.lesson.steps[number].breaks).await
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const DEPLOY: &str =
        include_str!("../../tests/integration/lesson/swarm-replicas.deploy.red.json");

    /// A desk with a lesson whose first step is done.
    fn desk(directory: &Path) -> Desk {
        let desk = Desk::at(directory);
        let attempt = Attempt {
            lesson: "swarm/replicas".to_owned(),
            from: None,
            cluster: "practice".parse().unwrap(),
            cluster_id: "c1".to_owned(),
            language: Language::En,
            namespace: None,
            directory: None,
            within: directory.to_owned(),
            evidence: directory.to_owned(),
            begun: Timestamp::UNIX_EPOCH,
            step: Step::new("deploy"),
        };
        desk.keep(&attempt).unwrap();
        desk
    }

    #[test]
    fn who_watches_takes_no_hint_back_that_was_given_in_another_terminal() {
        let directory = tempfile::tempdir().unwrap();
        let desk = desk(directory.path());
        let mut watching = Session::open(desk.clone()).unwrap();
        let evidence = serde_json::from_str(DEPLOY).unwrap();
        assert!(Session::open(desk.clone()).unwrap().hint().unwrap().is_some());
        // It is not yet as wanted, which is new to whoever watches, and noted.
        assert_ne!(watching.judged(&evidence).unwrap().verdict, Outcome::Passed);
        let kept = desk.attempt().unwrap().unwrap().step;
        assert_eq!((kept.had.as_slice(), kept.reason.is_some()), (&[0][..], true));
        assert_eq!(watching.attempt.step, kept);
    }

    #[test]
    fn who_watches_follows_to_the_step_that_was_begun_in_another_terminal() {
        let directory = tempfile::tempdir().unwrap();
        let desk = desk(directory.path());
        let mut watching = Session::open(desk.clone()).unwrap();
        assert!(!watching.refresh().unwrap());
        let next = Attempt { step: Step::new("kill"), ..watching.attempt.clone() };
        desk.keep(&next).unwrap();
        // What was still looked at is of a step that is over.
        let evidence = serde_json::from_str(DEPLOY).unwrap();
        watching.judged(&evidence).unwrap();
        assert_eq!(desk.attempt().unwrap().unwrap(), next);
        assert!(watching.refresh().unwrap());
        assert_eq!((watching.number(), watching.attempt.step.reason), (1, None));

        let elsewhere = Attempt { cluster_id: "c2".to_owned(), ..next };
        desk.keep(&elsewhere).unwrap();
        assert!(matches!(watching.refresh(), Err(Error::Elsewhere { .. })));
        desk.clear().unwrap();
        assert!(matches!(watching.refresh(), Err(Error::NotBegun)));
    }
}
