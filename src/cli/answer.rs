//! The bound on commands that answer a question.

use std::time::Duration;

use tokio::time::Instant;

use crate::driver::{self, registry};
use crate::pace::{stretch, within};
use crate::spec::ClusterSpec;
use crate::workflow;

use super::error::Error;

/// How long an answer may take. Whoever asked gets it within 5 s, with all else that a command does.
const ANSWER: Duration = Duration::from_millis(4500);

/// When an answer is due that is asked for now.
pub(super) fn due() -> Instant {
    Instant::now() + stretch(ANSWER)
}

/// Waits for an answer that depends on the places where a cluster's machines come from.
pub(super) async fn in_time<T>(
    spec: &ClusterSpec,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = |_| Error::Silent { place: places(spec), waited: stretch(ANSWER) };
    within(ANSWER, answer).await.map_err(late)?
}

/// The same for a command that looks at these places themselves: that they say nothing is what it found out.
/// Hosts, and what external drivers ask, are told of one by one, also where they say nothing; for these there are
/// limits of their own.
pub(super) async fn found_in_time<T>(
    spec: &ClusterSpec,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = |_| {
        let waited = stretch(ANSWER).as_secs_f32();
        let source = format!("no answer within {waited:.1} s").into();
        workflow::Error::from(driver::Error::Unreachable { place: places(spec), source })
    };
    if spec.drivers().iter().all(|driver| registry::kind(driver).is_one_place()) {
        within(ANSWER, answer).await.map_err(late)?
    } else {
        answer.await
    }
}

/// The places where a cluster's machines come from, in words.
fn places(spec: &ClusterSpec) -> String {
    let place = |driver: &_| registry::kind(driver).asked(spec.sections.of(driver));
    let places: Vec<String> = spec.drivers().iter().map(place).collect();
    places.join(" or ")
}
