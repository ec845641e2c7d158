//! What machines cost, before they are made and while they are there.

use std::io::Write as _;

use jiff::Timestamp;

use crate::driver::registry;
use crate::event::Progress;
use crate::model::{Dollars, Machine};
use crate::spec::ClusterSpec;
use crate::workflow::{self, Services, UpOptions};

use super::args::Agreed;
use super::error::Error;
use super::services::Context;

/// Tells what the machines of a spec will cost that are still to be made.
pub(super) async fn told(
    context: &Context,
    services: &Services,
    spec: &ClusterSpec,
    options: UpOptions,
) -> Result<Option<Result<Dollars, String>>, Error> {
    let estimates = workflow::estimate(services, spec, options).await?;
    if estimates.is_empty() {
        return Ok(None);
    }
    let progress = Progress::new(context.reporter.clone());
    let mut sum = Ok(Dollars::default());
    for estimate in estimates {
        let what = format!("{} × {}", estimate.machines, estimate.price.of);
        let hourly = estimate.price.hourly.map(|hourly| hourly * estimate.machines);
        let kind = registry::kind(&estimate.driver);
        let ttl = kind.time_to_live(spec.sections.of(&estimate.driver));
        let end = ttl.and_then(|ttl| Some((ttl, ttl.duration()?)));
        match (&hourly, end) {
            (Ok(hourly), Some((ttl, duration))) => progress.warn(format!(
                "{what}: about {hourly} an hour, {} until they end themselves in {ttl}",
                hourly.for_the(duration)
            )),
            (Ok(hourly), None) => {
                progress
                    .warn(format!("{what}: about {hourly} an hour, for as long as they are there"));
            }
            (Err(why), _) => progress.warn(format!("what {what} cost is not known: {why}")),
        }
        sum = sum.and_then(|sum| Ok([sum, hourly?].into_iter().sum()));
    }
    Ok(Some(sum))
}

/// What it was agreed to make.
#[must_use]
pub(super) struct Agreement {
    /// Whether it costs anything.
    is_priced: bool,
}

impl Agreement {
    /// Another spec than the one that was agreed to, if that makes no difference to what it costs, and to where its
    /// machines are; the whole command is begun again otherwise.
    pub(super) fn refuse_other(
        &self,
        agreed: &ClusterSpec,
        now: ClusterSpec,
    ) -> Result<ClusterSpec, workflow::Error> {
        let is_same = *agreed == now || !self.is_priced && agreed.has_places_of(&now);
        if is_same { Ok(now) } else { Err(workflow::Error::Changed(now.name)) }
    }
}

/// Refuses machines that cost more than was agreed to, unless it is agreed to now.
pub(super) async fn agreed(
    context: &Context,
    services: &Services,
    spec: &ClusterSpec,
    options: UpOptions,
    agreed: &Agreed,
) -> Result<Agreement, Error> {
    let Some(hourly) = told(context, services, spec, options).await? else {
        return Ok(Agreement { is_priced: false });
    };
    let limit = agreed.max_hourly.unwrap_or_default();
    let is_within = match (&hourly, limit.dollars()) {
        (_, None) => true,
        (Ok(hourly), Some(limit)) => *hourly <= limit,
        // Who named no limit is told that the price is not known, and may go on.
        (Err(_), Some(_)) => agreed.max_hourly.is_none(),
    };
    if is_within || agreed.yes || context.can_ask() && asked("Make them? [y/N] ") {
        return Ok(Agreement { is_priced: true });
    }
    Err(Error::TooDear { hourly: hourly.ok(), limit: limit.dollars().unwrap_or_default() })
}

/// Asks a question at the terminal; whether the answer is yes.
pub(super) fn asked(question: &str) -> bool {
    let mut answer = String::new();
    let mut stderr = std::io::stderr();
    let asked = stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush());
    asked.is_ok()
        && std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// What these machines have cost by now at the most, if they cost anything and that is known.
pub(super) fn so_far<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Option<Dollars> {
    let now = Timestamp::now();
    let costs = machines.into_iter().filter_map(|machine| machine.cost);
    costs.map(|cost| cost.until(now)).reduce(|one, other| [one, other].into_iter().sum())
}
