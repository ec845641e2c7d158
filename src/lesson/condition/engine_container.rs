//! `engine.container`: a container of an engine is there, and how it is; also one that no cluster has started.

use serde::{Deserialize, Serialize};

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::model::MachineName;
use crate::observe::{Ask, Facts};
use crate::remote::{ContainerFact, Extra, Extras};

use super::containers::all_tell;
use super::exit::Exit;
use super::image::is_same;
use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet};

/// A container is there, or not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The machine that it is on; any, if absent.
    pub on: Option<String>,
    /// Whether it is there; it is to be, if absent.
    #[serde(default = "yes")]
    pub exists: bool,
    /// Whether it runs.
    pub running: Option<bool>,
    /// Its image.
    pub image: Option<String>,
    /// How its health check goes.
    pub health: Option<Health>,
    /// With which status it has ended in this step.
    exit: Option<Exit>,
    /// Whether it is the one that was there under this name when the step began.
    pub same: Option<bool>,
}

/// How the health check of a container goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Too early to say.
    Starting,
    /// It is well.
    #[serde(rename = "healthy")]
    Well,
    /// It is not.
    #[serde(rename = "unhealthy")]
    Ill,
}

fn yes() -> bool {
    true
}

impl Health {
    fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Well => "healthy",
            Self::Ill => "unhealthy",
        }
    }
}

impl Container {
    /// Those of that name, with their machines.
    fn all<'f>(&self, facts: &'f Facts) -> Vec<(MachineName, &'f ContainerFact)> {
        facts.containers().filter(|(_, container)| container.name == self.name).collect()
    }

    fn is_on(&self, machine: MachineName) -> bool {
        self.on.as_ref().is_none_or(|on| *on == machine.to_string())
    }

    /// Refuses the container that was found where it is otherwise.
    fn look_at(&self, container: &ContainerFact, moment: Moment<'_>) -> Result<Met, Unmet> {
        let state = container.state.as_deref().unwrap_or_default();
        let is_running = state == "running";
        let status = container.exit_code.filter(|_| state == "exited");
        let told = status.map_or(state.to_owned(), |code| format!("{state} with exit code {code}"));
        let unmet = |reason| {
            Unmet::new(reason)
                .saw("name", &self.name)
                .saw("state", &told)
                .since(container.finished_at.filter(|_| !is_running))
        };
        if let Some(wanted) = self.same {
            let mut before = self.all(moment.before()).into_iter();
            if before.any(|(_, it)| it.id == container.id) != wanted {
                return Err(unmet(if wanted {
                    Reason::AnotherContainer
                } else {
                    Reason::SameContainer
                }));
            }
        }
        if let Some(wanted) = &self.image {
            let image = container.image.as_deref().unwrap_or_default();
            if !is_same(image, wanted) {
                return Err(unmet(Reason::OtherImage).saw("image", image));
            }
        }
        if self.running.is_some_and(|wanted| wanted != is_running) {
            return Err(unmet(Reason::OtherState));
        }
        if let Some(exit) = self.exit {
            let ended = container.finished_at.filter(|at| !is_running && *at > moment.after);
            let fits = container.exit_code.is_some_and(|status| exit.fits(status));
            let Some(at) = ended.filter(|_| fits) else {
                return Err(unmet(Reason::OtherState));
            };
            return Ok(Met::happened(at).saw("state", told));
        }
        if let Some(wanted) = self.health {
            let Some(health) = &container.health else {
                return Err(unmet(Reason::NoHealthCheck));
            };
            let health = health.status.as_deref().unwrap_or_default();
            if health != wanted.as_str() {
                return Err(unmet(Reason::OtherHealth).saw("health", health));
            }
        }
        Ok(Met::default().saw("state", state))
    }
}

impl Leaf for Container {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let facts = moment.facts()?;
        let all = self.all(facts);
        let here = all.iter().find(|(machine, _)| self.is_on(*machine));
        let elsewhere = all.first().map(|(machine, _)| machine.to_string());
        if here.is_none() {
            all_tell(facts, |machine| self.is_on(machine))?;
        }
        match (here, self.exists) {
            (Some((_, container)), true) => self.look_at(container, moment),
            (None, false) => Ok(Met::default()),
            (Some((machine, container)), false) => Err(Unmet::new(Reason::StillThere)
                .saw("name", &container.name)
                .saw("machine", machine.to_string())),
            (None, true) => Err(match elsewhere {
                Some(machine) => {
                    Unmet::new(Reason::OtherMachine).saw("name", &self.name).saw("machine", machine)
                }
                None => Unmet::new(Reason::NoContainer).saw("name", &self.name),
            }),
        }
    }

    fn is_live(&self) -> bool {
        self.exit.is_none()
    }

    fn wanted(&self) -> Values {
        let key = if self.exists { "container" } else { "absent" };
        let mut wanted = Values::from([(key, self.name.clone())]);
        wanted.extend(self.on.clone().map(|on| ("machine", on)));
        wanted.extend(self.image.clone().map(|image| ("image", image)));
        wanted.extend(self.running.map(|it| ("running", it.to_string())));
        wanted.extend(self.health.map(|health| ("health", health.as_str().to_owned())));
        wanted.extend(self.exit.map(|exit| ("exit-code", exit.to_string())));
        wanted
    }

    fn command(&self) -> String {
        format!("docker ps -a --filter name={}", self.name)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoContainer,
            Reason::StillThere,
            Reason::OtherMachine,
            Reason::OtherImage,
            Reason::OtherState,
            Reason::OtherHealth,
            Reason::NoHealthCheck,
            Reason::AnotherContainer,
            Reason::SameContainer,
        ]
    }

    fn asks(&self) -> Ask {
        Ask { extras: Extras::of(&[Extra::Containers]), ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
        self.on.iter_mut().chain(&mut self.image).for_each(with);
    }
}
