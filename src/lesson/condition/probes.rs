//! How probes of containers, and health checks of services, are set.

use std::time::Duration;

use serde::Deserialize;

use crate::lesson::time::Time;
use crate::remote::{ContainerDetails, HealthCheck, PodProbe};

use super::setting::is_set;
use super::story::Unmet;

/// The probes of a container.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// By which it is found out that it must be started again.
    pub liveness: Option<ProbeIs>,
    /// By which it is found out that it can be used.
    pub readiness: Option<ProbeIs>,
}

/// How a probe is set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeIs {
    /// From one to the next.
    pub period: Option<Time>,
    /// How long one may take.
    pub timeout: Option<Time>,
    /// How many have to fail in a row.
    pub failures: Option<i32>,
}

/// How a health check of a service is set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheckIs {
    /// From one probe to the next.
    pub interval: Option<Time>,
    /// How long one may take.
    pub timeout: Option<Time>,
    /// How many have to fail in a row.
    pub retries: Option<i64>,
}

fn seconds(seconds: Option<i32>) -> Option<Time> {
    Some(Time(Duration::from_secs(u64::try_from(seconds?).ok()?)))
}

fn milliseconds(milliseconds: Option<i64>) -> Option<Time> {
    Some(Time(Duration::from_millis(u64::try_from(milliseconds?).ok()?)))
}

impl ProbeIs {
    fn fits(&self, name: &str, found: Option<&PodProbe>) -> Result<(), Unmet> {
        let period = seconds(found.and_then(|it| it.period));
        let timeout = seconds(found.and_then(|it| it.timeout));
        let failures = found.and_then(|it| it.failures);
        if found.is_none() {
            let wanted = Some("set".to_owned());
            return is_set(&format!("{name} probe"), None, wanted.as_ref());
        }
        is_set(&format!("{name} period"), period.as_ref(), self.period.as_ref())?;
        is_set(&format!("{name} timeout"), timeout.as_ref(), self.timeout.as_ref())?;
        is_set(&format!("{name} failures"), failures.as_ref(), self.failures.as_ref())
    }
}

impl Probes {
    /// Refuses containers none of which has such probes.
    pub(super) fn fit(&self, containers: &[ContainerDetails]) -> Result<(), Unmet> {
        let fits = |container: &ContainerDetails| {
            if let Some(liveness) = &self.liveness {
                liveness.fits("liveness", container.liveness.as_ref())?;
            }
            match &self.readiness {
                Some(readiness) => readiness.fits("readiness", container.readiness.as_ref()),
                None => Ok(()),
            }
        };
        let all = containers.iter().map(fits);
        all.reduce(Result::or).unwrap_or(Ok(()))
    }
}

impl HealthCheckIs {
    pub(super) fn fits(&self, found: &HealthCheck) -> Result<(), Unmet> {
        let (interval, timeout) = (milliseconds(found.interval), milliseconds(found.timeout));
        is_set("health interval", interval.as_ref(), self.interval.as_ref())?;
        is_set("health timeout", timeout.as_ref(), self.timeout.as_ref())?;
        is_set("health retries", found.retries.as_ref(), self.retries.as_ref())
    }
}
