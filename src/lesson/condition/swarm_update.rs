//! `swarm.update`: an update of a service has come to an end.
//!
//! When an update began is known where details of services were asked for. Else it counts as new if its state was another
//! one before, or if tasks have been replaced by it since.

use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Cause};
use crate::remote::{Extra, Extras, SwarmService};

use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet, known};
use super::swarm_replaced::replacements;
use super::swarm_service::{find, needed};

/// How an update of a service stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// The name of the service.
    pub service: String,
    /// How it stands.
    pub state: State,
}

/// How an update stands, in the engine's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on.
    Updating,
    /// It is done.
    Completed,
    /// It has stopped because too many tasks failed.
    Paused,
    /// It is being taken back.
    RollbackStarted,
    /// That has stopped, too.
    RollbackPaused,
    /// It was taken back.
    RollbackCompleted,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Updating => "updating",
            Self::Completed => "completed",
            Self::Paused => "paused",
            Self::RollbackStarted => "rollback_started",
            Self::RollbackPaused => "rollback_paused",
            Self::RollbackCompleted => "rollback_completed",
        }
    }
}

impl Leaf for Update {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        known(moment.story.mark().services.as_ref())?;
        let service = needed(moment, &self.service)?;
        let state = service.update_state.as_deref().unwrap_or_default();
        let is_wanted = |state: &str| state == self.state.as_str();
        let state_before = |found: Result<Option<_>, Unmet>| {
            let found: Option<&SwarmService> = found.ok().flatten();
            found.and_then(|service| service.update_state.clone()).unwrap_or_default()
        };
        let was_otherwise = !is_wanted(&state_before(find(moment.before(), &self.service)))
            || moment
                .samples()
                .filter(|sample| sample.at > moment.after)
                .filter(|sample| find(&sample.facts, &self.service).is_ok_and(|it| it.is_some()))
                .any(|sample| !is_wanted(&state_before(find(&sample.facts, &self.service))));
        let by_update = |cause| matches!(cause, Cause::Update);
        let began = service.details.as_ref().and_then(|details| details.update_started_at);
        let is_new = was_otherwise
            || began.is_some_and(|began| began > moment.after)
            || replacements(moment, &self.service).iter().any(|it| by_update(it.cause));
        if !is_new || state.is_empty() {
            return Err(Unmet::new(Reason::NotUpdated).saw("state", state));
        }
        if !is_wanted(state) {
            return Err(Unmet::new(Reason::OtherUpdateState).saw("state", state));
        }
        Ok(Met::default().saw("state", state))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        Values::from([("service", self.service.clone()), ("state", self.state.as_str().to_owned())])
    }

    fn command(&self) -> String {
        format!("docker service inspect --pretty {}", self.service)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoService, Reason::NotUpdated, Reason::OtherUpdateState]
    }

    fn asks(&self) -> Ask {
        Ask { workloads: true, extras: Extras::of(&[Extra::Details]), ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.service);
    }
}
