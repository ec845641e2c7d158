//! Each family of conditions on made-up evidence: passed, not yet and why, lost, cannot tell.

use clusterdojo::lesson::{Evidence, Lesson, Outcome, Reason, Verdict, judge, sentence};
use clusterdojo::model::Language;
use serde_json::{Value, json};

use Outcome::{CannotTell, Lost, NotYet, Passed};

/// So many seconds after the mark.
pub(super) fn at(seconds: f64) -> Value {
    let mark: jiff::Timestamp = "2026-03-09T14:00:00Z".parse().unwrap();
    json!(mark + jiff::SignedDuration::from_secs_f64(seconds))
}

pub(super) fn facts(parts: &Value) -> Value {
    let known = |items: &Value| match items {
        Value::String(error) => json!({"items": null, "error": error}),
        items => json!({"items": items, "error": null}),
    };
    let mut facts = json!({"name": "practice", "orchestrator": "swarm", "machines": known(&json!([])),
        "leader": null, "majority": null, "findings": []});
    for (name, items) in parts.as_object().unwrap() {
        facts[name] = known(items);
    }
    facts
}

pub(super) fn evidence(mark: &Value, seen: &[(f64, Value)]) -> Evidence {
    let seen: Vec<_> = seen
        .iter()
        .map(|(seconds, parts)| json!({"at": at(*seconds), "facts": facts(parts)}))
        .collect();
    serde_json::from_value(json!({
        "lesson": "a/b", "step": "s",
        "since": {"at": at(0.0), "facts": facts(mark)}, "seen": seen
    }))
    .unwrap()
}

pub(super) fn judged_by(check: &str, evidence: &Evidence) -> Verdict {
    let text = format!(
        "---\nid: a/b\ntitle: {{ en: A }}\ncluster: {{ orchestrator: swarm, managers: 1 }}\nminutes: 1\n\
         steps:\n  - id: s\n    check: {check}\n---\n"
    );
    let lesson = Lesson::read([("lesson.md", text.as_str())]).unwrap_or_else(|e| panic!("{e}"));
    judge(&lesson.steps[0], evidence)
}

pub(super) fn judged(
    check: &str,
    mark: &Value,
    seen: &[(f64, Value)],
) -> (Outcome, Option<Reason>) {
    let verdict = judged_by(check, &evidence(mark, seen));
    (verdict.verdict, verdict.reason)
}

/// Judges one sample, a second after the mark.
pub(super) fn once(check: &str, mark: &Value, then: Value) -> (Outcome, Option<Reason>) {
    judged(check, mark, &[(1.0, then)])
}

pub(super) fn no(reason: Reason) -> (Outcome, Option<Reason>) {
    (NotYet, Some(reason))
}

pub(super) const YES: (Outcome, Option<Reason>) = (Passed, None);

pub(super) fn task(id: &str, state: &str, since: f64) -> Value {
    let desired = if ["running", "starting"].contains(&state) { "running" } else { "shutdown" };
    json!({"id": id, "slot": 1, "nodeID": "n1", "node": "worker-1", "desiredState": desired,
        "state": state, "since": at(since), "createdAt": at(since - 1.0), "image": "dojo/lab:1@sha256:ab"})
}

pub(super) fn ended(id: &str, state: &str, since: f64, exit: Option<i64>, err: &str) -> Value {
    let mut task = task(id, state, since);
    (task["exitCode"], task["err"]) = (json!(exit), json!(err));
    task
}

pub(super) fn service(tasks: &[Value]) -> Value {
    json!({"services": [{"id": "s1", "name": "web", "image": "dojo/lab:1@sha256:ab", "mode": "replicated",
        "desiredTasks": 1, "runningTasks": 0, "updateState": null, "tasks": tasks}]})
}

#[test]
fn a_service_is_there_and_runs() {
    let check = "{ swarm.service: { name: web, running: 1, replicas: 1, image: 'dojo/lab:1' } }";
    let none = json!({"services": []});
    let runs = service(&[task("a", "running", -9.0)]);
    assert_eq!(once(check, &none, runs.clone()), YES);
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoService));
    // It can be made again.
    assert_eq!(once(check, &runs, none.clone()), no(Reason::NoService));
    assert_eq!(once(check, &none, service(&[])), no(Reason::TooFew));
    assert_eq!(once(check, &none, service(&[task("a", "starting", 0.5)])), no(Reason::Starting));
    let two = service(&[task("a", "running", 0.1), task("b", "running", 0.2)]);
    assert_eq!(once(check, &none, two), no(Reason::TooMany));
    let other = check.replace("lab:1", "lab:2");
    assert_eq!(once(&other, &none, runs.clone()), no(Reason::OtherImage));
    let other = check.replace("replicas: 1", "replicas: 2");
    assert_eq!(once(&other, &none, runs), no(Reason::OtherReplicas));
}

#[test]
fn who_does_not_answer_is_never_not_yet() {
    let silent = json!({"services": "connection refused", "nodes": "connection refused",
        "pods": "connection refused", "workloads": "connection refused", "machines": "no such driver", "events": "connection refused",
        "jobs": "connection refused", "cronJobs": "connection refused", "keys": "connection refused",
        "swarmObjects": "connection refused"});
    for check in [
        "{ swarm.service: { name: web } }",
        "{ swarm.absent: { service: web } }",
        "{ swarm.replaced: { service: web } }",
        "{ swarm.update: { service: web, state: completed } }",
        "{ swarm.nodes: { ready: 3 } }",
        "{ engine.health: { service: web, probe: { exit: 0 } } }",
        "{ swarm.stack: { name: lab } }",
        "{ swarm.leader: {} }",
        "{ k8s.event: { reason: Unhealthy } }",
        "{ k8s.jobs: { cronjob: visitor } }",
        "{ k8s.cronjob: { name: visitor } }",
        "{ k8s.node: { name: worker-1 } }",
        "{ k8s.object: { kind: Secret, name: login } }",
        "{ k8s.pods: { pods: app=web, ready: 1 } }",
        "{ machine.file: { on: any, path: /a } }",
        "{ machine.unit: { on: worker-1, unit: docker, active: true } }",
        "{ machine.journal: { on: each, unit: docker, match: GET } }",
        "{ script: { on: 'pods(app=web)', run: 'true' } }",
        "{ k8s.pods: { pods: deployment/web, ready: 1 } }",
        "{ k8s.absent: { pods: deployment/web } }",
        "{ k8s.restarted: { pods: deployment/web } }",
        "{ k8s.replaced: { pods: deployment/web } }",
        "{ k8s.rollout: { deployment: web } }",
        "{ k8s.nodes: { ready: 3 } }",
        "{ machine: { name: worker-1, on: true } }",
    ] {
        let known = json!({"services": [], "nodes": [], "pods": [], "workloads": [], "events": [], "jobs": [],
            "cronJobs": [], "keys": [], "swarmObjects": []});
        let wanted = (CannotTell, Some(Reason::NotKnown));
        for (mark, seen) in [(&known, &silent), (&silent, &silent)] {
            let verdict = judged_by(check, &evidence(mark, &[(1.0, seen.clone())]));
            assert_eq!((verdict.verdict, verdict.reason), wanted, "{check}");
            assert_ne!(verdict.told.seen["error"], "", "{check}");
        }
        for combined in [
            format!("{{ all: [{check}] }}"),
            format!("{{ any: [{check}] }}"),
            format!("{{ then: [{check}, {check}] }}"),
            format!("{{ never: {check} }}"),
            format!("{{ hold: {{ for: 5s, of: {check} }} }}"),
        ] {
            assert_eq!(once(&combined, &known, silent.clone()), wanted, "{combined}");
        }
        let unseen = judged(check, &known, &[]);
        assert_eq!(unseen, (CannotTell, Some(Reason::NothingSeen)), "{check}");
    }
}

#[test]
fn what_was_before_is_known_as_soon_as_the_cluster_answers() {
    let silent = json!({"services": "connection refused"});
    let before = service(&[task("a", "running", -60.0)]);
    let killed = service(&[task("b", "running", 4.0), ended("a", "failed", 3.0, Some(137), "")]);
    let check = "{ swarm.replaced: { service: web, because: killed } }";
    let seen = [(1.0, silent.clone()), (2.0, before), (5.0, killed)];
    assert_eq!(judged(check, &silent, &seen[..1]).0, CannotTell);
    assert_eq!(judged(check, &silent, &seen[..2]), no(Reason::NotReplaced));
    assert_eq!(judged(check, &silent, &seen), YES);
}

#[test]
fn an_image_that_is_missing_is_told() {
    let check = "{ swarm.service: { name: web, running: 1 } }";
    let rejected = ended("a", "rejected", 5.0, None, "No such image: nginx:1");
    let none = json!({"services": []});
    let verdict = judged_by(check, &evidence(&none, &[(6.0, service(&[rejected]))]));
    assert_eq!((verdict.verdict, verdict.reason), no(Reason::TooFew));
    let said = sentence(verdict.told.deciding(), Language::Ko).unwrap();
    assert!(said.ends_with("(No such image: nginx:1)"), "{said}");
}

#[test]
fn a_task_is_replaced_and_its_history_says_why() {
    let before = service(&[task("a", "running", -60.0)]);
    let check = |cause: &str| format!("{{ swarm.replaced: {{ service: web, because: {cause} }} }}");
    let causes = [
        (
            "exited",
            Reason::EndedByItself,
            ended("a", "failed", 5.0, Some(1), "task: non-zero exit (1)"),
        ),
        ("exited", Reason::EndedByItself, ended("a", "complete", 5.0, Some(0), "")),
        (
            "killed",
            Reason::KilledByHand,
            ended("a", "failed", 5.0, Some(137), "task: non-zero exit (137)"),
        ),
        ("killed", Reason::KilledByHand, ended("a", "failed", 5.0, None, "No such container: x")),
        (
            "unhealthy",
            Reason::ReplacedAsUnhealthy,
            ended(
                "a",
                "failed",
                5.0,
                Some(137),
                "task: non-zero exit (137): dockerexec: unhealthy container",
            ),
        ),
        ("update", Reason::ReplacedByUpdate, ended("a", "shutdown", 5.0, Some(137), "")),
        ("node-down", Reason::NodeDown, ended("a", "orphaned", 5.0, None, "")),
        ("rejected", Reason::Rejected, ended("a", "rejected", 5.0, None, "No such image")),
    ];
    for (cause, reason, old) in causes {
        let seen = service(&[task("b", "running", 7.0), old]);
        for (wanted, ..) in [("exited",), ("killed",), ("unhealthy",), ("update",), ("node-down",)]
        {
            let told = judged(&check(wanted), &before, &[(10.0, seen.clone())]);
            let expected = if wanted == cause { YES } else { no(reason) };
            assert_eq!(told, expected, "{wanted} of {cause}");
        }
        let other = "{ swarm.replaced: { service: web, slot: 2 } }";
        assert_eq!(judged(other, &before, &[(10.0, seen)]), no(Reason::NotReplaced));
    }
    let nodes = |ready: bool, availability: &str| {
        let shutdown = ended("a", if ready { "shutdown" } else { "running" }, 5.0, None, "");
        let mut shutdown = shutdown;
        shutdown["desiredState"] = json!("shutdown");
        let mut facts = service(&[task("b", "running", 7.0), shutdown]);
        facts["nodes"] =
            json!([{"name": "worker-1", "id": "n1", "ready": ready, "availability": availability}]);
        facts
    };
    let down = [(10.0, nodes(false, "active"))];
    assert_eq!(judged(&check("node-down"), &before, &down), YES);
    let drained = [(10.0, nodes(true, "drain"))];
    assert_eq!(judged(&check("drained"), &before, &drained), YES);
    assert_eq!(judged(&check("update"), &before, &drained), no(Reason::NodeDrained));
    let alone = service(&[ended("a", "failed", 5.0, Some(1), "")]);
    assert_eq!(judged(&check("exited"), &before, &[(6.0, alone)]), no(Reason::NoSuccessor));
    assert_eq!(
        judged(&check("exited"), &before, &[(6.0, before.clone())]),
        no(Reason::NotReplaced)
    );
    let gone = [(6.0, json!({"services": []}))];
    assert_eq!(judged(&check("exited"), &before, &gone), no(Reason::NoService));
}

#[test]
fn short_lived_tasks_are_found_in_the_history_though_no_sample_saw_them_run() {
    let before = service(&[task("a", "running", -60.0)]);
    let after = service(&[
        task("c", "running", 20.0),
        ended("b", "failed", 18.0, Some(137), "task: non-zero exit (137)"),
        ended("a", "shutdown", 10.0, Some(0), ""),
    ]);
    let check = "{ swarm.replaced: { service: web, because: killed } }";
    assert_eq!(judged(check, &before, &[(30.0, after.clone())]), YES);
    let then = "{ then: [{ swarm.replaced: { service: web, because: update } }, \
                { swarm.replaced: { service: web, because: killed } }] }";
    assert_eq!(judged(then, &before, &[(30.0, after.clone())]), YES);
    let turned = "{ then: [{ swarm.replaced: { service: web, because: killed } }, \
                  { swarm.replaced: { service: web, because: update } }] }";
    assert_eq!(judged(turned, &before, &[(30.0, after.clone())]), no(Reason::TooEarly));
    let all = turned.replace("then", "all");
    assert_eq!(judged(&all, &before, &[(30.0, after)]), YES);
}

#[test]
fn only_what_is_newer_than_the_mark_counts() {
    let old = service(&[
        task("b", "running", -50.0),
        ended("a", "failed", -52.0, Some(137), "task: non-zero exit (137)"),
    ]);
    let check = "{ swarm.replaced: { service: web } }";
    // Nor is it in the facts at the mark, if those were cut short.
    for mark in [&old, &service(&[task("b", "running", -50.0)])] {
        assert_eq!(judged(check, mark, &[(1.0, old.clone())]), no(Reason::NotReplaced));
    }
    // The clock of the node is ahead, and yet it was there before.
    let ahead = service(&[task("b", "running", 9.0), ended("a", "failed", 8.0, Some(137), "")]);
    assert_eq!(judged(check, &ahead, &[(10.0, ahead.clone())]), no(Reason::NotReplaced));
    // A sample of the time before.
    let absent = json!({"services": []});
    let check = "{ then: [{ swarm.absent: { service: web } }, { swarm.service: { name: web } }] }";
    let runs = service(&[task("a", "running", -9.0)]);
    let seen = [(-1.0, absent.clone()), (5.0, runs.clone())];
    assert_eq!(judged(check, &runs, &seen), no(Reason::StillThere));
    let seen = [(1.0, absent.clone()), (5.0, runs.clone())];
    assert_eq!(judged(check, &runs, &seen), YES);
    // What the learner was told to remove is not lost.
    let seen = [(1.0, absent)];
    assert_eq!(judged(check, &runs, &seen), no(Reason::NoService));
}

#[test]
fn an_update_comes_to_an_end_that_is_new() {
    let state = |state: &str| {
        let mut facts = service(&[task("a", "running", -60.0)]);
        facts["services"][0]["updateState"] = json!(state);
        facts
    };
    let check = "{ swarm.update: { service: web, state: completed } }";
    let mark = state("completed");
    assert_eq!(once(check, &mark, mark.clone()), no(Reason::NotUpdated));
    assert_eq!(judged(check, &mark, &[(1.0, state("updating")), (9.0, mark.clone())]), YES);
    assert_eq!(once(check, &mark, state("paused")), no(Reason::OtherUpdateState));
    assert_eq!(once(check, &service(&[]), service(&[])), no(Reason::NotUpdated));
    // It was over before anybody looked.
    let mut quick = service(&[task("b", "running", 3.0), ended("a", "shutdown", 2.0, Some(0), "")]);
    quick["services"][0]["updateState"] = json!("completed");
    assert_eq!(judged(check, &mark, &[(5.0, quick)]), YES);
    let gone = json!({"services": []});
    assert_eq!(once(check, &mark, gone), no(Reason::NoService));
}

#[test]
fn nodes_are_counted() {
    let node = |name: &str, ready: bool, availability: &str, reachable: Option<&str>| {
        json!({"name": name, "id": name, "ready": ready, "availability": availability,
            "reachability": reachable})
    };
    let nodes = json!({"nodes": [node("manager-1", true, "active", Some("reachable")),
        node("manager-2", false, "active", Some("unreachable")), node("worker-1", true, "drain", None)]});
    let empty = json!({});
    let check =
        |what: &str| once(&format!("{{ swarm.nodes: {{ {what} }} }}"), &empty, nodes.clone());
    assert_eq!(check("ready: 2, down: 1, drained: 1, managers: 1"), YES);
    assert_eq!(check("ready: 3"), no(Reason::TooFewNodes));
    assert_eq!(check("managers: 0"), no(Reason::TooManyNodes));
    assert_eq!(check("ready: '>=1'"), YES);
    let nodes =
        json!({"nodes": [node("a", true, "active", None), node("b", false, "cordoned", None)]});
    let check = |what: &str| once(&format!("{{ k8s.nodes: {{ {what} }} }}"), &empty, nodes.clone());
    assert_eq!(check("ready: 1, not-ready: 1, cordoned: 1"), YES);
    assert_eq!(check("cordoned: 2"), no(Reason::TooFewNodes));
    assert_eq!(check("not-ready: 0"), no(Reason::TooManyNodes));
}

pub(super) fn pod(
    name: &str,
    uid: &str,
    ready: bool,
    restarts: i32,
    end: Option<(i32, f64)>,
) -> Value {
    let last = end.map(|(code, seconds)| {
        json!({"terminated": {"exitCode": code, "finishedAt": at(seconds), "startedAt": at(-60.0)}})
    });
    json!({"namespace": "default", "name": name, "uid": uid, "phase": "Running", "ready": ready,
        "nodeName": "worker-1", "owner": {"kind": "Deployment", "name": "web"},
        "containers": [{"name": "web", "image": "docker.io/dojo/lab:1", "init": false, "ready": ready,
            "restartCount": restarts, "state": null, "lastState": last}]})
}

pub(super) fn web(pods: &[Value]) -> Value {
    let count = pods.len();
    json!({"workloads": [{"namespace": "default", "kind": "Deployment", "name": "web", "replicas": count,
        "readyReplicas": count, "updatedReplicas": count, "images": ["dojo/lab:1"]}], "pods": pods})
}

#[test]
fn pods_are_ready() {
    let check =
        "{ k8s.pods: { pods: deployment/web, ready: 1, image: 'dojo/lab:1', node: worker-1 } }";
    let (none, one) =
        (json!({"workloads": [], "pods": []}), web(&[pod("web-a-1", "u1", true, 0, None)]));
    assert_eq!(once(check, &none, one.clone()), YES);
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoPods));
    assert_eq!(once(check, &one, none.clone()), (Lost, Some(Reason::NoWorkload)));
    let unready = web(&[pod("web-a-1", "u1", false, 0, None)]);
    assert_eq!(once(check, &none, unready), no(Reason::NotReady));
    let two = web(&[pod("web-a-1", "u1", true, 0, None), pod("web-a-2", "u2", true, 0, None)]);
    assert_eq!(once(check, &none, two.clone()), no(Reason::TooMany));
    assert_eq!(once(&check.replace("ready: 1", "ready: 3"), &none, two), no(Reason::TooFew));
    assert_eq!(once(&check.replace("lab:1", "lab:2"), &none, one.clone()), no(Reason::OtherImage));
    assert_eq!(
        once(&check.replace("worker-1", "worker-2"), &none, one.clone()),
        no(Reason::OtherNode)
    );
    for (pods, expected) in [("web-*", YES), ("web-a-1", YES), ("we", no(Reason::NoPods))] {
        assert_eq!(once(&check.replace("deployment/web", pods), &none, one.clone()), expected);
    }
    let mut going = one.clone();
    going["pods"][0]["deletionTimestamp"] = at(30.0);
    assert_eq!(once(check, &none, going.clone()), no(Reason::NoPods));
    let absent = "{ k8s.absent: { pods: deployment/web } }";
    assert_eq!(once(absent, &one, none), YES);
    assert_eq!(once(absent, &one, going), no(Reason::StillThere));
}

#[test]
fn a_restart_is_one_of_the_same_pod() {
    let check = "{ k8s.restarted: { pods: deployment/web, count: '+1', exit: [0, 137] } }";
    let before = web(&[pod("web-a-1", "u1", true, 3, Some((1, -9.0)))]);
    let after = |restarts, end| web(&[pod("web-a-1", "u1", true, restarts, Some(end))]);
    let told = |check: &str, facts: Value| judged(check, &before, &[(10.0, facts)]);
    assert_eq!(told(check, after(4, (137, 5.0))), YES);
    assert_eq!(told(check, before.clone()), no(Reason::NotRestarted));
    assert_eq!(told(check, after(4, (1, 5.0))), no(Reason::EndedByItself));
    assert_eq!(told(&check.replace("+1", "+2"), after(4, (0, 5.0))), no(Reason::TooFew));
    assert_eq!(told(&check.replace("+1", "+2"), after(5, (0, 5.0))), YES);
    let other = web(&[pod("web-a-2", "u2", true, 0, None)]);
    assert_eq!(told(check, other.clone()), no(Reason::AnotherPod));
    let same = check.replace("count", "same: [uid], count");
    assert_eq!(told(&same, other.clone()), (Lost, Some(Reason::AnotherPod)));
    assert_eq!(told(&same, after(4, (137, 5.0))), YES);
    // The new one may be made ill as well.
    let ill = web(&[pod("web-a-2", "u2", true, 1, Some((137, 8.0)))]);
    assert_eq!(judged(check, &before, &[(5.0, other), (10.0, ill)]), YES);
    let none = json!({"workloads": [], "pods": []});
    assert_eq!(told(check, none), (Lost, Some(Reason::NoWorkload)));
    // It was over before anybody looked, so it is found by what the container left.
    let then =
        format!("{{ then: [{check}, {{ k8s.pods: {{ pods: deployment/web, ready: 1 }} }}] }}");
    assert_eq!(told(&then, after(4, (137, 5.0))), YES);
}

#[test]
fn pods_are_replaced_by_others() {
    let check = "{ k8s.replaced: { pods: deployment/web } }";
    let p = |number: u8, restarts| {
        pod(&format!("web-a-{number}"), &format!("u{number}"), true, restarts, None)
    };
    let before = web(&[p(1, 0), p(2, 0)]);
    assert_eq!(once(check, &before, web(&[p(3, 0), p(4, 0)])), YES);
    assert_eq!(once(check, &before, web(&[p(1, 0), p(3, 0)])), no(Reason::TooFew));
    assert_eq!(once(check, &before, before.clone()), no(Reason::NotReplaced));
    assert_eq!(once(check, &before, web(&[p(1, 1), p(2, 0)])), no(Reason::OnlyRestarted));
    let one = check.replace("web }", "web, count: 1 }");
    assert_eq!(once(&one, &before, web(&[p(1, 0), p(3, 0)])), YES);
    let gone = json!({"workloads": [], "pods": []});
    assert_eq!(once(check, &before, gone), (Lost, Some(Reason::NoWorkload)));
}

#[test]
fn a_rollout_is_done_when_its_pods_say_so_too() {
    let check = "{ k8s.rollout: { deployment: web, ready: 1, image: 'dojo/lab:1' } }";
    let none = json!({"workloads": [], "pods": []});
    let one = web(&[pod("web-a-1", "u1", true, 0, None)]);
    assert_eq!(once(check, &none, one.clone()), YES);
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoWorkload));
    assert_eq!(once(check, &one, none), (Lost, Some(Reason::NoWorkload)));
    assert_eq!(once(&check.replace("lab:1", "lab:2"), &one, one.clone()), no(Reason::OtherImage));
    // What it says of itself is of the moment before.
    let mut stale = one.clone();
    stale["workloads"][0]["images"] = json!(["dojo/lab:2"]);
    assert_eq!(once(&check.replace("lab:1", "lab:2"), &one, stale), no(Reason::NotRolledOut));
    let two = web(&[pod("web-a-1", "u1", true, 0, None), pod("web-a-2", "u2", true, 0, None)]);
    assert_eq!(once(check, &one, two), no(Reason::TooMany));
    // One that was evicted is listed until somebody removes it.
    let mut evicted =
        web(&[pod("web-a-0", "u0", false, 0, None), pod("web-a-1", "u1", true, 0, None)]);
    evicted["workloads"] = one["workloads"].clone();
    assert_eq!(once(check, &one, evicted.clone()), no(Reason::NotRolledOut));
    evicted["pods"][0]["phase"] = json!("Failed");
    evicted["pods"][0]["reason"] = json!("Evicted");
    assert_eq!(once(check, &one, evicted), YES);
    let which = |which: &str, facts: &Value| {
        let check = format!("{{ k8s.rollout: {{ deployment: web, replicaset: {which} }} }}");
        once(&check, &one, facts.clone())
    };
    let other = web(&[pod("web-b-1", "u2", true, 0, None)]);
    assert_eq!(which("new", &other), YES);
    assert_eq!(which("new", &one), no(Reason::SameReplicaSet));
    assert_eq!(which("former", &one), YES);
    assert_eq!(which("former", &other), no(Reason::OtherReplicaSet));
}

#[test]
fn a_machine_is_on_or_off() {
    let machine = |exists: Option<bool>, state: Option<&str>| {
        json!({"machines": [{"name": "worker-1", "role": "worker", "driver": "docker", "exists": exists,
            "state": state, "address": "10.0.0.2", "reachable": null, "error": "who knows"}]})
    };
    let (on, none) = ("{ machine: { name: worker-1, on: true } }", json!({}));
    let off = on.replace("true", "false");
    let (running, stopped) =
        (machine(Some(true), Some("running")), machine(Some(true), Some("stopped")));
    assert_eq!(once(on, &none, running.clone()), YES);
    assert_eq!(once(&off, &none, running), no(Reason::StillOn));
    assert_eq!(once(on, &none, stopped.clone()), no(Reason::StillOff));
    assert_eq!(once(&off, &none, stopped), YES);
    assert_eq!(once(on, &none, json!({})), no(Reason::NoMachine));
    assert_eq!(once(on, &none, machine(None, None)), (CannotTell, Some(Reason::NotKnown)));
}

#[test]
fn answers_count_when_they_are_given_after_the_mark() {
    let check = "{ answer: { key: who, is: [kubelet, the kubelet] } }";
    let told = |seconds: f64, said: &str| {
        let mut evidence = evidence(&json!({}), &[]);
        let answer = json!({"who": {"at": at(seconds), "said": [said]}});
        evidence.answers = serde_json::from_value(answer).unwrap();
        let verdict = judged_by(check, &evidence);
        (verdict.verdict, verdict.reason)
    };
    assert_eq!(told(5.0, " The  Kubelet "), YES);
    assert_eq!(told(5.0, "docker"), no(Reason::OtherAnswer));
    assert_eq!(told(-5.0, "kubelet"), no(Reason::NoAnswer));
    assert_eq!(judged(check, &json!({}), &[]), no(Reason::NoAnswer));
}

fn ready(count: usize) -> Value {
    let node = |number: usize| json!({"name": format!("n{number}"), "id": number.to_string(), "ready": number < count});
    json!({"nodes": (0..3).map(node).collect::<Vec<_>>()})
}

#[test]
fn all_and_any_put_together_what_their_parts_say() {
    let pair = |verb: &str| {
        format!(
            "{{ {verb}: [{{ swarm.nodes: {{ ready: 3 }} }}, {{ answer: {{ key: k, is: x }} }}] }}"
        )
    };
    assert_eq!(once(&pair("all"), &ready(3), ready(3)), no(Reason::NoAnswer));
    assert_eq!(once(&pair("all"), &ready(3), ready(2)), no(Reason::TooFewNodes));
    assert_eq!(once(&pair("any"), &ready(3), ready(3)), YES);
    assert_eq!(once(&pair("any"), &ready(3), ready(2)), no(Reason::TooFewNodes));
    let silent = json!({"nodes": "no answer"});
    assert_eq!(once(&pair("all"), &ready(3), silent.clone()), no(Reason::NoAnswer));
    assert_eq!(once(&pair("any"), &ready(3), silent), (CannotTell, Some(Reason::NotKnown)));
}

#[test]
fn then_goes_through_what_was_so_at_some_time_and_ends_with_what_is_so_now() {
    let check = "{ then: [{ swarm.nodes: { down: 1 } }, { swarm.nodes: { ready: 3 } }] }";
    let (three, two) = (ready(3), ready(2));
    assert_eq!(judged(check, &three, &[(1.0, two.clone()), (9.0, three.clone())]), YES);
    assert_eq!(judged(check, &three, &[(1.0, three.clone())]), no(Reason::TooFewNodes));
    assert_eq!(
        judged(check, &three, &[(1.0, three.clone()), (9.0, two.clone())]),
        no(Reason::TooFewNodes)
    );
    let again = [(1.0, two.clone()), (5.0, three.clone()), (9.0, two.clone())];
    assert_eq!(judged(check, &three, &again), no(Reason::TooFewNodes));
    // Who has not looked does not know whether it was so.
    let mut gap = evidence(&three, &[(1.0, three.clone()), (9.0, three.clone())]);
    gap.gaps = serde_json::from_value(json!([{"from": at(2.0), "to": at(8.0)}])).unwrap();
    let verdict = judged_by(check, &gap);
    assert_eq!((verdict.verdict, verdict.reason), (CannotTell, Some(Reason::NotWatched)));
    gap.seen.insert(1, evidence(&three, &[(8.5, two)]).seen.remove(0));
    assert_eq!(judged_by(check, &gap).verdict, Passed);
}

#[test]
fn never_looks_at_all_that_came_and_is_lost_once_it_was_so() {
    let check = "{ never: { swarm.nodes: { down: '>=1' } } }";
    let (three, two) = (ready(3), ready(2));
    assert_eq!(judged(check, &two, &[(1.0, three.clone())]), YES);
    let seen = [(1.0, three.clone()), (2.0, two), (3.0, three.clone())];
    assert_eq!(judged(check, &three, &seen), (Lost, Some(Reason::Happened)));
    let silent = [(1.0, json!({"nodes": "no answer"})), (3.0, three.clone())];
    assert_eq!(judged(check, &three, &silent), (CannotTell, Some(Reason::NotWatched)));
    // What leaves traces need not be watched.
    let check = "{ never: { swarm.replaced: { service: web } } }";
    let runs = service(&[task("a", "running", -60.0)]);
    let mut gap = evidence(&runs, &[(1.0, runs.clone()), (9.0, runs.clone())]);
    gap.gaps = serde_json::from_value(json!([{"from": at(2.0), "to": at(8.0)}])).unwrap();
    assert_eq!(judged_by(check, &gap).verdict, Passed);
    let after = service(&[task("b", "running", 5.0), ended("a", "failed", 4.0, Some(1), "")]);
    assert_eq!(judged(check, &runs, &[(9.0, after)]), (Lost, Some(Reason::Happened)));
}

#[test]
fn hold_counts_from_when_it_became_so_and_from_when_somebody_looked() {
    let check = "{ hold: { for: 5s, of: { swarm.nodes: { ready: 3 } } } }";
    let (three, two) = (ready(3), ready(2));
    let mut seen = evidence(&two, &[(1.0, two.clone()), (3.0, three.clone())]);
    let told = |evidence: &Evidence| {
        let verdict = judged_by(check, evidence);
        (verdict.verdict, verdict.reason)
    };
    assert_eq!(told(&seen), no(Reason::NotLongEnough));
    seen.until = serde_json::from_value(at(7.9)).unwrap();
    assert_eq!(told(&seen), no(Reason::NotLongEnough));
    seen.until = serde_json::from_value(at(8.0)).unwrap();
    assert_eq!(told(&seen), YES);
    seen.gaps = serde_json::from_value(json!([{"from": at(3.5), "to": at(4.0)}])).unwrap();
    assert_eq!(told(&seen), no(Reason::NotLongEnough));
    let broken = [(1.0, three.clone()), (4.0, two), (6.0, three.clone()), (9.0, three)];
    assert_eq!(judged(check, &ready(3), &broken), no(Reason::NotLongEnough));
}
