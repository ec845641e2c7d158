//! Containers of a machine's engine that nobody starts again but the user.

use bollard::models::RestartPolicyNameEnum;
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, StartContainerOptions,
};

use crate::driver::Source;

use super::Engine;

/// The label of a container that a swarm takes care of.
const LABEL_TASK: &str = "com.docker.swarm.task.id";

/// A container that runs, and would not by itself once its engine has been restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mortal {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is removed when it ends.
    pub goes: bool,
}

impl Engine {
    /// The containers that run and would stay off after a restart of the engine.
    pub async fn mortal_containers(&self) -> Result<Vec<Mortal>, Source> {
        let all = self.api().list_containers(None::<ListContainersOptions>).await?;
        let mut mortal = Vec::new();
        for listed in all {
            if listed.labels.is_some_and(|labels| labels.contains_key(LABEL_TASK)) {
                continue;
            }
            let id = listed.id.unwrap_or_default();
            let asked = self.api().inspect_container(&id, None::<InspectContainerOptions>).await;
            // It may have ended meanwhile.
            let Ok(container) = asked else { continue };
            let host = container.host_config.unwrap_or_default();
            let policy = host.restart_policy.and_then(|policy| policy.name);
            let comes_back = matches!(
                policy,
                Some(RestartPolicyNameEnum::ALWAYS | RestartPolicyNameEnum::UNLESS_STOPPED)
            );
            if !comes_back {
                let name = container.name.unwrap_or_default().trim_start_matches('/').to_owned();
                mortal.push(Mortal { id, name, goes: host.auto_remove == Some(true) });
            }
        }
        Ok(mortal)
    }

    /// Starts a container; fine if it runs.
    pub async fn start_container(&self, id: &str) -> Result<(), Source> {
        Ok(self.api().start_container(id, None::<StartContainerOptions>).await?)
    }
}
