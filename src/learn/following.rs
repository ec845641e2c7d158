//! Looking at the cluster of a lesson as it changes.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::lesson::{Evidence, Looked, Sample, Verdict};
use crate::observe::Facts;

use super::error::Error;
use super::evidence::{Reading, Watcher};
use super::look::Eyes;
use super::lookouts::Lookouts;
use super::session::Session;

/// The time from one look at machines to the next.
const LOOKS: Duration = Duration::from_millis(800);
/// How much later than on a machine something may be seen in what the cluster tells.
const BEHIND: Duration = Duration::from_millis(500);
/// How often it is noted that somebody looks still.
const STILL: Duration = Duration::from_secs(1);

/// Looks at the cluster as it changes, and tells each verdict, until `tell` wants no more or the cluster is gone.
///
/// # Errors
/// Those of keeping and reading the evidence, and of `tell`.
pub async fn follow<E: From<Error>>(
    session: &mut Session,
    eyes: &Eyes,
    mut tell: impl FnMut(&Session, Verdict) -> Result<bool, E>,
) -> Result<(), E> {
    let mut following = Following::of(session, eyes)?;
    loop {
        match following.next(session).await? {
            Seen::Judged(verdict, _) => {
                if !tell(session, *verdict)? {
                    return Ok(());
                }
            }
            Seen::OtherStep => following = Following::of(session, eyes)?,
            Seen::Gone => return Ok(()),
        }
    }
}

/// What comes of looking.
#[derive(Debug)]
pub enum Seen {
    /// How it stands; once something has changed, also what is so then.
    Judged(Box<Verdict>, Option<Box<Facts>>),
    /// Another step is being done, as the session now knows: it is to be looked at anew.
    OtherStep,
    /// The cluster is gone.
    Gone,
}

/// Looks at the cluster of a lesson as it changes, and keeps what is seen.
pub struct Following {
    eyes: Eyes,
    watcher: Watcher,
    reading: Reading,
    changes: Pin<Box<dyn Stream<Item = Facts> + Send>>,
    /// What was seen of the cluster last.
    facts: watch::Sender<Option<Facts>>,
    /// What was found on machines last.
    looks: watch::Receiver<Option<Vec<Looked>>>,
    /// They end with it.
    _tasks: JoinSet<()>,
}

impl Following {
    /// Begins to look at the cluster of a step.
    ///
    /// # Errors
    /// Those of keeping the evidence.
    pub fn of(session: &Session, eyes: &Eyes) -> Result<Self, Error> {
        let file = session.evidence();
        let watcher = file.open(eyes.now())?;
        let step = session.step()?;
        let mut reading = file.reading();
        let lookouts = Lookouts::of(step, Some(reading.update()?), eyes.now());
        let (facts, known) = watch::channel(None);
        let (tell, looks) = watch::channel(None);
        let mut tasks = JoinSet::new();
        if lookouts.is_empty() {
            tell.send_replace(Some(Vec::new()));
        } else {
            tasks.spawn(look_at_machines(eyes.clone(), lookouts, known, tell));
        }
        let (eyes, changes) = (eyes.clone(), Box::pin(eyes.watch(step)));
        Ok(Self { eyes, watcher, reading, changes, facts, looks, _tasks: tasks })
    }

    /// How it stands, once something has changed or some time has passed. Nothing is lost where this is dropped before it has come
    /// to its end.
    ///
    /// # Errors
    /// Those of keeping and reading the evidence; [`Error::Elsewhere`].
    pub async fn next(&mut self, session: &mut Session) -> Result<Seen, Error> {
        self.look(session, Session::judged).await
    }

    /// The same for somebody who only looks on: what was seen is kept, and how it stands is noted nowhere. The learner learns it
    /// by asking.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    pub async fn look_on(&mut self, session: &mut Session) -> Result<Seen, Error> {
        self.look(session, |session, evidence| session.verdict(evidence)).await
    }

    async fn look(
        &mut self,
        session: &mut Session,
        judged: impl FnOnce(&mut Session, &Evidence) -> Result<Verdict, Error>,
    ) -> Result<Seen, Error> {
        let is_new = tokio::select! {
            seen = self.changes.next() => match seen {
                Some(facts) => {
                    self.facts.send_replace(Some(facts));
                    true
                }
                None => return Ok(Seen::Gone),
            },
            // Without anything to be looked at there, nobody tells of it.
            Ok(()) = self.looks.changed() => true,
            // What waits for time to pass is judged as well.
            () = sleep(STILL) => false,
        };
        if session.refresh()? {
            return Ok(Seen::OtherStep);
        }
        let at = self.eyes.now();
        let looks = self.looks.borrow_and_update().clone();
        let seen = self.facts.borrow().clone().zip(looks).filter(|_| is_new);
        let facts = seen.as_ref().map(|(facts, _)| facts.clone());
        match seen {
            Some((facts, looks)) => self.watcher.saw(Sample { at, facts, looks })?,
            None => self.watcher.still(at)?,
        }
        let verdict = judged(session, self.reading.update()?)?;
        Ok(Seen::Judged(Box::new(verdict), facts.map(Box::new)))
    }
}

/// Looks at machines again and again, once it is known how the cluster is.
async fn look_at_machines(
    eyes: Eyes,
    mut lookouts: Lookouts,
    mut known: watch::Receiver<Option<Facts>>,
    tell: watch::Sender<Option<Vec<Looked>>>,
) {
    if known.wait_for(Option::is_some).await.is_err() {
        return;
    }
    loop {
        if let Some(facts) = &*known.borrow_and_update() {
            lookouts.learn(facts);
        }
        let found = lookouts.look(&eyes).await;
        // Else it would be put beside what was so before it.
        sleep(BEHIND).await;
        tell.send_if_modified(|before| {
            let is_new = before.as_ref() != Some(&found);
            *before = Some(found);
            is_new
        });
        sleep(LOOKS.saturating_sub(BEHIND)).await;
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("watcher", &self.watcher).finish_non_exhaustive()
    }
}
