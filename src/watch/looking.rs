//! Looking on.

use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::select;
use tokio::time::{Instant, sleep};

use crate::alarm::{Guard, Happening};
use crate::kind;
use crate::model::Service;
use crate::observe::{self, Ask, Cluster, Facts};
use crate::pace::stretch;
use crate::remote::{Extra, Extras};

use super::asked::Asked;

/// How often it is looked also where nothing has changed: some things count only once they have been so for a while.
const PAUSE: Duration = Duration::from_millis(400);
/// How long nobody may tell of machines until that is told.
const BLIND: Duration = Duration::from_secs(15);

/// What a look has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// What has happened since; nothing, mostly.
    Seen(Vec<Happening>),
    /// Nobody has told of machines for a while, so that nothing of them is seen: why.
    Blind(String),
    /// Somebody tells of them again.
    Sighted,
}

/// Watches a cluster as long as there is a record of it, and tells of each look, at least twice a second.
pub async fn watch(cluster: Cluster, mut tell: impl FnMut(Look)) {
    let kind = kind::of(cluster.record.spec.orchestrator);
    // Engines say what becomes of containers, kubelets say it in events.
    let is_kubernetes = kind.service() == Service::Api;
    let extra = if is_kubernetes { Extra::Events } else { Extra::Containers };
    let ask = Ask { workloads: true, extras: Extras::of(&[extra]), ..Ask::default() };
    let mut asked = Asked::of(cluster.home.holders(&cluster.record.spec.name));
    let mut changes = observe::changes(cluster, ask);
    let mut guard = Guard::default();
    let mut eyes = Eyes::default();
    let mut known: Option<Facts> = None;
    loop {
        select! {
            facts = changes.next() => match facts {
                Some(facts) => known = Some(facts),
                None => return,
            },
            () = sleep(PAUSE) => {}
        }
        let is_asked = asked.look();
        let Some(facts) = &known else { continue };
        if let Some(look) = eyes.look(facts.machines.error.as_deref(), Instant::now()) {
            tell(look);
        }
        tell(Look::Seen(guard.look(facts, is_asked, Timestamp::now())));
    }
}

/// Whether machines are seen.
#[derive(Debug, Default)]
struct Eyes {
    /// Since when they are not, and whether that was told.
    blind: Option<(Instant, bool)>,
}

impl Eyes {
    fn look(&mut self, error: Option<&str>, now: Instant) -> Option<Look> {
        let Some(error) = error else {
            let (_, was_told) = self.blind.take()?;
            return was_told.then_some(Look::Sighted);
        };
        let (since, told) = self.blind.get_or_insert((now, false));
        if *told || now.duration_since(*since) < stretch(BLIND) {
            return None;
        }
        *told = true;
        Some(Look::Blind(error.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sees_nothing_says_so_once_and_once_when_that_is_over() {
        let begin = Instant::now();
        let mut eyes = Eyes::default();
        let mut look = |error, seconds| eyes.look(error, begin + Duration::from_secs(seconds));
        assert_eq!(look(None, 0), None);
        assert_eq!(look(Some("no answer"), 1), None);
        assert_eq!(look(None, 2), None, "that was short");
        assert_eq!(look(Some("no answer"), 3), None);
        assert_eq!(look(Some("no answer"), 20), Some(Look::Blind("no answer".to_owned())));
        assert_eq!(look(Some("no answer"), 90), None);
        assert_eq!(look(None, 91), Some(Look::Sighted));
        assert_eq!(look(None, 92), None);
    }
}
