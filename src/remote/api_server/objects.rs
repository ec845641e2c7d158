//! Objects that are asked for only where somebody needs them. Of secrets nothing but their names and keys is kept.
//!
//! What is in the namespaces of the cluster itself is left out: there is much of it, and it is nobody's work.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{ConfigMap, Event, PodSpec, Secret};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Resource, ResourceExt as _};
use serde::{Deserialize, Serialize};

use super::details::{Owner, controller, moment, revision};

/// A replica set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaSetStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which one of that name it is.
    pub uid: String,
    /// What has made it.
    pub owner: Option<Owner>,
    /// Which revision of its deployment it is.
    pub revision: Option<i64>,
    /// How many pods are to run.
    pub replicas: Option<i32>,
    /// How many are ready.
    pub ready_replicas: Option<i32>,
    /// The images of its containers.
    pub images: Vec<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which one of that name it is.
    pub uid: String,
    /// What has made it; absent for one that somebody made by hand.
    pub owner: Option<Owner>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When its first pod was made.
    pub start_time: Option<Timestamp>,
    /// When it was done.
    pub completion_time: Option<Timestamp>,
    /// How many of its pods run.
    pub active: Option<i32>,
    /// How many have ended well.
    pub succeeded: Option<i32>,
    /// How many have not.
    pub failed: Option<i32>,
}

/// A cron job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronJobStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which one of that name it is.
    pub uid: String,
    /// When it makes jobs: `*/1 * * * *`.
    pub schedule: String,
    /// Whether it makes none for now.
    pub suspend: Option<bool>,
    /// Whether a job may begin while another one runs: `Allow`, `Forbid` or `Replace`.
    pub concurrency_policy: Option<String>,
    /// The images of its containers.
    pub images: Vec<String>,
    /// When it made a job last.
    pub last_schedule_time: Option<Timestamp>,
}

/// An event: something that a part of the cluster tells of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventFact {
    /// The namespace of what it is about.
    pub namespace: String,
    /// Which event it is.
    pub uid: String,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What it is, in a word: `Unhealthy`.
    pub reason: Option<String>,
    /// In a sentence.
    pub message: Option<String>,
    /// What it is about.
    pub about: Owner,
    /// The uid of what it is about.
    pub about_uid: Option<String>,
    /// How often it happened.
    pub count: i32,
    /// When it happened first.
    pub first: Option<Timestamp>,
    /// When it happened last.
    pub last: Option<Timestamp>,
    /// Who tells of it: `kubelet`.
    pub source: Option<String>,
    /// The node of whoever tells of it.
    pub host: Option<String>,
}

/// A config map or a secret, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysFact {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which one of that name it is.
    pub uid: String,
    /// Its keys.
    pub keys: Vec<String>,
}

/// A pod disruption budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which one of that name it is.
    pub uid: String,
    /// How many pods have to stay, or what share of them.
    pub min_available: Option<String>,
    /// How many may be away, or what share of them.
    pub max_unavailable: Option<String>,
    /// How many may be taken away now.
    pub disruptions_allowed: Option<i32>,
}

/// Whether an object is of the cluster itself.
pub(super) fn is_of_cluster(object: &impl Resource) -> bool {
    object.meta().namespace.as_deref().is_some_and(|name| name.starts_with("kube-"))
}

fn images(spec: Option<&PodSpec>) -> Vec<String> {
    let containers = spec.iter().flat_map(|spec| &spec.containers);
    containers.filter_map(|container| container.image.clone()).collect()
}

fn place(metadata: &ObjectMeta) -> (String, String, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&metadata.namespace), text(&metadata.name), text(&metadata.uid))
}

impl ReplicaSetStatus {
    pub(super) fn of(object: &ReplicaSet) -> Self {
        let (namespace, name, uid) = place(&object.metadata);
        let spec = object.spec.as_ref();
        Self {
            namespace,
            name,
            uid,
            owner: controller(&object.metadata),
            revision: revision(&object.metadata),
            replicas: spec.and_then(|spec| spec.replicas),
            ready_replicas: object.status.as_ref().map(|it| it.ready_replicas.unwrap_or(0)),
            images: images(spec.and_then(|it| it.template.as_ref()?.spec.as_ref())),
        }
    }
}

impl JobStatus {
    pub(super) fn of(object: &Job) -> Self {
        let (namespace, name, uid) = place(&object.metadata);
        let status = object.status.as_ref();
        Self {
            namespace,
            name,
            uid,
            owner: controller(&object.metadata),
            created_at: moment(object.metadata.creation_timestamp.as_ref()),
            start_time: moment(status.and_then(|it| it.start_time.as_ref())),
            completion_time: moment(status.and_then(|it| it.completion_time.as_ref())),
            // Zero is left out by the API.
            active: status.map(|it| it.active.unwrap_or(0)),
            succeeded: status.map(|it| it.succeeded.unwrap_or(0)),
            failed: status.map(|it| it.failed.unwrap_or(0)),
        }
    }
}

impl CronJobStatus {
    pub(super) fn of(object: &CronJob) -> Self {
        let (namespace, name, uid) = place(&object.metadata);
        let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
        let template = spec.and_then(|it| it.job_template.spec.as_ref());
        Self {
            namespace,
            name,
            uid,
            schedule: spec.map(|it| it.schedule.clone()).unwrap_or_default(),
            suspend: spec.and_then(|it| it.suspend),
            concurrency_policy: spec.and_then(|it| it.concurrency_policy.clone()),
            images: images(template.and_then(|it| it.template.spec.as_ref())),
            last_schedule_time: moment(status.and_then(|it| it.last_schedule_time.as_ref())),
        }
    }
}

impl EventFact {
    pub(super) fn of(object: &Event) -> Self {
        let about = &object.involved_object;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let said = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
        let (source, series) = (object.source.as_ref(), object.series.as_ref());
        // There are two ways to write events: as of old, and as a series.
        let begun = object.event_time.as_ref().map(|time| time.0);
        let first = moment(object.first_timestamp.as_ref()).or(begun);
        let again = series.and_then(|series| series.last_observed_time.as_ref());
        let last = again.map(|time| time.0).or(moment(object.last_timestamp.as_ref())).or(first);
        let component = source.and_then(|source| said(source.component.as_ref()));
        let host = source.and_then(|source| said(source.host.as_ref()));
        Self {
            namespace: text(&about.namespace),
            uid: object.uid().unwrap_or_default(),
            kind: object.type_.clone(),
            reason: object.reason.clone(),
            message: object.message.clone(),
            about: Owner { kind: text(&about.kind), name: text(&about.name) },
            about_uid: about.uid.clone(),
            count: series.and_then(|series| series.count).or(object.count).unwrap_or(1),
            first,
            last,
            source: component.or_else(|| said(object.reporting_component.as_ref())),
            host: host.or_else(|| said(object.reporting_instance.as_ref())),
        }
    }
}

impl KeysFact {
    fn new(kind: &str, metadata: &ObjectMeta, mut keys: Vec<String>) -> Self {
        let (namespace, name, uid) = place(metadata);
        keys.sort();
        Self { kind: kind.to_owned(), namespace, name, uid, keys }
    }

    pub(super) fn of_config_map(object: &ConfigMap) -> Self {
        let texts = object.data.iter().flat_map(|data| data.keys());
        let bytes = object.binary_data.iter().flat_map(|data| data.keys());
        Self::new("ConfigMap", &object.metadata, texts.chain(bytes).cloned().collect())
    }

    pub(super) fn of_secret(object: &Secret) -> Self {
        let keys = object.data.iter().flat_map(|data| data.keys());
        Self::new("Secret", &object.metadata, keys.cloned().collect())
    }
}

/// Takes out of a secret what is secret, before it is kept.
pub(super) fn forget(secret: &mut Secret) {
    secret
        .data
        .iter_mut()
        .flat_map(|data| data.values_mut())
        .for_each(|it| *it = ByteString::default());
    // `kubectl apply` keeps all of it once more.
    secret.metadata.annotations = None;
    (secret.string_data, secret.metadata.managed_fields) = (None, None);
}

impl BudgetStatus {
    pub(super) fn of(object: &PodDisruptionBudget) -> Self {
        let (namespace, name, uid) = place(&object.metadata);
        let number = |number: &IntOrString| match number {
            IntOrString::Int(number) => number.to_string(),
            IntOrString::String(share) => share.clone(),
        };
        let spec = object.spec.as_ref();
        Self {
            namespace,
            name,
            uid,
            min_available: spec.and_then(|it| it.min_available.as_ref()).map(number),
            max_unavailable: spec.and_then(|it| it.max_unavailable.as_ref()).map(number),
            disruptions_allowed: object.status.as_ref().map(|it| it.disruptions_allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As an API server of version 1.37 tells of a liveness probe that fails again and again.
    fn unhealthy() -> Event {
        serde_json::from_value(json!({"count": 8, "eventTime": null, "firstTimestamp": "2026-11-28T15:47:25Z",
            "involvedObject": {"apiVersion": "v1", "fieldPath": "spec.containers{web}", "kind": "Pod",
                "name": "web-8694688cf8-t7k9f", "namespace": "default", "uid": "u1"},
            "lastTimestamp": "2026-11-28T15:47:58Z", "message": "Liveness probe failed: connection refused",
            "metadata": {"name": "web.18ec401d1b9bd5ab", "uid": "e1", "namespace": "default"},
            "reason": "Unhealthy", "reportingComponent": "kubelet", "reportingInstance": "control-plane-1",
            "source": {"component": "kubelet", "host": "control-plane-1"}, "type": "Warning"}))
        .unwrap()
    }

    #[test]
    fn an_event_tells_how_often_it_came_and_who_tells_of_it() {
        let event = EventFact::of(&unhealthy());
        assert_eq!((event.count, event.about.kind.as_str()), (8, "Pod"));
        assert_eq!(event.last.unwrap().to_string(), "2026-11-28T15:47:58Z");
        assert_eq!(event.source.as_deref(), Some("kubelet"));
        assert_eq!(event.host.as_deref(), Some("control-plane-1"));
        // The newer way to write one.
        let series: Event = serde_json::from_value(json!({"eventTime": "2026-11-28T15:47:25.5Z",
            "involvedObject": {"kind": "Node", "name": "n"}, "metadata": {"namespace": "default"},
            "series": {"count": 3, "lastObservedTime": "2026-11-28T15:48:25.5Z"}, "reportingComponent": "s"}))
        .unwrap();
        let event = EventFact::of(&series);
        assert_eq!((event.count, event.source.as_deref()), (3, Some("s")));
        assert_eq!(event.last.unwrap().to_string(), "2026-11-28T15:48:25.5Z");
    }

    #[test]
    fn a_job_tells_what_has_made_it() {
        let job: Job = serde_json::from_value(json!({"metadata": {"name": "visitor-1", "namespace": "default",
                "uid": "j1", "creationTimestamp": "2026-11-28T15:48:00Z", "ownerReferences": [{"apiVersion":
                "batch/v1", "controller": true, "kind": "CronJob", "name": "visitor", "uid": "c1"}]},
            "status": {"active": 1, "ready": 1, "startTime": "2026-11-28T15:48:00Z", "terminating": 0}}))
        .unwrap();
        let job = JobStatus::of(&job);
        assert_eq!(job.owner.unwrap().name, "visitor");
        assert_eq!((job.active, job.succeeded, job.completion_time), (Some(1), Some(0), None));
    }

    #[test]
    fn nothing_that_is_secret_is_kept() {
        let mut secret: Secret =
            serde_json::from_value(json!({"metadata": {"name": "s", "namespace": "default",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}},
            "data": {"password": "aHVudGVyMg=="}}))
            .unwrap();
        let keys = KeysFact::of_secret(&secret);
        assert_eq!(keys.keys, ["password"]);
        forget(&mut secret);
        assert_eq!(KeysFact::of_secret(&secret), keys);
        let left = format!("{secret:?}");
        assert!(!left.contains("hunter2") && !left.contains("104, 117"), "{left}");
        let of_cluster: Secret =
            serde_json::from_value(json!({"metadata": {"name": "t", "namespace": "kube-system"}}))
                .unwrap();
        assert!(is_of_cluster(&of_cluster) && !is_of_cluster(&secret));
    }
}
