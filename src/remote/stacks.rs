//! What services of a swarm say beyond how they are, and what belongs to stacks.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Mount, NetworkAttachmentConfig, Service, ServiceSpec};
use bollard::query_parameters::{ListConfigsOptions, ListNetworksOptions, ListSecretsOptions};
use futures_util::future::try_join3;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::driver::Source;

use super::Engine;
use super::said::{moment, said};

/// What a service says beyond how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDetails {
    /// Its labels; that of its stack among them.
    pub labels: BTreeMap<String, String>,
    /// Where volumes, folders and files are mounted in its containers, as `SOURCE:TARGET`.
    pub mounts: Vec<String>,
    /// The names of its configs.
    pub configs: Vec<String>,
    /// The names of its secrets.
    pub secrets: Vec<String>,
    /// Its networks: their names if stacks were asked for, else their ids.
    pub networks: Vec<String>,
    /// How often it was restarted by `--force`.
    pub force_update: u64,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
    /// When its last update began.
    pub update_started_at: Option<Timestamp>,
    /// When that came to its end.
    pub update_completed_at: Option<Timestamp>,
    /// What the swarm says of that.
    pub update_message: Option<String>,
}

/// A network, a config or a secret of a swarm, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SwarmObject {
    /// `network`, `config` or `secret`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its labels; that of its stack among them.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// The networks, configs and secrets of the swarm.
    pub(super) async fn swarm_objects(&self) -> Result<Vec<SwarmObject>, Source> {
        let of_swarm = HashMap::from([("scope".to_owned(), vec!["swarm".to_owned()])]);
        let of_swarm = ListNetworksOptions { filters: Some(of_swarm) };
        let (networks, configs, secrets) = try_join3(
            self.api().list_networks(Some(of_swarm)),
            self.api().list_configs(None::<ListConfigsOptions>),
            self.api().list_secrets(None::<ListSecretsOptions>),
        )
        .await?;
        let object = |kind: &str, name: Option<String>, id: Option<String>, labels: Option<_>| {
            let labels: HashMap<String, String> = labels.unwrap_or_default();
            SwarmObject {
                kind: kind.to_owned(),
                name: name.unwrap_or_default(),
                id: id.unwrap_or_default(),
                labels: labels.into_iter().collect(),
            }
        };
        let networks = networks.into_iter().map(|it| object("network", it.name, it.id, it.labels));
        let configs = configs.into_iter().map(|it| {
            let spec = it.spec.unwrap_or_default();
            object("config", spec.name, it.id, spec.labels)
        });
        let secrets = secrets.into_iter().map(|it| {
            let spec = it.spec.unwrap_or_default();
            object("secret", spec.name, it.id, spec.labels)
        });
        let mut all: Vec<_> = networks.chain(configs).chain(secrets).collect();
        all.sort();
        Ok(all)
    }
}

impl ServiceDetails {
    pub(super) fn of(service: &Service, objects: &[SwarmObject]) -> Self {
        let none = ServiceSpec::default();
        let spec = service.spec.as_ref().unwrap_or(&none);
        let task = spec.task_template.as_ref();
        let container = task.and_then(|task| task.container_spec.as_ref());
        let update = service.update_status.as_ref();
        let mount = |mount: &Mount| {
            let source = mount.source.as_deref().unwrap_or_default();
            format!("{source}:{}", mount.target.as_deref().unwrap_or_default())
        };
        let network = |network: &NetworkAttachmentConfig| {
            let target = network.target.clone().unwrap_or_default();
            let found = objects.iter().find(|it| it.kind == "network" && it.id == target);
            found.map_or(target, |it| it.name.clone())
        };
        let mounts = container.and_then(|it| it.mounts.as_ref());
        let configs = container.and_then(|it| it.configs.as_ref());
        let secrets = container.and_then(|it| it.secrets.as_ref());
        // Engines before 1.44 of the API had them beside the tasks, not in them.
        let networks = task.and_then(|it| it.networks.as_ref());
        Self {
            labels: spec.labels.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            mounts: mounts.into_iter().flatten().map(mount).collect(),
            configs: configs
                .into_iter()
                .flatten()
                .filter_map(|it| it.config_name.clone())
                .collect(),
            secrets: secrets
                .into_iter()
                .flatten()
                .filter_map(|it| it.secret_name.clone())
                .collect(),
            networks: networks.into_iter().flatten().map(network).collect(),
            force_update: task.and_then(|it| it.force_update).unwrap_or(0),
            updated_at: moment(service.updated_at.as_ref()),
            update_started_at: moment(update.and_then(|it| it.started_at.as_ref())),
            update_completed_at: moment(update.and_then(|it| it.completed_at.as_ref())),
            update_message: update.and_then(|it| said(it.message.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_tells_its_stack_and_its_networks() {
        let service: Service = serde_json::from_value(json!({"ID": "s1", "UpdatedAt": "2026-11-28T15:31:43.86Z",
            "Spec": {"Name": "lab_web", "Labels": {"com.docker.stack.namespace": "lab"}, "TaskTemplate": {
                "ContainerSpec": {"Image": "dojo/lab:1",
                    "Mounts": [{"Type": "volume", "Source": "data", "Target": "/data"}],
                    "Configs": [{"ConfigID": "c", "ConfigName": "lab_page"}]},
                "Networks": [{"Target": "n1"}, {"Target": "n2"}], "ForceUpdate": 1},
                "Mode": {"Replicated": {"Replicas": 1}}},
            "UpdateStatus": {"State": "completed", "StartedAt": "2026-11-28T15:31:31.18Z",
                "CompletedAt": "2026-11-28T15:31:43.86Z", "Message": "update completed"}}))
        .unwrap();
        let network = SwarmObject {
            kind: "network".to_owned(),
            name: "lab_default".to_owned(),
            id: "n1".to_owned(),
            labels: BTreeMap::new(),
        };
        let details = ServiceDetails::of(&service, &[network]);
        assert_eq!(details.labels["com.docker.stack.namespace"], "lab");
        assert_eq!(details.networks, ["lab_default", "n2"]);
        assert_eq!(
            (details.mounts, details.configs),
            (vec!["data:/data".to_owned()], vec!["lab_page".to_owned()])
        );
        assert_eq!((details.force_update, details.secrets.len()), (1, 0));
        assert_eq!(details.update_started_at.unwrap().to_string(), "2026-11-28T15:31:31.18Z");
    }
}
