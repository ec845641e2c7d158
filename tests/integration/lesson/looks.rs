//! What was found on machines, and what the probe of a step has counted.

use clusterdojo::lesson::{Evidence, Lesson, Look, Outcome, Reason, judge};
use clusterdojo::observe::Ask;
use clusterdojo::remote::{Extra, Extras};
use serde_json::{Value, json};

use super::families::{YES, at, evidence, judged_by, no};

fn machines() -> Value {
    let machine = |name: &str, role: &str| {
        json!({"name": name, "role": role, "driver": "docker", "exists": true, "state": "running",
            "address": "10.0.0.2", "reachable": true, "error": null})
    };
    json!({"machines": [machine("manager-1", "manager"), machine("worker-1", "worker")], "pods": []})
}

fn looked(machine: &str, look: &Value, found: &Value) -> Value {
    json!({"machine": machine, "look": look, "found": found})
}

/// Looks at some seconds after the mark; those at 0 are of the mark itself.
fn seen(looks: &[(f64, Vec<Value>)]) -> Evidence {
    seen_of(&machines(), looks)
}

fn seen_of(facts: &Value, looks: &[(f64, Vec<Value>)]) -> Evidence {
    let later: Vec<_> = looks.iter().filter(|(seconds, _)| *seconds > 0.0).collect();
    let samples: Vec<_> = later.iter().map(|(seconds, _)| (*seconds, facts.clone())).collect();
    let mut evidence = evidence(facts, &samples);
    for (sample, (_, looks)) in evidence.seen.iter_mut().zip(later) {
        sample.looks = serde_json::from_value(json!(looks)).unwrap();
    }
    if let Some((_, looks)) = looks.iter().find(|(seconds, _)| *seconds == 0.0) {
        evidence.since.looks = serde_json::from_value(json!(looks)).unwrap();
    }
    let text = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    evidence
}

fn told(check: &str, evidence: &Evidence) -> (Outcome, Option<Reason>) {
    let verdict = judged_by(check, evidence);
    (verdict.verdict, verdict.reason)
}

const LOG: &str = "/var/log/lab/visits.log";

fn log(machine: &str, lines: &[&str]) -> Value {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    looked(
        machine,
        &json!({"file": {"path": LOG}}),
        &json!({"file": {"lines": lines.len(), "text": text}}),
    )
}

fn no_log(machine: &str) -> Value {
    looked(machine, &json!({"file": {"path": LOG}}), &json!("missing"))
}

#[test]
fn a_file_has_lines_on_one_of_the_machines_or_on_each() {
    let (two, one) = (["a 200 x", "b 503 x"], ["c 200 x"]);
    let both = seen(&[(5.0, vec![log("manager-1", &two), log("worker-1", &one)])]);
    let alone = seen(&[(5.0, vec![log("manager-1", &two), no_log("worker-1")])]);
    let check =
        |on: &str, what: &str| format!("{{ machine.file: {{ on: {on}, path: {LOG}{what} }} }}");
    assert_eq!(told(&check("any", ", lines: 3"), &both), YES);
    assert_eq!(told(&check("any", ", lines: '>=4'"), &both), no(Reason::TooFewLines));
    assert_eq!(told(&check("any", ", lines: 2, match: ' 200 '"), &both), YES);
    assert_eq!(told(&check("any", ", match: ' 404 '"), &both), no(Reason::TooFewLines));
    assert_eq!(told(&check("any", ", lines: 0, match: ' 200 '"), &both), no(Reason::TooManyLines));
    assert_eq!(told(&check("any", ""), &alone), YES);
    assert_eq!(told(&check("each", ""), &alone), no(Reason::NoFile));
    assert_eq!(told(&check("each", ""), &both), YES);
    assert_eq!(told(&check("worker-1", ""), &alone), no(Reason::NoFile));
    assert_eq!(told(&check("worker-1", ", exists: false"), &alone), YES);
    assert_eq!(told(&check("worker-1", ", exists: false"), &both), no(Reason::FileStillThere));
    let unseen = seen(&[(5.0, vec![log("manager-1", &two)])]);
    assert_eq!(
        told(&check("worker-1", ""), &unseen),
        (Outcome::CannotTell, Some(Reason::NotKnown))
    );
    let failed = looked(
        "worker-1",
        &json!({"file": {"path": LOG}}),
        &json!({"failed": {"error": "no route"}}),
    );
    let failed = seen(&[(5.0, vec![failed])]);
    assert_eq!(
        told(&check("worker-1", ""), &failed),
        (Outcome::CannotTell, Some(Reason::NotKnown))
    );
    // A look holds until the next one.
    let mut later = both.clone();
    later.seen.push(evidence(&machines(), &[(9.0, machines())]).seen.remove(0));
    assert_eq!(told(&check("any", ", lines: 3"), &later), YES);
}

#[test]
fn lines_come_in_an_order_and_may_have_to_be_new() {
    let lines = ["a 200 x", "b 503 x", "c 503 x", "d 200 x"];
    let all =
        seen(&[(0.0, vec![log("worker-1", &lines[..3])]), (5.0, vec![log("worker-1", &lines)])]);
    let check = |what: &str| format!("{{ machine.file: {{ on: worker-1, path: {LOG}, {what} }} }}");
    assert_eq!(told(&check("sequence: [' 200 ', ' 503 ', ' 200 ']"), &all), YES);
    assert_eq!(told(&check("sequence: [' 200 ', ' 200 ', ' 503 ']"), &all), no(Reason::NoSequence));
    assert_eq!(
        told(&check("sequence: [' 503 ', ' 200 '], new: true"), &all),
        no(Reason::NoSequence)
    );
    assert_eq!(told(&check("lines: 1, new: true"), &all), YES);
    assert_eq!(told(&check("match: ' 503 ', new: true"), &all), no(Reason::TooFewLines));
    // It has begun anew.
    let anew =
        seen(&[(0.0, vec![log("worker-1", &lines)]), (5.0, vec![log("worker-1", &lines[..1])])]);
    assert_eq!(told(&check("lines: 1, new: true"), &anew), YES);
}

#[test]
fn files_are_looked_at_where_pods_are_or_were() {
    let pod = json!({"namespace": "default", "name": "v-1", "uid": "u1", "ready": true, "nodeName": "worker-1",
        "owner": {"kind": "Job", "name": "visitor"}, "containers": []});
    let mut there = machines();
    there["pods"] = json!([pod]);
    let check = format!("{{ machine.file: {{ on: pods(job/visitor), path: {LOG}, lines: 1 }} }}");
    let found = vec![log("worker-1", &["a 200 x"]), log("manager-1", &["x", "y"])];
    let mut evidence = seen_of(&there, &[(5.0, found.clone())]);
    assert_eq!(told(&check, &evidence), YES);
    evidence.seen.push(super::families::evidence(&there, &[(9.0, machines())]).seen.remove(0));
    assert_eq!(told(&check, &evidence), YES);
    let nowhere = seen(&[(5.0, found)]);
    assert_eq!(told(&check, &nowhere), no(Reason::NoMachineMeant));
}

#[test]
fn units_are_active_or_not() {
    let unit = |load: &str, active: &str| {
        let found = json!({"unit": {"load": load, "active": active, "sub": "dead"}});
        seen(&[(5.0, vec![looked("worker-1", &json!({"unit": {"unit": "kubelet"}}), &found)])])
    };
    let check = |active: bool| {
        format!("{{ machine.unit: {{ on: worker-1, unit: kubelet, active: {active} }} }}")
    };
    assert_eq!(told(&check(true), &unit("loaded", "active")), YES);
    assert_eq!(told(&check(true), &unit("loaded", "failed")), no(Reason::UnitInactive));
    assert_eq!(told(&check(false), &unit("loaded", "inactive")), YES);
    assert_eq!(told(&check(false), &unit("loaded", "active")), no(Reason::UnitActive));
    assert_eq!(told(&check(true), &unit("not-found", "inactive")), no(Reason::NoUnit));
}

#[test]
fn lines_of_journals_stay_written_and_are_counted_from_the_mark() {
    let look = json!({"journal": {"unit": "docker", "match": "GET"}});
    let journal = |lines: &[(f64, &str)]| {
        let lines: Vec<_> =
            lines.iter().map(|(s, text)| json!({"at": at(*s), "text": text})).collect();
        looked("worker-1", &look, &json!({"journal": {"lines": lines}}))
    };
    let check = "{ machine.journal: { on: worker-1, unit: docker, match: GET, count: 2 } }";
    let both = [(2.0, "GET /info"), (4.0, "GET /version")];
    assert_eq!(told(check, &seen(&[(5.0, vec![journal(&both)])])), YES);
    assert_eq!(told(check, &seen(&[(5.0, vec![journal(&both[..1])])])), no(Reason::NoJournalLine));
    let apart = seen(&[(3.0, vec![journal(&both[..1])]), (5.0, vec![journal(&both[1..])])]);
    assert_eq!(told(check, &apart), YES);
    let old = seen(&[(5.0, vec![journal(&[(-2.0, "GET /a"), (4.0, "GET /b")])])]);
    assert_eq!(told(check, &old), no(Reason::NoJournalLine));
    let other = check.replace("match: GET", "match: POST");
    let unknown = (Outcome::CannotTell, Some(Reason::NotKnown));
    assert_eq!(told(&other, &seen(&[(5.0, vec![journal(&both)])])), unknown);
}

#[test]
fn a_script_says_passed_not_yet_lost_or_nothing() {
    let script = |exit: i32| {
        let found = json!({"script": {"exit": exit, "said": "2 of 3"}});
        seen(&[(5.0, vec![looked("worker-1", &json!({"script": {"run": "test -e /a"}}), &found)])])
    };
    let check = "{ script: { on: worker-1, run: 'test -e /a' } }";
    assert_eq!(told(check, &script(0)), YES);
    assert_eq!(told(check, &script(10)), no(Reason::ScriptNotYet));
    assert_eq!(told(check, &script(20)), (Outcome::Lost, Some(Reason::ScriptLost)));
    assert_eq!(told(check, &script(127)), (Outcome::CannotTell, Some(Reason::NotKnown)));
    let told = judged_by(check, &script(10)).told;
    assert_eq!(told.seen["said"], "2 of 3");
}

fn probed(check: &str) -> Lesson {
    let text = format!(
        "---\nid: a/b\ntitle: {{ en: A }}\ncluster: {{ orchestrator: swarm, managers: 1 }}\nminutes: 1\n\
         params: {{ app: web }}\nsteps:\n  - id: s\n    probe: {{ to: 'http://{{{{app}}}}:3000/', from: manager-1 }}\n\
         \u{20}   check: {{ probe: {{ {check} }} }}\n---\n"
    );
    Lesson::read([("lesson.md", text.as_str())]).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn requests_are_counted_by_the_machine_that_the_step_names() {
    // As the lab's probe writes it.
    let counts = |served: u32, dropped: u32, versions: &Value, slowest: u32| {
        let text = json!({"to": "http://web:3000/", "began": at(0.1), "now": at(5.0), "ended": false, "served": served,
            "dropped": dropped, "reasons": {"refused": dropped}, "versions": versions, "hosts": {"a": 1, "b": 2},
            "slowest_ms": slowest, "first_drop": null, "last_drop": null, "last_drops": []});
        let found = json!({"file": {"lines": 1, "text": format!("{text}\n")}});
        seen(&[(5.0, vec![looked("manager-1", &json!("probe"), &found)])])
    };
    let told = |check: &str, evidence: &Evidence| {
        let verdict = judge(&probed(check).steps[0], evidence);
        (verdict.verdict, verdict.reason)
    };
    let lost = |reason| (Outcome::Lost, Some(reason));
    let one = json!({"1": 300});
    let (one, two) = (counts(300, 0, &one, 40), counts(300, 2, &json!({"1": 200, "2": 100}), 8100));
    let check = "served: '>=100', dropped: 0, versions: 1, hosts: 2, slowest: '<8s'";
    assert_eq!(told(check, &one), YES);
    assert_eq!(told(check, &two), lost(Reason::Dropped));
    assert_eq!(told("served: '>=500'", &one), no(Reason::TooFewServed));
    assert_eq!(told("dropped: '>=1'", &one), no(Reason::NotDropped));
    assert_eq!(told("versions: 2", &one), no(Reason::TooFewVersions));
    assert_eq!(told("versions: 1", &two), lost(Reason::TooManyVersions));
    assert_eq!(told("hosts: 3", &one), no(Reason::TooFewHosts));
    assert_eq!(told("hosts: 1", &one), lost(Reason::TooManyHosts));
    assert_eq!(told("slowest: '<8s'", &two), lost(Reason::TooSlow));
    assert_eq!(told("slowest: '>=8s'", &one), no(Reason::TooFast));
    assert_eq!(told("slowest: '>=8s'", &two), YES);
    let missing = seen(&[(5.0, vec![looked("manager-1", &json!("probe"), &json!("missing"))])]);
    assert_eq!(told(check, &missing), no(Reason::NoProbe));
    let lesson = probed(check);
    let probe = lesson.steps[0].probe.as_ref().unwrap();
    assert_eq!((probe.to.as_str(), probe.every.0.as_millis()), ("http://web:3000/", 50));
}

#[test]
fn conditions_name_what_is_to_be_asked_and_looked_at() {
    let check = |check: &str| {
        let text = format!(
            "---\nid: a/b\ntitle: {{ en: A }}\ncluster: {{ orchestrator: swarm, managers: 1 }}\nminutes: 1\n\
             params: {{ app: web }}\nsteps:\n  - id: s\n    check: {check}\n---\n"
        );
        Lesson::read([("lesson.md", text.as_str())]).unwrap().steps.remove(0).check
    };
    let several = check(
        "{ all: [{ then: [{ engine.health: { service: web } }, { machine.unit: { on: each, unit: docker, \
         active: true } }] }, { never: { machine.file: { on: any, path: '/{{app}}' } } }] }",
    );
    assert_eq!(several.asks(), Ask { extras: Extras::of(&[Extra::Containers]), ..Ask::default() });
    let looks: Vec<_> = several.looks().into_iter().collect();
    assert_eq!(looks.len(), 2);
    let path = "/web".to_owned();
    assert!(looks.iter().any(|lookout| lookout.look == Look::File { path: path.clone() }));
    let facts = evidence(&machines(), &[(1.0, machines())]);
    let all = looks[0].machines(std::iter::once(&facts.seen[0].facts));
    assert_eq!(all.into_iter().collect::<Vec<_>>(), ["manager-1", "worker-1"]);
    assert_eq!(check("{ answer: { key: a, is: b } }").asks(), Ask::default());
    assert!(check("{ swarm.nodes: { ready: 1 } }").asks().workloads);
}
