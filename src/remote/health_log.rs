//! An engine's containers, with the logs of their health checks.

use std::collections::BTreeMap;

use bollard::models::{ContainerInspectResponse, Health, HealthConfig, HealthcheckResult};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptions};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::driver::Source;

use super::Engine;
use super::said::moment;

/// The labels of a container that a swarm takes care of.
const LABEL_SERVICE: &str = "com.docker.swarm.service.name";
const LABEL_TASK: &str = "com.docker.swarm.task.id";

/// How much of what a health check has printed is kept, in bytes.
const OUTPUT: usize = 500;

/// A container of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerFact {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image as it was named when the container was made.
    pub image: Option<String>,
    /// The service of a swarm that it belongs to.
    pub service: Option<String>,
    /// The task of that service.
    #[serde(rename = "taskID")]
    pub task_id: Option<String>,
    /// `created`, `running`, `paused`, `restarting`, `exited` or `dead`.
    pub state: Option<String>,
    /// What it ended with.
    pub exit_code: Option<i64>,
    /// Whether it was killed because it took too much memory.
    pub oom_killed: Option<bool>,
    /// How often its engine has started it again since a person started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_count: Option<i64>,
    /// When it was started last.
    pub started_at: Option<Timestamp>,
    /// When it ended last.
    pub finished_at: Option<Timestamp>,
    /// How its health check is set, by whoever started it or by its image; absent if it has none.
    #[serde(default)]
    pub healthcheck: Option<HealthCheck>,
    /// How its health check goes; absent if it has none.
    pub health: Option<HealthLog>,
}

/// How containers are checked; what is absent is as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// What is run.
    pub test: Vec<String>,
    /// Milliseconds from one probe to the next.
    pub interval: Option<i64>,
    /// Milliseconds that one may take.
    pub timeout: Option<i64>,
    /// How many have to fail in a row.
    pub retries: Option<i64>,
}

/// How a health check goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthLog {
    /// `starting`, `healthy` or `unhealthy`; what it was at the end, of a container that has ended.
    pub status: Option<String>,
    /// How many probes have failed in a row.
    pub failing_streak: Option<i64>,
    /// The last five probes, oldest first.
    pub log: Vec<HealthProbe>,
}

/// One run of a health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthProbe {
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// 0 if the container is well; -1 if the check took too long.
    pub exit_code: i64,
    /// The beginning of what it has printed.
    pub output: String,
}

impl Engine {
    /// All containers, those that have ended included, by name. What is known of those that have ended does not change,
    /// and is not asked for again.
    pub async fn containers(&self, before: &[ContainerFact]) -> Result<Vec<ContainerFact>, Source> {
        let all = ListContainersOptions { all: true, ..Default::default() };
        let listed = self.api().list_containers(Some(all)).await?;
        let ended: BTreeMap<&str, &ContainerFact> = before
            .iter()
            .filter(|container| container.state.as_deref() == Some("exited"))
            .map(|container| (container.id.as_str(), container))
            .collect();
        let asked = listed.into_iter().map(async |container| {
            let id = container.id.unwrap_or_default();
            let state = container.state.map(|state| state.to_string()).unwrap_or_default();
            if let Some(known) = ended.get(id.as_str()).filter(|_| state == "exited") {
                return Some((*known).clone());
            }
            // It may be gone meanwhile.
            let found = self.api().inspect_container(&id, None::<InspectContainerOptions>).await;
            found.ok().map(ContainerFact::of)
        });
        let mut containers: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
        containers.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(containers)
    }
}

impl ContainerFact {
    fn of(container: ContainerInspectResponse) -> Self {
        let config = container.config.unwrap_or_default();
        let state = container.state.unwrap_or_default();
        let mut labels = config.labels.unwrap_or_default();
        let finished_at = moment(state.finished_at.as_ref());
        let is_over = state.running != Some(true);
        Self {
            id: container.id.unwrap_or_default(),
            name: container.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            image: config.image,
            service: labels.remove(LABEL_SERVICE),
            task_id: labels.remove(LABEL_TASK),
            state: state.status.map(|status| status.to_string()),
            exit_code: state.exit_code.filter(|_| is_over && finished_at.is_some()),
            oom_killed: state.oom_killed,
            restart_count: container.restart_count,
            started_at: moment(state.started_at.as_ref()),
            finished_at,
            healthcheck: config.healthcheck.as_ref().map(HealthCheck::of),
            health: state.health.and_then(HealthLog::of),
        }
    }
}

impl HealthCheck {
    fn of(check: &HealthConfig) -> Self {
        // Nanoseconds, and 0 for what is as the engine has it.
        let time = |time: Option<i64>| time.filter(|it| *it > 0).map(|it| it / 1_000_000);
        Self {
            test: check.test.clone().unwrap_or_default(),
            interval: time(check.interval),
            timeout: time(check.timeout),
            retries: check.retries.filter(|it| *it > 0),
        }
    }
}

impl HealthLog {
    fn of(health: Health) -> Option<Self> {
        let status = health.status.map(|status| status.to_string()).unwrap_or_default();
        if status.is_empty() || status == "none" {
            return None;
        }
        let log = health.log.unwrap_or_default().iter().filter_map(HealthProbe::of).collect();
        Some(Self { status: Some(status), failing_streak: health.failing_streak, log })
    }
}

impl HealthProbe {
    fn of(result: &HealthcheckResult) -> Option<Self> {
        let mut output = result.output.clone().unwrap_or_default();
        while output.len() > OUTPUT {
            output.pop();
        }
        Some(Self {
            start: moment(result.start.as_ref())?,
            end: moment(result.end.as_ref())?,
            exit_code: result.exit_code?,
            output,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As an engine of version 26.1.5 told of one that a health check had found ill.
    fn ended() -> ContainerInspectResponse {
        serde_json::from_value(json!({
            "Id": "020fa304c126", "Name": "/web.1.jc06h204ccq99zxsacuev49vd",
            "Config": {"Image": "dojo/lab:1", "Healthcheck": {"Test": ["CMD-SHELL", "true"],
                "Interval": 3_000_000_000_i64, "Timeout": 2_000_000_000_i64, "Retries": 1}, "Labels": {
                "com.docker.swarm.service.name": "web", "com.docker.swarm.task": "",
                "com.docker.swarm.task.id": "jc06h204ccq99zxsacuev49vd"}},
            "State": {"Status": "exited", "Running": false, "Paused": false, "Restarting": false,
                "OOMKilled": false, "Dead": false, "Pid": 0, "ExitCode": 137, "Error": "",
                "StartedAt": "2026-11-28T15:30:42.858679623Z",
                "FinishedAt": "2026-11-28T15:31:13.984309446Z",
                "Health": {"Status": "unhealthy", "FailingStreak": 1, "Log": [
                    {"Start": "2026-11-28T15:30:59.835863968Z", "End": "2026-11-28T15:31:01.491197512Z",
                        "ExitCode": 0, "Output": ""},
                    {"Start": "2026-11-28T15:31:04.492581577Z", "End": "2026-11-28T15:31:06.66664237Z",
                        "ExitCode": -1, "Output": "Health check exceeded timeout (2s)"}]}}
        }))
        .unwrap()
    }

    #[test]
    fn a_container_that_has_ended_still_tells_of_its_health_check() {
        let container = ContainerFact::of(ended());
        assert_eq!(container.name, "web.1.jc06h204ccq99zxsacuev49vd");
        assert_eq!(container.service.as_deref(), Some("web"));
        assert_eq!((container.state.as_deref(), container.exit_code), (Some("exited"), Some(137)));
        let check = container.healthcheck.as_ref().unwrap();
        assert_eq!((check.interval, check.timeout), (Some(3000), Some(2000)));
        let health = container.health.as_ref().unwrap();
        assert_eq!(health.status.as_deref(), Some("unhealthy"));
        let last = health.log.last().unwrap();
        assert_eq!((health.log.len(), last.exit_code), (2, -1));
        assert_eq!(last.end.duration_since(last.start).as_millis(), 2174);
        let said = serde_json::to_value(&container).unwrap();
        assert_eq!(said["taskID"], "jc06h204ccq99zxsacuev49vd");
        assert_eq!(serde_json::from_value::<ContainerFact>(said).unwrap(), container);
    }

    #[test]
    fn one_that_runs_has_not_ended_with_zero_and_long_outputs_are_cut() {
        let mut running = ended();
        let state = running.state.as_mut().unwrap();
        (state.running, state.exit_code) = (Some(true), Some(0));
        state.finished_at = Some("0001-01-01T00:00:00Z".to_owned());
        let log = state.health.as_mut().unwrap().log.as_mut().unwrap();
        log[0].output = Some("가".repeat(4000));
        let container = ContainerFact::of(running);
        assert_eq!((container.exit_code, container.finished_at), (None, None));
        assert_eq!(container.health.unwrap().log[0].output, "가".repeat(OUTPUT / 3));
    }
}
