//! `swarm.service` and `swarm.absent`: a service, its image, its replicas, and how many of its tasks run.
//!
//! There is no `healthy`: a task whose image or service has a health check is `starting` until that has passed, so that
//! `running` says it. How the health check is set is asked of the engines, which also know
//! what an image says of it.

use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Facts};
use crate::remote::{Extra, Extras, SwarmService, SwarmTask};

use super::count::Count;
use super::image::is_same;
use super::leaf::Leaf;
use super::probes::HealthCheckIs;
use super::setting::other;
use super::story::{Met, Moment, Unmet, known, unknown};

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
    /// How the health check of its containers is set.
    pub healthcheck: Option<HealthCheckIs>,
    /// Networks that it is in, among others.
    #[serde(default)]
    pub networks: Vec<String>,
    /// Configs that it has, among others.
    #[serde(default)]
    pub configs: Vec<String>,
    /// Secrets that it has, among others.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Where something is mounted in its containers, among others.
    #[serde(default)]
    pub mounts: Vec<String>,
}

impl Service {
    fn needs_details(&self) -> bool {
        let lists = [&self.networks, &self.configs, &self.secrets, &self.mounts];
        lists.iter().any(|list| !list.is_empty())
    }

    /// How its containers are checked: what the service does not say, their image does.
    fn look_at_checks(&self, facts: &Facts) -> Result<(), Unmet> {
        let Some(wanted) = &self.healthcheck else { return Ok(()) };
        let mut is_running = false;
        for machine in known(Some(&facts.machines))?.iter().filter(|machine| machine.is_on()) {
            let containers = known(machine.containers.as_ref())?.iter();
            let its = containers.filter(|it| it.service.as_ref() == Some(&self.name));
            for container in its.filter(|it| it.state.as_deref() == Some("running")) {
                is_running = true;
                let Some(found) = &container.healthcheck else {
                    return Err(Unmet::new(Reason::NoHealthCheck).saw("name", &self.name));
                };
                wanted.fits(found)?;
            }
        }
        if is_running {
            Ok(())
        } else {
            Err(Unmet::new(Reason::NoContainer).saw("name", &self.name))
        }
    }

    fn look_at_details(&self, service: &SwarmService) -> Result<(), Unmet> {
        if !self.needs_details() {
            return Ok(());
        }
        let details = service.details.as_ref();
        let details = details.ok_or_else(|| unknown("details were not asked for"))?;
        let targets = details.mounts.iter().map(|mount| {
            mount.rsplit_once(':').map_or(mount.clone(), |(_, target)| target.to_owned())
        });
        for (what, found, wanted) in [
            ("networks", details.networks.clone(), &self.networks),
            ("configs", details.configs.clone(), &self.configs),
            ("secrets", details.secrets.clone(), &self.secrets),
            ("mounts", targets.collect(), &self.mounts),
        ] {
            if !wanted.iter().all(|name| found.contains(name)) {
                return Err(other(what, Some(found.join(", ")), Some(wanted.join(", "))));
            }
        }
        Ok(())
    }
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

/// The service, which the learner has to make; again, if it was there and is gone.
pub(super) fn needed<'f>(moment: Moment<'f>, name: &str) -> Result<&'f SwarmService, Unmet> {
    match find(moment.facts()?, name)? {
        Some(service) => Ok(service),
        None => Err(Unmet::new(Reason::NoService).saw("service", name)),
    }
}

/// Whether the swarm wants a task to run.
fn is_wanted(task: &SwarmTask) -> bool {
    task.desired_state.as_deref() == Some("running")
}

/// Why tasks do not run: what one of those that are wanted says, or else the last one that has come to nothing, as where its image is
/// not there.
fn trouble<'s>(wanted: &[&'s SwarmTask], service: &'s SwarmService) -> Option<&'s str> {
    let now = wanted.iter().find_map(|task| task.err.as_deref());
    let failed = |task: &&SwarmTask| matches!(task.state.as_deref(), Some("rejected" | "failed"));
    let last = || service.tasks.iter().filter(failed).max_by_key(|task| task.since);
    now.or_else(|| last()?.err.as_deref())
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
        self.look_at_details(service)?;
        self.look_at_checks(moment.facts()?)?;
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
            let unmet = unmet(later);
            return Err(match trouble(&wanted, service) {
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
            Reason::NoContainer,
            Reason::NoHealthCheck,
            Reason::OtherSetting,
        ]
    }

    fn asks(&self) -> Ask {
        let mut extras = Extras::NONE;
        if self.needs_details() {
            extras = Extras::of(&[Extra::Details]);
        }
        if self.healthcheck.is_some() {
            extras = extras.and(Extras::of(&[Extra::Containers]));
        }
        if !self.networks.is_empty() {
            extras = extras.and(Extras::of(&[Extra::Stacks]));
        }
        Ask { workloads: true, extras, ..Ask::default() }
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
        let lists = [&mut self.networks, &mut self.configs, &mut self.secrets, &mut self.mounts];
        self.image.iter_mut().chain(lists.into_iter().flatten()).for_each(with);
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
