//! What services of a swarm say beyond how they are, stacks, and who leads.

use clusterdojo::lesson::{Outcome, Reason};
use serde_json::{Value, json};

use super::families::{YES, at, judged, no, once, service, task};

fn labels(stack: Option<&str>) -> Value {
    stack.map_or(json!({}), |stack| json!({"com.docker.stack.namespace": stack}))
}

/// A service that runs, as its stack has made it.
fn of_stack(name: &str, stack: Option<&str>) -> Value {
    let mut service = service(&[task("a", "running", -9.0)])["services"][0].clone();
    service["name"] = json!(name);
    service["details"] = json!({"labels": labels(stack), "mounts": ["data:/var/lib/data"], "configs": ["lab_page"],
        "secrets": [], "networks": ["lab_default"],
        "forceUpdate": 0, "updatedAt": at(-60.0), "updateStartedAt": null, "updateCompletedAt": null,
        "updateMessage": null});
    service
}

fn swarm(services: &[Value]) -> Value {
    let object = |kind: &str, name: &str, stack| json!({"kind": kind, "name": name, "id": name, "labels": labels(stack)});
    json!({"services": services, "swarmObjects": [object("config", "lab_page", Some("lab")),
        object("network", "lab_default", Some("lab")), object("network", "ingress", None)]})
}

#[test]
fn a_stack_has_what_its_file_says_and_nothing_by_hand() {
    let none = swarm(&[]);
    let check = "{ swarm.stack: { name: lab, services: [web], networks: [default], configs: [page], secrets: [] } }";
    assert_eq!(once(check, &none, swarm(&[of_stack("lab_web", Some("lab"))])), YES);
    assert_eq!(once(check, &none, none.clone()), no(Reason::NoStack));
    assert_eq!(once(check, &none, swarm(&[of_stack("lab_web", None)])), no(Reason::NotOfStack));
    let more = check.replace("[web]", "[web, api]");
    let one = swarm(&[of_stack("lab_web", Some("lab"))]);
    assert_eq!(once(&more, &none, one.clone()), no(Reason::OtherSetting));
    let mixed = swarm(&[of_stack("lab_web", Some("lab")), of_stack("lab_api", None)]);
    assert_eq!(once(&more, &none, mixed), no(Reason::NotOfStack));
    assert_eq!(once(&check.replace("[default]", "[]"), &none, one), no(Reason::OtherSetting));
    let unasked = service(&[task("a", "running", -9.0)]);
    let told = once(check, &unasked, unasked.clone());
    assert_eq!(told, (Outcome::CannotTell, Some(Reason::NotKnown)));
}

#[test]
fn a_service_is_checked_and_has_its_parts() {
    let with = |healthcheck: &Value| {
        let mut facts = swarm(&[of_stack("web", None)]);
        let container = json!({"id": "c", "name": "web.1.c", "service": "web", "state": "running",
            "healthcheck": healthcheck});
        facts["machines"] = json!([{"name": "worker-1", "role": "worker", "driver": "docker", "exists": true,
            "state": "running", "address": "10.0.0.2", "containers": {"items": [container], "error": null}}]);
        facts
    };
    let set =
        json!({"test": ["CMD-SHELL", "true"], "interval": 5000, "timeout": 3000, "retries": 1});
    let one = with(&set);
    let told = |facts: &Value, what: &str| {
        once(&format!("{{ swarm.service: {{ name: web, {what} }} }}"), facts, facts.clone())
    };
    let check = |what: &str| told(&one, what);
    let wanted = "healthcheck: { interval: 5s, timeout: 3s, retries: 1 }";
    assert_eq!(check(wanted), YES);
    assert_eq!(check("healthcheck: { timeout: 2s }"), no(Reason::OtherSetting));
    assert_eq!(told(&with(&Value::Null), wanted), no(Reason::NoHealthCheck));
    assert_eq!(told(&swarm(&[of_stack("web", None)]), wanted), no(Reason::NoContainer));
    assert_eq!(check("networks: [lab_default], configs: [lab_page], mounts: [/var/lib/data]"), YES);
    for other in ["networks: [other]", "configs: [other]", "secrets: [other]", "mounts: [/other]"] {
        assert_eq!(check(other), no(Reason::OtherSetting), "{other}");
    }
}

#[test]
fn an_update_is_new_if_it_began_after_the_mark() {
    let state = |began: f64| {
        let mut service = of_stack("web", None);
        service["updateState"] = json!("completed");
        service["details"]["updateStartedAt"] = at(began);
        swarm(&[service])
    };
    let check = "{ swarm.update: { service: web, state: completed } }";
    // Labels alone have changed, so that no task was replaced.
    assert_eq!(judged(check, &state(-60.0), &[(9.0, state(4.0))]), YES);
    assert_eq!(judged(check, &state(-60.0), &[(9.0, state(-60.0))]), no(Reason::NotUpdated));
}

#[test]
fn a_manager_leads_or_nobody_does() {
    let node =
        |name: &str, leads: bool| json!({"name": name, "id": name, "ready": true, "leader": leads});
    let led = |leader: &str| {
        let nodes = ["manager-1", "manager-2"].map(|name| node(name, name == leader));
        json!({ "nodes": nodes })
    };
    let before = led("manager-1");
    let any = "{ swarm.leader: {} }";
    assert_eq!(once(any, &before, before.clone()), YES);
    assert_eq!(once(any, &before, led("nobody")), no(Reason::NoLeader));
    let changed = "{ swarm.leader: { changed: true } }";
    assert_eq!(once(changed, &before, led("manager-2")), YES);
    assert_eq!(once(changed, &before, before.clone()), no(Reason::SameLeader));
    let kept = "{ swarm.leader: { changed: false } }";
    assert_eq!(once(kept, &before, led("manager-2")), no(Reason::AnotherLeader));
    let named = "{ swarm.leader: { name: manager-2 } }";
    assert_eq!(once(named, &before, before.clone()), no(Reason::OtherSetting));
    let silent = json!({"nodes": "no answer within 3 s"});
    assert_eq!(once(any, &before, silent), (Outcome::CannotTell, Some(Reason::NotKnown)));
}
