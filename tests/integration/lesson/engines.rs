//! `engine.health` on evidence as engines told it: probes in the logs of containers, also of those that have ended.

use clusterdojo::lesson::{Outcome, Reason};
use serde_json::{Value, json};

use super::families::{YES, at, ended, evidence, judged, judged_by, no, once, service, task};

/// A probe that began then, and how long it took.
fn probe(start: f64, took: f64, exit: i64, output: &str) -> Value {
    json!({"start": at(start), "end": at(start + took), "exitCode": exit, "output": output})
}

fn container(id: &str, state: &str, log: Option<&[Value]>) -> Value {
    let status = if state == "running" { "healthy" } else { "unhealthy" };
    json!({"id": id, "name": format!("web.1.{id}"), "image": "dojo/lab:1", "service": "web", "state": state,
        "health": log.map(|log| json!({"status": status, "failingStreak": 0, "log": log}))})
}

/// What the engine of a machine tells.
fn engine(containers: &Value) -> Value {
    let containers = match containers {
        Value::String(error) => json!({"items": null, "error": error}),
        items => json!({"items": items, "error": null}),
    };
    json!({"machines": [{"name": "worker-1", "role": "worker", "driver": "docker", "exists": true,
        "state": "running", "address": "10.0.0.2", "reachable": true, "error": null,
        "containers": containers}]})
}

fn running(log: &[Value]) -> Value {
    engine(&json!([container("a", "running", Some(log))]))
}

#[test]
fn probes_are_slow_and_well_or_too_slow() {
    let before = running(&[probe(-9.0, 0.1, 0, "")]);
    let well =
        "{ engine.health: { service: web, probe: { took: '2.4s..3s', exit: 0 }, count: 2 } }";
    let ill = "{ engine.health: { service: web, probe: { took: '>=3s', exit: '!=0' } } }";
    let slow = [probe(2.0, 2.5, 0, ""), probe(9.0, 2.6, 0, "")];
    assert_eq!(once(well, &before, running(&slow)), YES);
    assert_eq!(once(well, &before, running(&slow[..1])), no(Reason::TooFewProbes));
    assert_eq!(once(ill, &before, running(&slow)), no(Reason::OtherProbe));
    assert_eq!(once(well, &before, before.clone()), no(Reason::NotProbed));
    let late = [probe(2.0, 3.2, -1, "Health check exceeded timeout (3s)")];
    assert_eq!(once(ill, &before, running(&late)), YES);
    assert_eq!(once(well, &before, running(&late)), no(Reason::OtherProbe));
    let said = "{ engine.health: { service: web, probe: { output: exceeded } } }";
    assert_eq!(once(said, &before, running(&late)), YES);
    assert_eq!(once(said, &before, running(&slow)), no(Reason::OtherProbe));
    let named = well.replace("service: web", "container: web.1.a");
    assert_eq!(once(&named, &before, running(&slow)), YES);
    let other = well.replace("service: web", "service: api");
    assert_eq!(once(&other, &before, running(&slow)), no(Reason::NoContainer));
    let unchecked = engine(&json!([container("a", "running", None)]));
    assert_eq!(once(well, &before, unchecked), no(Reason::NoHealthCheck));
    let silent = engine(&json!("no answer within 3 s"));
    let told = once(well, &before, silent);
    assert_eq!(told, (Outcome::CannotTell, Some(Reason::NotKnown)));
}

#[test]
fn logs_are_put_together_though_engines_keep_the_last_five_probes() {
    let before = running(&[]);
    let check = "{ engine.health: { service: web, probe: { exit: '!=0' }, count: 2 } }";
    let all: Vec<_> = (1..9).map(|n| probe(f64::from(n), 0.1, i64::from(n % 4 == 1), "")).collect();
    let seen = [(5.5, running(&all[..5])), (8.5, running(&all[3..]))];
    assert_eq!(judged(check, &before, &seen), YES);
    assert_eq!(judged(check, &before, &seen[1..]), no(Reason::TooFewProbes));
    // Whoever fell silent has told before.
    let seen = [(6.0, running(&all)), (8.5, engine(&json!("no answer within 3 s")))];
    assert_eq!(judged(check, &before, &seen), YES);
}

#[test]
fn what_the_container_that_was_replaced_has_told_comes_before_its_replacement() {
    let log = [probe(2.0, 3.1, -1, "Health check exceeded timeout (3s)")];
    let both = |old: Value| {
        let mut facts = engine(&json!([
            container("a", "exited", Some(&log)),
            container("b", "running", Some(&[probe(20.0, 0.1, 0, "")]))
        ]));
        facts["services"] = service(&[task("b", "running", 18.0), old])["services"].clone();
        facts
    };
    let mut mark = running(&[]);
    mark["services"] = service(&[task("a", "running", -60.0)])["services"].clone();
    let check = "{ then: [{ engine.health: { service: web, probe: { took: '>=3s', exit: '!=0' } } }, \
                 { swarm.replaced: { service: web, because: unhealthy } }, \
                 { swarm.service: { name: web, running: 1 } }] }";
    // An engine's words for what its health check ended, and for what `docker kill` did.
    let unhealthy = "task: non-zero exit (137): dockerexec: unhealthy container";
    let told = |error: &str| {
        judged(check, &mark, &[(21.0, both(ended("a", "failed", 15.0, Some(137), error)))])
    };
    assert_eq!(told(unhealthy), YES);
    assert_eq!(told("task: non-zero exit (137)"), no(Reason::KilledByHand));
    let updated = both(ended("a", "shutdown", 15.0, Some(137), ""));
    assert_eq!(judged(check, &mark, &[(21.0, updated)]), no(Reason::ReplacedByUpdate));
}

#[test]
fn the_verdict_tells_of_the_last_probe() {
    let facts = running(&[probe(2.0, 2.5, 0, "ok\n")]);
    let check = "{ engine.health: { service: web, probe: { took: '>=3s' } } }";
    let told = judged_by(check, &evidence(&running(&[]), &[(9.0, facts)])).told;
    let seen = ["machine", "took", "exit-code", "output"].map(|name| told.seen[name].as_str());
    assert_eq!(seen, ["worker-1", "2.5s", "0", "ok"]);
    assert_eq!(json!(told.since), at(4.5));
}

#[test]
fn a_server_that_heeds_the_signal_was_ill_all_the_same() {
    let ends = |status: &str, failed: i64| {
        let mut old = container("a", "exited", Some(&[]));
        old["taskID"] = json!("a");
        old["health"]["status"] = json!(status);
        old["health"]["failingStreak"] = json!(failed);
        old["healthcheck"] = json!({"test": ["CMD", "check"], "retries": 2});
        let mut facts = engine(&json!([old, container("b", "running", Some(&[]))]));
        let tasks = [task("b", "running", 18.0), ended("a", "complete", 17.0, Some(0), "")];
        facts["services"] = service(&tasks)["services"].clone();
        facts
    };
    let mut mark = engine(&json!([]));
    mark["services"] = service(&[task("a", "running", -60.0)])["services"].clone();
    let check = "{ swarm.replaced: { service: web, because: unhealthy } }";
    assert_eq!(once(check, &mark, ends("unhealthy", 2)), YES);
    assert_eq!(once(check, &mark, ends("healthy", 1)), no(Reason::EndedByItself));
    // An engine says so of each that has ended, as after `docker stop`.
    assert_eq!(once(check, &mark, ends("unhealthy", 0)), no(Reason::EndedByItself));
}

#[test]
fn a_container_is_there_and_as_it_should_be() {
    let named = |id: &str, state: &str, ended: Option<(i64, f64)>, health: Option<&str>| {
        json!({"id": id, "name": "web", "image": "dojo/lab:1", "service": null, "state": state,
            "exitCode": ended.map(|(status, _)| status), "finishedAt": ended.map(|(_, seconds)| at(seconds)),
            "health": health.map(|status| json!({"status": status, "failingStreak": 0, "log": []}))})
    };
    let with = |containers: &[Value]| engine(&json!(containers));
    let none = with(&[]);
    let runs = with(&[named("a", "running", None, Some("healthy"))]);
    let check = |more: &str| format!("{{ engine.container: {{ name: web{more} }} }}");
    assert_eq!(once(&check(", on: worker-1, running: true"), &none, runs.clone()), YES);
    assert_eq!(once(&check(", on: worker-2"), &none, runs.clone()), no(Reason::OtherMachine));
    assert_eq!(once(&check(", image: 'dojo/lab:2'"), &none, runs.clone()), no(Reason::OtherImage));
    assert_eq!(once(&check(", running: false"), &none, runs.clone()), no(Reason::OtherState));
    assert_eq!(once(&check(", exists: false"), &none, runs.clone()), no(Reason::StillThere));
    assert_eq!(once(&check(", exists: false"), &runs, none.clone()), YES);
    assert_eq!(once(&check(""), &runs, none.clone()), no(Reason::NoContainer));
    assert_eq!(once(&check(", health: healthy"), &none, runs.clone()), YES);
    assert_eq!(once(&check(", health: unhealthy"), &none, runs.clone()), no(Reason::OtherHealth));
    let unchecked = with(&[named("a", "running", None, None)]);
    assert_eq!(once(&check(", health: healthy"), &none, unchecked), no(Reason::NoHealthCheck));
    // Only how it ended in this step counts.
    let ended = |seconds| with(&[named("a", "exited", Some((137, seconds)), None)]);
    assert_eq!(once(&check(", exit: 137"), &runs, ended(5.0)), YES);
    assert_eq!(once(&check(", exit: '!=0'"), &runs, ended(5.0)), YES);
    assert_eq!(once(&check(", exit: 0"), &runs, ended(5.0)), no(Reason::OtherState));
    assert_eq!(once(&check(", exit: 137"), &runs, ended(-5.0)), no(Reason::OtherState));
    assert_eq!(once(&check(", exit: 137"), &runs, runs.clone()), no(Reason::OtherState));
    let other = with(&[named("b", "running", None, None)]);
    assert_eq!(once(&check(", same: true"), &runs, runs.clone()), YES);
    assert_eq!(once(&check(", same: true"), &runs, other.clone()), no(Reason::AnotherContainer));
    assert_eq!(once(&check(", same: false"), &runs, runs.clone()), no(Reason::SameContainer));
    assert_eq!(once(&check(", same: false"), &runs, other), YES);
    let silent = engine(&json!("no answer within 3 s"));
    let told = once(&check(", exists: false"), &runs, silent);
    assert_eq!(told, (Outcome::CannotTell, Some(Reason::NotKnown)));
}
