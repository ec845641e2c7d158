//! `swarm.service` and `swarm.absent`: a service, its image, its replicas, and how many of its tasks run.
//!
//! There is no `healthy`: a task whose image or service has a health check is `starting` until that has passed, so that
//! `running` says it. Facts do not tell how the health check is set.

use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::Facts;
use crate::remote::{SwarmService, SwarmTask};

use super::count::Count;
use super::image::is_same;
use super::leaf::Leaf;
use super::story::{Met, Moment, Unmet, known};

/// A service is there, and runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Service {
    /// Its name.
    pub name: String,
    /// How many tasks run; of the image, if one is given.
    pub running: Option<Count>,
    /// How many replicas are asked for.
    pub replicas: Option<Count>,
    /// The image of the service.
    pub image: Option<String>,
}

/// A service is not there, nor any task of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// Its name.
    pub service: String,
}

pub(super) fn find<'f>(facts: &'f Facts, name: &str) -> Result<Option<&'f SwarmService>, Unmet> {
    let services = known(facts.services.as_ref())?;
    Ok(services.iter().find(|service| service.name == name))
}

/// The service, which the learner has to make; if it was there and is gone, a former step has to be done again.
pub(super) fn needed<'f>(moment: Moment<'f>, name: &str) -> Result<&'f SwarmService, Unmet> {
    match find(moment.facts()?, name)? {
        Some(service) => Ok(service),
        None if find(moment.before(), name).is_ok_and(|found| found.is_some()) => {
            Err(Unmet::lost(Reason::NoService).saw("service", name))
        }
        None => Err(Unmet::new(Reason::NoService).saw("service", name)),
    }
}

/// Whether the swarm wants a task to run.
fn is_wanted(task: &SwarmTask) -> bool {
    task.desired_state.as_deref() == Some("running")
}

impl Leaf for Service {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let service = needed(moment, &self.name)?;
        if let Some(image) = &self.image {
            let found = service.image.as_deref().unwrap_or_default();
            if !is_same(found, image) {
                return Err(Unmet::new(Reason::OtherImage).saw("image", found));
            }
        }
        if let Some(replicas) = self.replicas {
            // A global service has none.
            let asked = service.desired_tasks.ok_or_else(|| {
                Unmet::unknown(Reason::NotKnown).saw("error", "the engine does not count its tasks")
            })?;
            if !replicas.fits(usize::try_from(asked).unwrap_or(usize::MAX)) {
                return Err(Unmet::new(Reason::OtherReplicas).saw("replicas", asked));
            }
        }
        let fits = |task: &&SwarmTask| {
            let image = task.image.as_deref().unwrap_or_default();
            self.image.as_ref().is_none_or(|wanted| is_same(image, wanted))
        };
        let wanted: Vec<_> = service.tasks.iter().filter(|task| is_wanted(task)).collect();
        let runs = |task: &&&SwarmTask| task.state.as_deref() == Some("running");
        let running = wanted.iter().filter(runs).filter(|task| fits(task)).count();
        let Some(count) = self.running else { return Ok(Met::default().saw("running", running)) };
        let unmet = |reason| Unmet::new(reason).saw("running", running);
        // A task of another image, or one that is being replaced, still counts as too many.
        let all = wanted.iter().filter(runs).count();
        if count.has_too_few(running) {
            let coming = wanted.iter().filter(|task| fits(task)).count();
            let later = if count.has_too_few(coming) { Reason::TooFew } else { Reason::Starting };
            let stuck = wanted.iter().find_map(|task| task.err.as_deref());
            let unmet = unmet(later);
            return Err(match stuck {
                Some(error) => unmet.saw("error", error),
                None => unmet,
            });
        }
        if count.has_too_many(all) {
            return Err(unmet(Reason::TooMany).saw("running", all));
        }
        Ok(Met::default().saw("running", running))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("service", self.name.clone())]);
        wanted.extend(self.running.map(|count| ("running", count.to_string())));
        wanted.extend(self.replicas.map(|count| ("replicas", count.to_string())));
        wanted.extend(self.image.clone().map(|image| ("image", image)));
        wanted
    }

    fn command(&self) -> String {
        format!("docker service ps --no-trunc {}", self.name)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoService,
            Reason::OtherImage,
            Reason::OtherReplicas,
            Reason::TooFew,
            Reason::TooMany,
            Reason::Starting,
        ]
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
        self.image.iter_mut().for_each(with);
    }

    fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }
}

impl Leaf for Absent {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        match find(moment.facts()?, &self.service)? {
            None => Ok(Met::default()),
            Some(service) => {
                let running = service.tasks.iter().filter(|task| is_wanted(task)).count();
                Err(Unmet::new(Reason::StillThere)
                    .saw("service", &service.name)
                    .saw("running", running))
            }
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        Values::from([("absent", self.service.clone())])
    }

    fn command(&self) -> String {
        "docker service ls".to_owned()
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::StillThere]
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.service);
    }
}
