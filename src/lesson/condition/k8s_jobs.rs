//! `k8s.jobs` and `k8s.cronjob`: jobs that have run, and what makes them.
//!
//! A cron job keeps the last three jobs that went well and the last one that did not, so jobs are put together over all
//! samples.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::lesson::reason::Reason;
use crate::lesson::told::Values;
use crate::observe::{Ask, Facts, Part};
use crate::remote::{CronJobStatus, Extra, Extras, JobStatus, Owner};

use super::count::Count;
use super::image::is_same;
use super::leaf::Leaf;
use super::selection::is_in;
use super::setting::{is_set, other};
use super::story::{Met, Moment, Unmet, known};

/// Jobs have run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "JobsWritten")]
pub struct Jobs {
    of: Of,
    scheduled: bool,
    namespace: Option<String>,
    succeeded: Option<Count>,
    failed: Option<Count>,
    active: Option<Count>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobsWritten {
    /// What has made them.
    cronjob: Option<String>,
    /// The name of one that was made by hand.
    job: Option<String>,
    /// Whether only those count that were made when they were due.
    #[serde(default)]
    scheduled: bool,
    /// Where; in the namespace of the lesson, if absent.
    namespace: Option<String>,
    /// How many have gone well since the step began.
    succeeded: Option<Count>,
    /// How many have not.
    failed: Option<Count>,
    /// How many run now.
    active: Option<Count>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    CronJob(String),
    Job(String),
}

impl TryFrom<JobsWritten> for Jobs {
    type Error = &'static str;

    fn try_from(written: JobsWritten) -> Result<Self, &'static str> {
        let JobsWritten { cronjob, job, scheduled, namespace, succeeded, failed, active } = written;
        let of = match (cronjob, job) {
            (Some(name), None) => Of::CronJob(name),
            (None, Some(name)) => Of::Job(name),
            _ => return Err("expected a cronjob or a job"),
        };
        if scheduled && matches!(of, Of::Job(_)) {
            return Err("only jobs of a cronjob are scheduled");
        }
        Ok(Self { of, scheduled, namespace, succeeded, failed, active })
    }
}

/// A cron job is there, and set so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CronJob {
    /// Its name.
    pub name: String,
    /// Where; in the namespace of the lesson, if absent.
    pub namespace: Option<String>,
    /// When it makes jobs: `*/1 * * * *`.
    pub schedule: Option<String>,
    /// Whether it makes none for now.
    pub suspend: Option<bool>,
    /// Whether a job may begin while another one runs: `Allow`, `Forbid` or `Replace`.
    pub concurrency: Option<String>,
    /// An image of its jobs.
    pub image: Option<String>,
}

fn cron_job<'f>(
    facts: &'f Facts,
    namespace: Option<&str>,
    name: &str,
) -> Result<Option<&'f CronJobStatus>, Unmet> {
    let mut all = known(facts.extras.cron_jobs.as_ref())?.iter();
    Ok(all.find(|it| it.name == name && is_in(&it.namespace, namespace)))
}

/// When a job was over, if it is.
fn ended(job: &JobStatus) -> Option<Timestamp> {
    job.completion_time.or_else(|| job.failed.filter(|failed| *failed > 0).and(job.start_time))
}

/// Whether a cron job has made that job because it was due: its name ends with the minute for which it was made. One that
/// somebody makes by `kubectl create job --from` belongs to it as well.
fn is_due(job: &str, cron_job: &str) -> bool {
    let minute = job.strip_prefix(cron_job).and_then(|rest| rest.strip_prefix('-'));
    minute.is_some_and(|it| it.len() >= 8 && it.chars().all(|c| c.is_ascii_digit()))
}

impl Jobs {
    fn means(&self, job: &JobStatus) -> bool {
        match &self.of {
            Of::Job(name) => job.name == *name,
            Of::CronJob(name) => {
                let is_its = |it: &Owner| it.kind == "CronJob" && it.name == *name;
                job.owner.as_ref().is_some_and(is_its)
                    && (!self.scheduled || is_due(&job.name, name))
            }
        }
    }

    fn name(&self) -> &str {
        match &self.of {
            Of::CronJob(name) | Of::Job(name) => name,
        }
    }

    fn asks_for() -> Ask {
        Ask { workloads: true, extras: Extras::of(&[Extra::Jobs]), ..Ask::default() }
    }
}

impl Leaf for Jobs {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let namespace = self.namespace.as_deref();
        let mut jobs = BTreeMap::<&str, &JobStatus>::new();
        for sample in moment.samples() {
            let all = sample.facts.extras.jobs.iter().flat_map(Part::iter);
            let here = all.filter(|job| is_in(&job.namespace, namespace));
            jobs.extend(here.map(|job| (job.uid.as_str(), job)));
        }
        // The clocks of nodes have whole seconds.
        let is_new = |at: Timestamp| at.as_second() >= moment.after.as_second();
        let its = || jobs.values().filter(|job| self.means(job));
        let over = || its().filter(|job| ended(job).is_some_and(is_new));
        let succeeded = over().filter(|job| job.succeeded.is_some_and(|it| it > 0)).count();
        let failed = over().filter(|job| job.failed.is_some_and(|it| it > 0)).count();
        let facts = moment.facts()?;
        let now = known(facts.extras.jobs.as_ref())?.iter();
        let now = now.filter(|job| is_in(&job.namespace, namespace) && self.means(job));
        let active = now.clone().filter(|job| job.active.is_some_and(|it| it > 0)).count();
        if let Of::CronJob(name) = &self.of
            && cron_job(facts, namespace, name)?.is_none()
        {
            return Err(Unmet::new(Reason::NoCronJob).saw("name", name));
        }
        for (count, number, word) in [
            (self.succeeded, succeeded, "succeeded"),
            (self.failed, failed, "failed"),
            (self.active, active, "active"),
        ] {
            let Some(count) = count else { continue };
            let unmet = |reason| {
                Err(Unmet::new(reason)
                    .saw("name", self.name())
                    .saw("number", number)
                    .saw("what", word))
            };
            if count.has_too_many(number) {
                return unmet(Reason::TooManyJobs);
            }
            if !count.has_too_few(number) {
                continue;
            }
            // Somebody may have made one by hand in the meantime.
            let by_hand = jobs.values().find(|job| {
                let is_anothers = job.owner.as_ref().is_some_and(|it| it.name != self.name());
                !is_anothers && !self.means(job) && job.created_at.is_some_and(is_new)
            });
            if let Some(job) = by_hand {
                return Err(Unmet::new(Reason::NotFromCronJob).saw("job", &job.name));
            }
            if failed > 0 && word == "succeeded" {
                return unmet(Reason::JobFailed);
            }
            return unmet(Reason::TooFewJobs);
        }
        if its().next().is_none() {
            return Err(Unmet::new(Reason::TooFewJobs)
                .saw("name", self.name())
                .saw("number", 0)
                .saw("what", "made"));
        }
        let last = over().filter_map(|job| ended(job)).max();
        let met = Met { at: last.filter(|_| self.active.is_none()), ..Met::default() };
        Ok(met.saw("succeeded", succeeded).saw("failed", failed).saw("active", active))
    }

    fn is_live(&self) -> bool {
        self.active.is_some()
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("jobs", self.name().to_owned())]);
        let counts =
            [("succeeded", self.succeeded), ("failed", self.failed), ("active", self.active)];
        for (word, count) in counts {
            wanted.extend(count.map(|count| (word, count.to_string())));
        }
        wanted
    }

    fn command(&self) -> String {
        format!("kubectl get cronjobs,jobs -n {}", self.namespace.as_deref().unwrap_or("default"))
    }

    fn reasons(&self) -> &'static [Reason] {
        &[
            Reason::NoCronJob,
            Reason::NotFromCronJob,
            Reason::JobFailed,
            Reason::TooFewJobs,
            Reason::TooManyJobs,
        ]
    }

    fn asks(&self) -> Ask {
        Self::asks_for()
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        let (Of::CronJob(name) | Of::Job(name)) = &mut self.of;
        with(name);
        self.namespace.iter_mut().for_each(with);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }
}

impl Leaf for CronJob {
    fn look(&self, moment: Moment<'_>) -> Result<Met, Unmet> {
        let found = cron_job(moment.facts()?, self.namespace.as_deref(), &self.name)?;
        let Some(found) = found else {
            return Err(Unmet::new(Reason::NoCronJob).saw("name", &self.name));
        };
        is_set("schedule", Some(&found.schedule), self.schedule.as_ref())?;
        is_set("suspend", found.suspend.as_ref().or(Some(&false)), self.suspend.as_ref())?;
        let concurrency = found.concurrency_policy.as_ref();
        is_set("concurrencyPolicy", concurrency, self.concurrency.as_ref())?;
        match &self.image {
            Some(image) if !found.images.iter().any(|it| is_same(it, image)) => {
                Err(other("image", Some(found.images.join(", ")), Some(image)))
            }
            _ => Ok(Met::default().saw("schedule", &found.schedule)),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn wanted(&self) -> Values {
        let mut wanted = Values::from([("cronjob", self.name.clone())]);
        wanted.extend(self.schedule.clone().map(|it| ("schedule", it)));
        wanted.extend(self.suspend.map(|it| ("suspend", it.to_string())));
        wanted.extend(self.concurrency.clone().map(|it| ("concurrency", it)));
        wanted.extend(self.image.clone().map(|it| ("image", it)));
        wanted
    }

    fn command(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("default");
        format!("kubectl get cronjob {} -n {namespace} -o yaml", self.name)
    }

    fn reasons(&self) -> &'static [Reason] {
        &[Reason::NoCronJob, Reason::OtherSetting]
    }

    fn asks(&self) -> Ask {
        Jobs::asks_for()
    }

    fn fill(&mut self, with: &mut dyn FnMut(&mut String)) {
        with(&mut self.name);
        let texts = [&mut self.namespace, &mut self.schedule, &mut self.image];
        texts.into_iter().flatten().for_each(with);
    }

    fn settle(&mut self, namespace: &str) {
        self.namespace.get_or_insert_with(|| namespace.to_owned());
    }

    fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }
}
