//! Objects that are asked for only where somebody needs them: once, and as they change.

use futures_util::future::{try_join, try_join5};
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::runtime::watcher;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::driver::Source;
use crate::remote::extras::{Extra, Extras};

use super::objects::{
    BudgetStatus, CronJobStatus, EventFact, JobStatus, KeysFact, ReplicaSetStatus, forget,
    is_of_cluster,
};
use super::typed::Typed;
use super::watching::Watched;
use super::{ApiError, ApiServer};

/// What was asked for beyond nodes, workloads and pods; what was not asked for is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KubernetesExtras {
    /// Replica sets, by namespace and name.
    pub replica_sets: Option<Vec<ReplicaSetStatus>>,
    /// Jobs, by namespace and name.
    pub jobs: Option<Vec<JobStatus>>,
    /// Cron jobs, by namespace and name.
    pub cron_jobs: Option<Vec<CronJobStatus>>,
    /// Events, oldest first.
    pub events: Option<Vec<EventFact>>,
    /// Config maps and secrets, by namespace, kind and name.
    pub keys: Option<Vec<KeysFact>>,
    /// Pod disruption budgets, by namespace and name.
    pub budgets: Option<Vec<BudgetStatus>>,
}

/// What is told of objects, those of the cluster itself left out, in an order that does not change by itself.
fn told<'a, K, T, O>(
    objects: Option<impl Iterator<Item = &'a K>>,
    of: fn(&K) -> T,
    order: impl Fn(&T) -> O,
) -> Option<Vec<T>>
where
    K: Resource + 'a,
    O: Ord,
{
    let mut told: Vec<_> = objects?.filter(|object| !is_of_cluster(*object)).map(of).collect();
    told.sort_by_key(order);
    Some(told)
}

/// All objects, of each kind that was asked for.
struct Objects<R, J, C, E, M, S, B> {
    replica_sets: Option<R>,
    jobs: Option<J>,
    cron_jobs: Option<C>,
    events: Option<E>,
    config_maps: Option<M>,
    secrets: Option<S>,
    budgets: Option<B>,
}

impl<'a, R, J, C, E, M, S, B> Objects<R, J, C, E, M, S, B>
where
    R: Iterator<Item = &'a ReplicaSet>,
    J: Iterator<Item = &'a Job>,
    C: Iterator<Item = &'a CronJob>,
    E: Iterator<Item = &'a Event>,
    M: Iterator<Item = &'a ConfigMap>,
    S: Iterator<Item = &'a Secret>,
    B: Iterator<Item = &'a PodDisruptionBudget>,
{
    fn told(self) -> KubernetesExtras {
        let place = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        let of_keys = |it: &KeysFact| (place(&it.namespace, &it.kind), it.name.clone());
        let config_maps = told(self.config_maps, KeysFact::of_config_map, of_keys);
        let secrets = told(self.secrets, KeysFact::of_secret, of_keys);
        let events = told(self.events, EventFact::of, |it| (it.last, it.uid.clone()));
        KubernetesExtras {
            replica_sets: told(self.replica_sets, ReplicaSetStatus::of, |it| {
                place(&it.namespace, &it.name)
            }),
            jobs: told(self.jobs, JobStatus::of, |it| place(&it.namespace, &it.name)),
            cron_jobs: told(self.cron_jobs, CronJobStatus::of, |it| place(&it.namespace, &it.name)),
            events,
            keys: config_maps.zip(secrets).map(|(maps, secrets)| {
                let mut all = [maps, secrets].concat();
                all.sort_by_key(of_keys);
                all
            }),
            budgets: told(self.budgets, BudgetStatus::of, |it| place(&it.namespace, &it.name)),
        }
    }
}

impl ApiServer {
    /// What was asked for, as it is now.
    pub(super) async fn extras(&self, asked: Extras) -> Result<KubernetesExtras, ApiError> {
        let most = try_join5(
            self.list_if(asked.has(Extra::ReplicaSets), "list the replica sets"),
            self.list_if(asked.has(Extra::Jobs), "list the jobs"),
            self.list_if(asked.has(Extra::Jobs), "list the cron jobs"),
            self.list_if(asked.has(Extra::Events), "list the events"),
            self.list_if(asked.has(Extra::Budgets), "list the disruption budgets"),
        );
        let keys = try_join(
            self.list_if(asked.has(Extra::Keys), "list the config maps"),
            self.list_if(asked.has(Extra::Keys), "list the secrets"),
        );
        let (most, keys) = try_join(Box::pin(most), Box::pin(keys)).await?;
        let (replica_sets, jobs, cron_jobs, events, budgets) = most;
        let objects = Objects {
            replica_sets: replica_sets.as_ref().map(|list| list.iter()),
            jobs: jobs.as_ref().map(|list| list.iter()),
            cron_jobs: cron_jobs.as_ref().map(|list| list.iter()),
            events: events.as_ref().map(|list| list.iter()),
            config_maps: keys.0.as_ref().map(|list| list.iter()),
            secrets: keys.1.as_ref().map(|list| list.iter()),
            budgets: budgets.as_ref().map(|list| list.iter()),
        };
        Ok(objects.told())
    }

    async fn list_if<K>(&self, is_asked: bool, operation: &str) -> Result<Option<Vec<K>>, ApiError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        if is_asked { self.all(operation).await.map(Some) } else { Ok(None) }
    }
}

/// Watches of what was asked for.
pub(super) struct Asked {
    replica_sets: Option<Watched<ReplicaSet>>,
    jobs: Option<Watched<Job>>,
    cron_jobs: Option<Watched<CronJob>>,
    events: Option<Watched<Event>>,
    config_maps: Option<Watched<ConfigMap>>,
    secrets: Option<Watched<Secret>>,
    budgets: Option<Watched<PodDisruptionBudget>>,
}

fn watched<K>(client: &Client, is_asked: bool) -> Option<Watched<K>>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    is_asked.then(|| Watched::new(&Typed::all(client), watcher::Config::default()))
}

async fn heard<K>(watched: &mut Option<Watched<K>>) -> Result<(), Source>
where
    K: Resource<DynamicType = ()> + DeserializeOwned,
{
    match watched {
        Some(watched) => watched.told().await,
        None => std::future::pending().await,
    }
}

impl Asked {
    pub(super) fn new(client: &Client, asked: Extras) -> Self {
        Self {
            replica_sets: watched(client, asked.has(Extra::ReplicaSets)),
            jobs: watched(client, asked.has(Extra::Jobs)),
            cron_jobs: watched(client, asked.has(Extra::Jobs)),
            events: watched(client, asked.has(Extra::Events)),
            config_maps: watched(client, asked.has(Extra::Keys)),
            secrets: watched(client, asked.has(Extra::Keys)).map(|it| it.keeping(forget)),
            budgets: watched(client, asked.has(Extra::Budgets)),
        }
    }

    /// Waits for the first list of one of them, or for the next change after it.
    pub(super) async fn told(&mut self) -> Result<(), Source> {
        tokio::select! {
            result = heard(&mut self.replica_sets) => result,
            result = heard(&mut self.jobs) => result,
            result = heard(&mut self.cron_jobs) => result,
            result = heard(&mut self.events) => result,
            result = heard(&mut self.config_maps) => result,
            result = heard(&mut self.secrets) => result,
            result = heard(&mut self.budgets) => result,
        }
    }

    /// Whether all of them are known by now.
    pub(super) fn is_listed(&self) -> bool {
        fn is<K>(watched: Option<&Watched<K>>) -> bool {
            watched.is_none_or(Watched::is_listed)
        }
        is(self.replica_sets.as_ref())
            && is(self.jobs.as_ref())
            && is(self.cron_jobs.as_ref())
            && is(self.events.as_ref())
            && is(self.config_maps.as_ref())
            && is(self.secrets.as_ref())
            && is(self.budgets.as_ref())
    }

    /// What was told by now.
    pub(super) fn view(&self) -> KubernetesExtras {
        let objects = Objects {
            replica_sets: self.replica_sets.as_ref().map(Watched::objects),
            jobs: self.jobs.as_ref().map(Watched::objects),
            cron_jobs: self.cron_jobs.as_ref().map(Watched::objects),
            events: self.events.as_ref().map(Watched::objects),
            config_maps: self.config_maps.as_ref().map(Watched::objects),
            secrets: self.secrets.as_ref().map(Watched::objects),
            budgets: self.budgets.as_ref().map(Watched::objects),
        };
        objects.told()
    }
}
