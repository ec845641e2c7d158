//! What is asked of Kubernetes only where a step needs it: events, jobs, replica sets, labels, probes, taints, objects.

use clusterdojo::lesson::{Outcome, Reason};
use serde_json::{Value, json};

use super::families::{YES, at, judged, no, once, pod, web};

/// Parts of facts put together.
fn both(mut one: Value, other: &Value) -> Value {
    for (name, items) in other.as_object().unwrap() {
        one[name] = items.clone();
    }
    one
}

fn event(reason: &str, count: i32, last: f64) -> Value {
    json!({"namespace": "default", "uid": format!("e-{reason}"), "type": "Warning", "reason": reason,
        "message": "Liveness probe failed: HTTP probe failed with statuscode: 503",
        "about": {"kind": "Pod", "name": "web-a-1"}, "aboutUid": "u1", "count": count, "first": at(-60.0),
        "last": at(last), "source": "kubelet", "host": "worker-1"})
}

#[test]
fn events_count_where_they_came_or_came_again_since_the_mark() {
    let pods = web(&[pod("web-a-1", "u1", true, 0, None)]);
    let with = |events: &[Value]| both(pods.clone(), &json!({"events": events}));
    let check = "{ k8s.event: { reason: Unhealthy, pods: deployment/web, text: Liveness, source: kubelet } }";
    let none = with(&[]);
    assert_eq!(once(check, &none, with(&[event("Unhealthy", 1, 0.9)])), YES);
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoEvent));
    assert_eq!(once(check, &none, with(&[event("Killing", 1, 0.9)])), no(Reason::NoEvent));
    let readiness = check.replace("Liveness", "Readiness");
    let seen = with(&[event("Unhealthy", 1, 0.9)]);
    assert_eq!(once(&readiness, &none, seen.clone()), no(Reason::NoEvent));
    let other = check.replace("deployment/web", "deployment/api");
    assert_eq!(once(&other, &none, seen.clone()), no(Reason::NoEvent));
    let about = check.replace("pods: deployment/web", "about: pod/web-a-1");
    assert_eq!(once(&about, &none, seen), YES);
    // It had come before, and has come again.
    let before = with(&[event("Unhealthy", 2, -9.0)]);
    assert_eq!(once(check, &before, before.clone()), no(Reason::NoEvent));
    assert_eq!(once(check, &before, with(&[event("Unhealthy", 3, 0.5)])), YES);
    let twice = check.replace("source", "count: 2, source");
    assert_eq!(
        once(&twice, &before, with(&[event("Unhealthy", 3, 0.5)])),
        no(Reason::TooFewEvents)
    );
    assert_eq!(once(&twice, &before, with(&[event("Unhealthy", 4, 0.5)])), YES);
    // A pod that is gone has been told of, too.
    let gone = json!({"workloads": [], "pods": [], "events": [event("Unhealthy", 1, 3.0)]});
    assert_eq!(judged(check, &none, &[(1.0, none.clone()), (9.0, gone)]), YES);
    let unasked = once(check, &pods, pods.clone());
    assert_eq!(unasked, (Outcome::CannotTell, Some(Reason::NotKnown)));
}

#[test]
fn a_restart_by_a_probe_is_told_from_one_by_hand() {
    let check = "{ then: [{ k8s.event: { reason: Unhealthy, pods: deployment/web, text: Liveness } }, \
                 { k8s.restarted: { pods: deployment/web, same: [uid] } }] }";
    let before = both(web(&[pod("web-a-1", "u1", true, 0, None)]), &json!({"events": []}));
    let after = |events: &[Value]| {
        let pods = web(&[pod("web-a-1", "u1", true, 1, Some((137, 8.0)))]);
        [(20.0, both(pods, &json!({"events": events})))]
    };
    assert_eq!(judged(check, &before, &after(&[event("Unhealthy", 2, 5.0)])), YES);
    assert_eq!(judged(check, &before, &after(&[])), no(Reason::NoEvent));
}

fn job(name: &str, cron: Option<&str>, done: Option<f64>, failed: i32) -> Value {
    json!({"namespace": "default", "name": name, "uid": format!("j-{name}"),
        "owner": cron.map(|name| json!({"kind": "CronJob", "name": name})), "createdAt": at(2.0),
        "startTime": at(2.0), "completionTime": done.map(at), "active": i32::from(done.is_none() && failed == 0),
        "succeeded": i32::from(done.is_some()), "failed": failed})
}

fn jobs(jobs: &[Value]) -> Value {
    json!({"jobs": jobs, "cronJobs": [{"namespace": "default", "name": "visitor", "uid": "c1",
        "schedule": "*/1 * * * *", "suspend": false, "concurrencyPolicy": "Forbid", "images": ["dojo/lab:1"]}]})
}

#[test]
fn jobs_are_those_that_a_cron_job_has_made() {
    let none = json!({"jobs": [], "cronJobs": []});
    let check = "{ k8s.jobs: { cronjob: visitor, succeeded: '>=2' } }";
    let (one, two) = (
        job("visitor-29700001", Some("visitor"), Some(5.0), 0),
        job("visitor-29700002", Some("visitor"), Some(9.0), 0),
    );
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoCronJob));
    assert_eq!(judged(check, &none, &[(10.0, jobs(&[one.clone(), two.clone()]))]), YES);
    assert_eq!(
        judged(check, &none, &[(10.0, jobs(std::slice::from_ref(&one)))]),
        no(Reason::TooFewJobs)
    );
    // The first one is not kept any more.
    let slice = std::slice::from_ref;
    let seen = [(6.0, jobs(slice(&one))), (10.0, jobs(slice(&two)))];
    assert_eq!(judged(check, &none, &seen), YES);
    let old = job("visitor-29700000", Some("visitor"), Some(-5.0), 0);
    assert_eq!(judged(check, &none, &[(10.0, jobs(&[old, two.clone()]))]), no(Reason::TooFewJobs));
    let by_hand = [(10.0, jobs(&[one.clone(), job("mine", None, Some(5.0), 0)]))];
    assert_eq!(judged(check, &none, &by_hand), no(Reason::NotFromCronJob));
    let from_it = [(10.0, jobs(&[one.clone(), job("visitor-now", Some("visitor"), Some(5.0), 0)]))];
    assert_eq!(judged(check, &none, &from_it), YES);
    let due = check.replace("visitor,", "visitor, scheduled: true,");
    assert_eq!(judged(&due, &none, &from_it), no(Reason::NotFromCronJob));
    let failed = [(10.0, jobs(&[one.clone(), job("visitor-29700003", Some("visitor"), None, 1)]))];
    assert_eq!(judged(check, &none, &failed), no(Reason::JobFailed));
    let hand = "{ k8s.jobs: { job: mine, succeeded: 1 } }";
    assert_eq!(judged(hand, &none, &by_hand), YES);
    let overlap = "{ never: { k8s.jobs: { cronjob: visitor, active: '>=2' } } }";
    let run = |name: &str| job(name, Some("visitor"), None, 0);
    assert_eq!(
        judged(overlap, &none, &[(3.0, jobs(&[run("visitor-29700001")])), (9.0, jobs(&[]))]),
        YES
    );
    let seen = [(3.0, jobs(&[run("visitor-29700001"), run("visitor-29700002")])), (9.0, jobs(&[]))];
    assert_eq!(judged(overlap, &none, &seen), (Outcome::Lost, Some(Reason::Happened)));
}

#[test]
fn a_cron_job_is_set_as_the_step_wants_it() {
    let check = "{ k8s.cronjob: { name: visitor, schedule: '*/1 * * * *', suspend: false, concurrency: Forbid, \
                 image: 'dojo/lab:1' } }";
    let none = json!({"jobs": [], "cronJobs": []});
    assert_eq!(once(check, &none, jobs(&[])), YES);
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoCronJob));
    for (from, to) in
        [("*/1", "*/5"), ("false", "true"), ("Forbid", "Allow"), ("dojo/lab:1", "dojo/lab:2")]
    {
        assert_eq!(
            once(&check.replace(from, to), &none, jobs(&[])),
            no(Reason::OtherSetting),
            "{to}"
        );
    }
}

/// A pod with what it says beyond how it is.
fn detailed(name: &str, image: &str, labels: &Value) -> Value {
    let mut pod = pod(name, &format!("u-{name}"), true, 0, None);
    pod["details"] = json!({"labels": labels, "createdAt": at(-9.0),
        "controller": {"kind": "ReplicaSet", "name": "web-a"},
        "containers": [{"name": "web", "imageID": format!("docker.io/dojo/lab@sha256:{image}"),
            "liveness": {"period": 10, "timeout": 1, "failures": 2}, "readiness": null}]});
    pod
}

#[test]
fn pods_are_found_by_labels_and_by_replica_sets() {
    let app = json!({"app": "web", "tier": "front"});
    let one = web(&[
        detailed("web-a-1", "ab", &app),
        detailed("other-1", "ab", &json!({"app": "other"})),
    ]);
    for (pods, ready) in
        [("app=web", 1), ("'app=web,tier=front'", 1), ("app=other", 1), ("replicaset/web-a", 2)]
    {
        let check = format!("{{ k8s.pods: {{ selector: {pods}, ready: {ready} }} }}");
        assert_eq!(once(&check, &one, one.clone()), YES, "{pods}");
    }
    let check = "{ k8s.pods: { pods: 'app=web,tier=back', ready: 1 } }";
    assert_eq!(once(check, &one, one.clone()), no(Reason::NoPods));
    let unasked = web(&[pod("web-a-1", "u1", true, 0, None)]);
    let told = once(check, &unasked, unasked.clone());
    assert_eq!(told, (Outcome::CannotTell, Some(Reason::NotKnown)));
    // A pod of a job that a cron job has made.
    let mut visitor = pod("v-1-x", "u9", true, 0, None);
    visitor["owner"] = json!({"kind": "Job", "name": "visitor-29700001"});
    let facts = both(web(&[visitor]), &jobs(&[job("visitor-29700001", Some("visitor"), None, 0)]));
    let check = "{ k8s.pods: { pods: cronjob/visitor, ready: 1 } }";
    assert_eq!(once(check, &facts, facts.clone()), YES);
    assert_eq!(
        once(&check.replace("visitor", "cleaner"), &facts, facts.clone()),
        no(Reason::NoPods)
    );
}

#[test]
fn pods_have_probes_and_images_whatever_their_tags_say() {
    let app = json!({"app": "web"});
    let same = web(&[detailed("web-a-1", "ab", &app), detailed("web-a-2", "ab", &app)]);
    let differ = web(&[detailed("web-a-1", "ab", &app), detailed("web-a-2", "cd", &app)]);
    let check = |what: &str| format!("{{ k8s.pods: {{ pods: app=web, {what} }} }}");
    assert_eq!(once(&check("image-ids: same"), &same, same.clone()), YES);
    assert_eq!(once(&check("image-ids: same"), &same, differ.clone()), no(Reason::DifferentImages));
    assert_eq!(once(&check("image-ids: differ"), &same, differ), YES);
    assert_eq!(once(&check("image-ids: differ"), &same, same.clone()), no(Reason::SameImages));
    let liveness = check("probe: { liveness: { period: 10s, failures: 2 } }");
    assert_eq!(once(&liveness, &same, same.clone()), YES);
    for other in ["probe: { liveness: { period: 5s } }", "probe: { readiness: {} }"] {
        assert_eq!(once(&check(other), &same, same.clone()), no(Reason::OtherSetting), "{other}");
    }
}

#[test]
fn replica_sets_are_kept_and_revisions_counted() {
    let mut facts = web(&[pod("web-b-1", "u1", true, 0, None)]);
    facts["workloads"][0]["details"] =
        json!({"labels": {}, "revision": 3, "generation": 5, "observedGeneration": 5});
    let set = |name: &str, revision: i64, owner: &str| {
        json!({"namespace": "default", "name": name, "uid": name, "owner": {"kind": "Deployment", "name": owner},
            "revision": revision, "replicas": 0, "readyReplicas": 0, "images": ["dojo/lab:1"]})
    };
    facts["replicaSets"] =
        json!([set("web-a", 3, "web"), set("web-b", 2, "web"), set("api-a", 1, "api")]);
    let check = |what: &str| {
        once(&format!("{{ k8s.rollout: {{ deployment: web, {what} }} }}"), &facts, facts.clone())
    };
    assert_eq!(check("revision: 3, replicasets: 2"), YES);
    assert_eq!(check("revision: 2"), no(Reason::OtherRevision));
    assert_eq!(check("revision: '>=2'"), YES);
    assert_eq!(check("replicasets: 1"), no(Reason::OtherReplicaSets));
}

#[test]
fn a_node_has_taints_and_conditions() {
    let node = |name: &str, id: &str, pressed: bool, availability: &str| {
        let taints = json!([{"key": "node.kubernetes.io/disk-pressure", "value": null, "effect": "NoSchedule"}]);
        json!({"name": name, "id": id, "ready": !pressed, "reason": "KubeletNotReady: PLEG",
            "availability": availability, "details": {"labels": {}, "taints": if pressed { taints } else { json!([]) },
            "conditions": [{"type": "DiskPressure", "status": if pressed { "True" } else { "False" },
                "reason": null, "since": at(-3.0)}]}})
    };
    let facts = json!({"nodes": [node("worker-1", "n1", true, "active"), node("worker-2", "n2", false, "cordoned")]});
    let check = |what: &str| once(&format!("{{ k8s.node: {{ {what} }} }}"), &facts, facts.clone());
    let taint = "node.kubernetes.io/disk-pressure";
    assert_eq!(
        check(&format!("name: worker-1, taint: {taint}, condition: DiskPressure, ready: false")),
        YES
    );
    assert_eq!(check(&format!("taint: {taint}")), YES);
    assert_eq!(
        check("name: worker-2, condition: DiskPressure=False, cordoned: true, same: true"),
        YES
    );
    for (what, reason) in [
        ("name: worker-3", Reason::NoNode),
        ("name: worker-1, ready: true", Reason::NodeNotReady),
        ("name: worker-2, ready: false", Reason::NodeReady),
        ("name: worker-1, cordoned: true", Reason::NotCordoned),
        ("name: worker-2, cordoned: false", Reason::StillCordoned),
        ("name: worker-2, taint: node.kubernetes.io/disk-pressure", Reason::NotTainted),
        ("name: worker-1, no-taint: node.kubernetes.io/disk-pressure", Reason::StillTainted),
        ("name: worker-2, condition: DiskPressure", Reason::OtherNodeCondition),
        ("name: worker-1, same: false", Reason::SameNode),
    ] {
        assert_eq!(check(what), no(reason), "{what}");
    }
    let again = json!({"nodes": [node("worker-1", "n9", false, "active")]});
    let joined = "{ k8s.node: { name: worker-1, ready: true, same: false } }";
    assert_eq!(once(joined, &facts, again.clone()), YES);
    let kept = joined.replace("false", "true");
    assert_eq!(once(&kept, &facts, again), no(Reason::AnotherNode));
}

#[test]
fn an_object_is_there_with_its_keys_and_the_same_as_before() {
    let facts = |uid: &str| {
        json!({"keys": [{"kind": "Secret", "namespace": "default", "name": "login", "uid": "s1", "keys": ["password"]},
                {"kind": "ConfigMap", "namespace": "default", "name": "login", "uid": "m1", "keys": ["a", "b"]}],
            "budgets": [{"namespace": "default", "name": "web", "uid": uid, "minAvailable": "1",
                "maxUnavailable": null, "disruptionsAllowed": 0}]})
    };
    let (mark, check) = (facts("b1"), |what: &str| format!("{{ k8s.object: {{ {what} }} }}"));
    let told = |what: &str| once(&check(what), &mark, facts("b1"));
    assert_eq!(told("kind: Secret, name: login, keys: [password]"), YES);
    assert_eq!(told("kind: ConfigMap, name: login, keys: [a, b]"), YES);
    assert_eq!(told("kind: ConfigMap, name: login, keys: [password]"), no(Reason::NoKey));
    assert_eq!(told("kind: Secret, name: other"), no(Reason::NoObject));
    assert_eq!(told("kind: Secret, name: other, exists: false"), YES);
    assert_eq!(told("kind: Secret, name: login, exists: false"), no(Reason::StillThere));
    let budget = "kind: PodDisruptionBudget, name: web, same: true, min-available: '1'";
    assert_eq!(told(budget), YES);
    assert_eq!(told(&budget.replace("'1'", "'2'")), no(Reason::OtherSetting));
    let again = once(&check(budget), &mark, facts("b2"));
    assert_eq!(again, (Outcome::Lost, Some(Reason::AnotherObject)));
    let mut gone = facts("b1");
    gone["budgets"] = json!([]);
    assert_eq!(once(&check(budget), &mark, gone), (Outcome::Lost, Some(Reason::NoObject)));
}
