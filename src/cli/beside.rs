//! What `dojo view` shows beside a cluster: the lesson that is done on it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::learn::{Counted, Counter, Desk, Error, Eyes, Following, Seen, Session};
use crate::lesson::{Outcome, Probe, Verdict};
use crate::report::screen;
use crate::store::Record;
use crate::view::{Beside, Condition, Counts, Lesson, Sign, Strip};
use crate::workflow::Services;

use super::lesson::view_of;
use super::services::Context;

/// How often it is looked whether a lesson has begun or gone on, and what its probe has counted.
const LOOKS: Duration = Duration::from_secs(1);

/// Tells how it stands with the lesson that is done on a cluster, whichever it is. Nothing of it is noted: a page shows.
pub(super) async fn tell(
    context: &Context,
    services: &Services,
    record: &Record,
    beside: &watch::Sender<Beside>,
) {
    let desk = Desk::of(&context.home);
    loop {
        // Whoever damages a lesson is told so by the commands for it.
        if let Some(session) = begun(&desk, record) {
            let _ = follow(services, record, session, beside).await;
        } else if *beside.borrow() != Beside::default() {
            beside.send_replace(Beside::default());
        }
        sleep(LOOKS).await;
    }
}

/// The lesson that is done on a cluster, if one is.
fn begun(desk: &Desk, record: &Record) -> Option<Session> {
    // A lesson elsewhere need not be read again and again.
    let attempt = desk.attempt().ok()??;
    if attempt.cluster_id == record.cluster_id { Session::open(desk.clone()).ok() } else { None }
}

/// Tells how it stands with a step, as long as it is the one that is done.
async fn follow(
    services: &Services,
    record: &Record,
    mut session: Session,
    beside: &watch::Sender<Beside>,
) -> Result<(), Error> {
    let first = Beside { lesson: Some(lesson(&session, None)), probe: None };
    beside.send_replace(first);
    let eyes = Eyes::on(services, record).await?;
    let probe = session.step()?.probe.clone();
    let mut following = Following::of(&session, &eyes)?;
    let judged = async {
        while let Seen::Judged(verdict, _) = following.look_on(&mut session).await? {
            let lesson = lesson(&session, Some(&verdict));
            change(beside, |beside| beside.lesson = Some(lesson));
        }
        Ok::<_, Error>(())
    };
    tokio::select! {
        judged = judged => judged,
        () = count(probe.as_ref(), &eyes, beside) => Ok(()),
    }
}

/// Tells only what is otherwise.
fn change(beside: &watch::Sender<Beside>, change: impl FnOnce(&mut Beside)) {
    beside.send_if_modified(|now| {
        let before = now.clone();
        change(now);
        *now != before
    });
}

/// Tells what the probe of a step counts, if it has one.
async fn count(probe: Option<&Probe>, eyes: &Eyes, beside: &watch::Sender<Beside>) {
    let Some(probe) = probe else { return std::future::pending().await };
    let (mut counter, mut strip) = (Counter::of(eyes, probe), Strip::default());
    loop {
        if let Some(counted) = counter.read().await {
            let probe = strip.look(counts(counted));
            change(beside, |beside| beside.probe = Some(probe));
        }
        sleep(LOOKS).await;
    }
}

fn counts(counted: Counted) -> Counts {
    let Counted { to, began, now, served, dropped, took_ms, slowest_ms } = counted;
    Counts { to, began, at: now, served, dropped, took_ms, slowest_ms }
}

fn lesson(session: &Session, verdict: Option<&Verdict>) -> Lesson {
    let screen::View { title, step, of, step_title, goal, conditions, language, .. } =
        view_of(session, verdict, None);
    let condition = |line: screen::Line| {
        let screen::Line { sign, words, seen, depth } = line;
        let sign = match sign {
            screen::Sign::Passed => Sign::Passed,
            screen::Sign::NotYet | screen::Sign::Unmet => Sign::NotYet,
            screen::Sign::Lost => Sign::Lost,
            screen::Sign::CannotTell => Sign::CannotTell,
            screen::Sign::Waiting => Sign::Waiting,
        };
        Condition { sign, words, seen, depth }
    };
    Lesson {
        title,
        step: step_title,
        number: step,
        of,
        goal,
        language,
        verdict: verdict.map(|verdict| match verdict.verdict {
            Outcome::Passed => Sign::Passed,
            Outcome::NotYet => Sign::NotYet,
            Outcome::Lost => Sign::Lost,
            Outcome::CannotTell => Sign::CannotTell,
        }),
        conditions: conditions.into_iter().map(condition).collect(),
    }
}
