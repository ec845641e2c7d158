//! What is told of clusters as they were that nobody has asked for.

use clusterdojo::alarm::{Digest, Guard, Happening, What};
use clusterdojo::observe::Facts;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::lesson::{recorded, recordings};

/// All that is told of a recording, with a look at each moment and some after it.
fn told(name: &str) -> Vec<Happening> {
    let mut guard = Guard::default();
    let mut all = Vec::new();
    let moments = recorded(name);
    for (index, (facts, at)) in moments.iter().enumerate() {
        all.extend(guard.look(facts, false, *at));
        let next = moments.get(index + 1).map(|(_, at)| *at);
        for half in 1..20 {
            let later = at.saturating_add(SignedDuration::from_millis(500 * half)).unwrap();
            if next.is_some_and(|next| later >= next) {
                break;
            }
            all.extend(guard.look(facts, false, later));
        }
    }
    all
}

/// What is told of a recording, without what follows from it.
fn roots(name: &str) -> Vec<String> {
    sentences(&told(name).into_iter().filter(|it| !it.follows).collect::<Vec<_>>())
}

#[test]
fn what_was_recorded_is_told_with_its_cause_and_what_was_asked_for_is_not() {
    let ill = "lab_web.1 was unhealthy on worker-2; replaced on worker-2";
    assert_eq!(roots("swarm-healthcheck.the-404.also-1"), [ill]);
    assert_eq!(roots("swarm-drain-and-death.death.also-1"), ["worker-2 is stopped"]);
    assert_eq!(roots("swarm-drain-and-death.back.green"), ["worker-1 is up again after 10 s"]);
    assert_eq!(roots("engine-healthcheck.run.wrong-2"), ["web is unhealthy on machine-1"]);
    let probe = roots("kubernetes-liveness.make-it-ill.green");
    assert!(probe[0].contains("container web was unhealthy") && probe.len() == 1, "{probe:?}");
    // A leader that is new knows of no node how it is, which is no death.
    assert_eq!(roots("swarm-quorum.one-off.green"), ["manager-2 is stopped"]);
    let healed = roots("swarm-hung-or-apart.one-again.green");
    assert!(
        !healed.is_empty() && healed.iter().all(|it| !it.contains("a node that is down")),
        "{healed:?}"
    );
    // Updates, drains and what is removed were asked for.
    let mut asked = recordings();
    asked.retain(|name| {
        ["kubernetes-latest", "kubernetes-zero-downtime", "ops-drain-and-budget", "swarm-stack"]
            .iter()
            .any(|family| name.starts_with(family))
    });
    for name in &asked {
        assert_eq!(roots(name), [""; 0], "{name}");
    }
    assert!(asked.len() > 50, "{}", asked.len());
}

const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn after(seconds: i64) -> Timestamp {
    AT.saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn machine(name: &str, state: &str) -> Value {
    let role = name.split('-').next().unwrap();
    let error = (state != "running").then_some(state);
    json!({"name": name, "role": role, "driver": "docker", "exists": true, "state": state,
        "address": "10.200.0.11", "reachable": error.is_none().then_some(true), "error": error})
}

fn node(name: &str, ready: bool) -> Value {
    json!({"name": name, "id": name, "role": name.split('-').next(), "ready": ready,
        "availability": "active"})
}

fn task(id: &str, slot: i64, node: &str, desired: &str, state: &str, code: Option<i64>) -> Value {
    json!({"id": id, "slot": slot, "node": node, "nodeID": node, "desiredState": desired,
        "state": state, "exitCode": code, "since": AT, "createdAt": AT})
}

fn swarm(worker: &str, ready: bool, tasks: &[Value]) -> Facts {
    serde_json::from_value(
        json!({"name": "practice", "orchestrator": "swarm", "leader": "manager-1",
        "majority": null, "findings": [],
        "machines": {"items": [machine("manager-1", "running"), machine("worker-1", worker)]},
        "nodes": {"items": [node("manager-1", true), node("worker-1", ready)]},
        "services": {"items": [{"id": "s", "name": "web", "tasks": tasks}]}}),
    )
    .unwrap()
}

fn sentences(all: &[Happening]) -> Vec<String> {
    all.iter().map(Happening::sentence).collect()
}

#[test]
fn a_task_that_is_killed_is_told_once_with_its_cause_and_an_update_never() {
    let runs = [task("a", 1, "worker-1", "running", "running", None)];
    for (state, code, wanted) in [
        (
            "failed",
            Some(137),
            &["web.1 was killed on worker-1 (exit code 137); replaced on manager-1"][..],
        ),
        (
            "failed",
            Some(3),
            &["web.1 ended by itself on worker-1 (exit code 3); replaced on manager-1"],
        ),
        ("shutdown", Some(0), &[]),
    ] {
        let mut guard = Guard::default();
        assert_eq!(guard.look(&swarm("running", true, &runs), false, AT), []);
        let ended = swarm(
            "running",
            true,
            &[
                task("b", 1, "manager-1", "running", "running", None),
                task("a", 1, "worker-1", "shutdown", state, code),
            ],
        );
        let mut all = Vec::new();
        for second in 1..30 {
            all.extend(guard.look(&ended, false, after(second)));
        }
        assert_eq!(sentences(&all), wanted);
        assert_eq!(Digest::default().message("practice", &all).is_some(), !wanted.is_empty());
    }
}

#[test]
fn a_machine_that_dies_with_its_tasks_is_one_message_and_one_that_was_stopped_none() {
    for asked in [false, true] {
        let place = |slot| task(&format!("a{slot}"), slot, "worker-1", "running", "running", None);
        let before: Vec<_> = (1..=5).map(place).collect();
        let lost = |slot| {
            let new = format!("b{slot}");
            [
                task(&new, slot, "manager-1", "running", "running", None),
                task(&format!("a{slot}"), slot, "worker-1", "shutdown", "running", None),
            ]
        };
        let after_it: Vec<_> = (1..=5).flat_map(lost).collect();
        let mut guard = Guard::default();
        let mut digest = Digest::default();
        let mut messages = Vec::new();
        let mut look = |facts: &Facts, asked: bool, second: i64| {
            let all = guard.look(facts, asked, after(second));
            messages.extend(digest.message("practice", &all));
            all
        };
        look(&swarm("running", true, &before), false, 0);
        look(&swarm("stopped", true, &before), asked, 1);
        let mut all = Vec::new();
        for second in 16..30 {
            all.extend(look(&swarm("stopped", false, &after_it), false, second));
        }
        assert!(all.iter().all(|it| it.follows));
        assert_eq!(all.len(), if asked { 0 } else { 6 }, "{all:#?}");
        let up = look(&swarm("running", true, &after_it), false, 61);
        let wanted = [What::Up];
        let what: Vec<_> = up.iter().map(|it| it.what).collect();
        assert_eq!(what, if asked { &[][..] } else { &wanted });
        let wanted =
            ["practice: worker-1 is stopped", "practice: worker-1 is up again after 1 min 0 s"];
        assert_eq!(messages, if asked { &[][..] } else { &wanted });
    }
}

#[test]
fn what_was_over_before_anybody_told_of_services_is_no_news() {
    let ended = [
        task("b", 1, "manager-1", "running", "running", None),
        task("a", 1, "worker-1", "shutdown", "failed", Some(137)),
    ];
    let known = swarm("running", true, &ended);
    let mut unknown = known.clone();
    unknown.services = Some(Err("no manager answers".to_owned()).into());
    let mut guard = Guard::default();
    let mut all = guard.look(&unknown, false, AT);
    for second in 1..10 {
        all.extend(guard.look(&known, false, after(second)));
    }
    assert_eq!(all, []);
    // What ends while nobody tells of them is, however.
    all.extend(guard.look(&unknown, false, after(10)));
    let again = [task("c", 1, "worker-1", "running", "running", None)];
    let dead = [task("b", 1, "manager-1", "shutdown", "failed", Some(1))];
    let known = swarm("running", true, &[&again[..], &dead, &ended[1..]].concat());
    for second in 11..20 {
        all.extend(guard.look(&known, false, after(second)));
    }
    let wanted = "web.1 ended by itself on manager-1 (exit code 1); replaced on worker-1";
    assert_eq!(sentences(&all), [wanted]);
}

#[test]
fn a_machine_that_was_not_well_from_the_beginning_is_told_when_it_is_off() {
    let mut guard = Guard::default();
    assert_eq!(guard.look(&swarm("running", false, &[]), false, AT), []);
    let all = guard.look(&swarm("stopped", false, &[]), false, after(5));
    assert_eq!(sentences(&all), ["worker-1 is stopped"]);
    assert!(!all[0].follows, "nobody was told before");
    // Unless somebody has asked for it.
    let mut guard = Guard::default();
    let mut all = guard.look(&swarm("running", false, &[]), false, AT);
    all.extend(guard.look(&swarm("stopped", false, &[]), true, after(5)));
    all.extend(guard.look(&swarm("stopped", false, &[]), false, after(50)));
    all.extend(guard.look(&swarm("running", true, &[]), false, after(60)));
    assert_eq!(all, []);
}

/// Three managers, of which one leads and some answer.
fn managers(leader: Option<&str>, first: &str, on: usize, holds: bool) -> Facts {
    let names = ["manager-1", "manager-2", "manager-3"];
    let state = |name: &str| if name == "manager-1" { first } else { "running" };
    serde_json::from_value(json!({"name": "practice", "orchestrator": "swarm", "leader": leader,
        "majority": {"role": "manager", "on": on, "of": 3, "holds": holds}, "findings": [],
        "machines": {"items": names.map(|name| machine(name, state(name)))},
        "nodes": {"items": names.map(|name| node(name, true))},
        "services": {"items": []}}))
    .unwrap()
}

#[test]
fn a_leader_that_is_gone_is_told_and_who_leads_instead_follows_from_it() {
    // The one that leads is found to be off only after another one does.
    let mut guard = Guard::default();
    guard.look(&managers(Some("manager-1"), "running", 3, true), false, AT);
    let changed = managers(Some("manager-2"), "running", 2, true);
    let mut all = guard.look(&changed, false, after(2));
    all.extend(guard.look(&changed, false, after(6)));
    assert_eq!(all, [], "it may be known in a moment what has become of manager-1");
    all.extend(guard.look(&managers(Some("manager-2"), "stopped", 2, true), false, after(7)));
    let led = "manager-2 leads the swarm instead of manager-1";
    assert_eq!(sentences(&all), ["manager-1 is stopped", led]);
    assert_eq!([all[0].follows, all[1].follows], [false, true]);

    // It is well, and leads no more.
    let mut guard = Guard::default();
    guard.look(&managers(Some("manager-1"), "running", 3, true), false, AT);
    let changed = managers(Some("manager-2"), "running", 3, true);
    let all: Vec<_> =
        (1..30).flat_map(|second| guard.look(&changed, false, after(second))).collect();
    assert_eq!(sentences(&all), [led]);
    assert!(!all[0].follows);
}

#[test]
fn a_majority_that_is_back_is_not_counted_before_all_are_heard() {
    let mut guard = Guard::default();
    guard.look(&managers(Some("manager-1"), "running", 3, true), false, AT);
    let mut all = guard.look(&managers(None, "running", 1, false), false, after(1));
    all.extend(guard.look(&managers(Some("manager-1"), "running", 1, true), false, after(60)));
    all.extend(guard.look(&managers(None, "running", 1, false), false, after(90)));
    all.extend(guard.look(&managers(Some("manager-1"), "running", 2, true), false, after(99)));
    let lost = "practice has lost its majority, and accepts no changes: 1 of 3 managers".to_owned();
    let back = "practice has a majority again".to_owned();
    let counted = format!("{back}: 2 of 3 managers");
    assert_eq!(sentences(&all), [lost.clone(), back, lost, counted]);
}

#[test]
fn the_last_that_is_told_of_a_machine_is_how_it_is() {
    let mut digest = Digest::default();
    let mut told = |what: What, second: i64| {
        let message = if what == What::Up { "is up again" } else { "is stopped" };
        digest.message(
            "practice",
            &[Happening {
                at: after(second),
                what,
                subject: "worker-1".to_owned(),
                machine: Some("worker-1".to_owned()),
                cause: (what == What::Down).then_some("off"),
                message: message.to_owned(),
                follows: false,
            }],
        )
    };
    for (what, second) in [(What::Down, 0), (What::Up, 10), (What::Down, 20), (What::Up, 30)] {
        assert!(told(what, second).is_some(), "{what:?} {second}");
    }
    assert_eq!(told(What::Up, 31), None);
}

#[test]
fn what_ends_again_and_again_is_a_message_a_minute() {
    let mut digest = Digest::default();
    let crash = |second: i64| Happening {
        at: after(second),
        what: What::Replaced,
        subject: "web.1".to_owned(),
        machine: None,
        cause: Some("exited"),
        message: "ended".to_owned(),
        follows: false,
    };
    let all: Vec<_> =
        (0..=24).filter_map(|it| digest.message("practice", &[crash(it * 5)])).collect();
    let more = "practice: web.1 ended (11 times more since it was told last)";
    assert_eq!(all, ["practice: web.1 ended", more, more]);
}
